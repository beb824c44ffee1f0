"""The options that all event data sets share: how recordings are cut into frames and scaled."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

Frames: TypeAlias = Annotated[int, Field(ge=1, description="frames per recording, one for each timestep")]
Slicing: TypeAlias = Annotated[
    Literal["time", "count"], Field(description="cut into stretches of equal time, or of equally many events")
]
Clip: TypeAlias = Annotated[
    int, Field(ge=1, description="so many events in one cell of a frame, or more, count as 1, fewer in proportion")
]
Static: TypeAlias = Annotated[bool, Field(description="sum the frames up to one static input")]
Size: TypeAlias = Annotated[int, Field(ge=1, description="side of a frame, in cells")]
