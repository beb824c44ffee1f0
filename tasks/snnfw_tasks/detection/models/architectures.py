"""Detectors of papers by name, with random weights or with yours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

if TYPE_CHECKING:
    from snnfw import Resources
    from snnfw_tasks.detection.sources import Detector

Weights: TypeAlias = Annotated[
    Path | None, Field(description="a .safetensors or .pth file; without it random, drawn with the seed")
]


@dataclass(frozen=True, slots=True)
class SpikeYoloModel:
    """SpikeYOLO (Luo et al. 2024), which neurons that fire integers are trained in."""

    name: ClassVar[str] = "spike-yolo"
    tasks: ClassVar[tuple[str, ...]] = ("detection",)

    size: Annotated[Literal["n", "s", "m", "l"], Field(description="as published, from 13 to 68 million weights")] = "n"
    width: Annotated[
        float | None, Field(gt=0, le=4, description="channels of stage 2 as a share of 128, instead of the size's")
    ] = None
    depth: Annotated[
        float | None, Field(gt=0, le=4, description="blocks as a share of 3, 6, 9 and 3, instead of the size's")
    ] = None
    bins: Annotated[int, Field(ge=2, le=64, description="places of a distance's distribution, in strides")] = 16
    side: Annotated[int, Field(ge=32, description="side in pixels of the images, where the data does not say it")] = 640
    weights: Weights = None

    def build(self, names: tuple[str, ...], resources: Resources) -> Detector:
        """Return the network for classes of these names."""
        from snnfw_tasks.detection.models.merging import merge_convolutions
        from snnfw_tasks.detection.models.spike_yolo import SIZES, STRIDES, Scale, SpikeYolo
        from snnfw_tasks.detection.sources import Detector, Grids
        from snnfw_tasks.networks.checkpoint import build_seeded, load_weights

        sized = SIZES[self.size]
        scale = Scale(self.width or sized.width, self.depth or sized.depth)
        network = build_seeded(lambda: SpikeYolo(scale, len(names), self.bins), resources.seed)
        if self.weights:
            load_weights(network, self.weights)
        grids = Grids(len(names), self.bins, tuple(float(stride) for stride in STRIDES))
        return Detector(network, names, self.side, grids, merge=partial(merge_convolutions, network))
