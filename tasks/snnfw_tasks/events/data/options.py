"""The options that all event data sets share: how recordings are cut into frames and scaled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

Frames: TypeAlias = Annotated[int, Field(ge=1, description="frames per recording, one for each timestep")]
Slicing: TypeAlias = Annotated[
    Literal["time", "count", "maximum"],
    Field(description="cut into stretches of equal time, of equally many events, or of equal time from 0 on"),
]
Clip: TypeAlias = Annotated[
    int | None,
    Field(
        ge=1,
        description="so many events in one cell of a frame, or more, count as 1, fewer in proportion; null: counts",
    ),
]
Static: TypeAlias = Annotated[bool, Field(description="sum the frames up to one static input")]
Size: TypeAlias = Annotated[int, Field(ge=1, description="side of a frame, in cells")]


@dataclass(frozen=True, slots=True)
class Recordings:
    """What published recordings leave open: where they are, and how they become frames."""

    name: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]] = ("events",)

    root: Path
    frames: Frames = 10
    slicing: Slicing = "time"
    clip: Clip = 10
    static: Static = False
    size: Size = 48
    stacked: Annotated[bool, Field(description="frames as channels of one static input, polarity after polarity")] = (
        False
    )
    scaling: Annotated[
        Literal["cells", "nearest"],
        Field(description="count the events of all pixels in a cell, or take the nearest pixel's, on a square"),
    ] = "cells"

    def __post_init__(self) -> None:
        """Refuse two ways to make one input of all frames."""
        if self.static and self.stacked:
            raise ValueError("static sums the frames and stacked keeps them as channels: leave one of them out")
