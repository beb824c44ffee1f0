"""The options that several tasks or their data sources share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pydantic import Field

Channels: TypeAlias = tuple[float] | tuple[float, float, float]
Positive: TypeAlias = Annotated[float, Field(gt=0)]
Mean: TypeAlias = Annotated[
    Channels | None, Field(description="subtracted from red, green and blue, or from grey alone")
]
Deviation: TypeAlias = Annotated[
    tuple[Positive] | tuple[Positive, Positive, Positive] | None,
    Field(description="what red, green and blue, or grey alone, are divided by"),
]
Size: TypeAlias = Annotated[
    int | None, Field(ge=1, description="side in pixels of the square that images are fitted into; the network's own")
]

Images: TypeAlias = Annotated[
    int, Field(ge=1, description="calibrate with at most so many images, drawn with the seed")
]


@dataclass(frozen=True, slots=True)
class Amounts:
    """How many samples a task takes of its data, and how it reads them."""

    batch: Annotated[int, Field(ge=1, description="samples per batch")] = 128
    calibration: Annotated[
        int, Field(ge=1, description="calibrate with at most so many samples, drawn with the seed")
    ] = 256
    limit: Annotated[
        int | None,
        Field(ge=1, description="test on so many samples, the same ones in every run; without it, on all"),
    ] = None
    workers: Annotated[int, Field(ge=0, description="processes that read files beside the main one")] = 0


@dataclass(frozen=True, slots=True)
class ImageAmounts(Amounts):
    """How many images a task takes whose networks answer for parts of them."""

    batch: Annotated[int, Field(ge=1, description="images per batch")] = 32
    calibration: Images = 64
    limit: Annotated[
        int | None,
        Field(ge=1, description="test on so many images, the same ones in every run; without it, on all"),
    ] = None
