"""Detectors of papers by name, with random weights or with yours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias, cast

from pydantic import Field

if TYPE_CHECKING:
    from collections.abc import Callable

    from snnfw import Resources
    from snnfw_tasks.detection.models.yolov2 import AnchoredDetector
    from snnfw_tasks.detection.sources import Detector

Weights: TypeAlias = Annotated[
    Path | None, Field(description="a .safetensors or .pth file; without it random, drawn with the seed")
]
Activation: TypeAlias = Annotated[
    Literal["relu", "leaky"], Field(description="relu is converted with any method, leaky is the published one")
]
Anchors: TypeAlias = Annotated[Literal["voc", "coco"], Field(description="whose five sizes of boxes")]
Scaling: TypeAlias = Annotated[float, Field(gt=0, le=4, description="channels as a share of the published ones")]
Side: TypeAlias = Annotated[
    int, Field(ge=32, description="side in pixels of the images, where the data does not say it")
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
    side: Side = 640
    weights: Weights = None

    def build(self, names: tuple[str, ...], resources: Resources) -> Detector:
        """Return the network for classes of these names."""
        from snnfw_tasks.detection.loss import DetectionLoss, Grids
        from snnfw_tasks.detection.models.merging import merge_convolutions
        from snnfw_tasks.detection.models.spike_yolo import SIZES, STRIDES, Scale, SpikeYolo
        from snnfw_tasks.detection.sources import Detector
        from snnfw_tasks.networks.checkpoint import build_seeded, load_weights

        sized = SIZES[self.size]
        scale = Scale(self.width or sized.width, self.depth or sized.depth)
        network = build_seeded(lambda: SpikeYolo(scale, len(names), self.bins), resources.seed)
        if self.weights:
            load_weights(network, self.weights)
        loss = partial(DetectionLoss, Grids(len(names), self.bins, tuple(float(stride) for stride in STRIDES)))
        return Detector(network, names, self.side, loss, merge=partial(merge_convolutions, network))


@dataclass(frozen=True, slots=True)
class YoloV2Model:
    """YOLOv2 (Redmon & Farhadi 2017) on Darknet-19 or ResNet-50; its weights are yours."""

    name: ClassVar[str] = "yolov2"
    tasks: ClassVar[tuple[str, ...]] = ("detection",)

    backbone: Annotated[Literal["darknet19", "resnet50"], Field(description="what the head reads")] = "resnet50"
    activation: Activation = "leaky"
    anchors: Anchors = "voc"
    scale: Scaling = 1.0
    side: Side = 416
    weights: Weights = None

    def build(self, names: tuple[str, ...], resources: Resources) -> Detector:
        """Return the network for classes of these names."""
        from snnfw_tasks.detection.models.yolov2 import yolov2

        made = partial(yolov2, self.backbone, self.activation, self.anchors, len(names), self.scale)
        return _anchored(made, self.weights, names, self.side, resources)


@dataclass(frozen=True, slots=True)
class TinyYoloModel:
    """Tiny YOLO, as others have converted it; its weights are yours."""

    name: ClassVar[str] = "tiny-yolo"
    tasks: ClassVar[tuple[str, ...]] = ("detection",)

    activation: Activation = "leaky"
    pool: Annotated[
        Literal["max", "stride"], Field(description="how a map is halved: by maxima, or by convolutions of stride 2")
    ] = "max"
    anchors: Anchors = "voc"
    scale: Scaling = 1.0
    side: Side = 416
    weights: Weights = None

    def build(self, names: tuple[str, ...], resources: Resources) -> Detector:
        """Return the network for classes of these names."""
        from snnfw_tasks.detection.models.yolov2 import tiny_yolo

        made = partial(tiny_yolo, self.activation, self.pool, self.anchors, len(names), self.scale)
        return _anchored(made, self.weights, names, self.side, resources)


def _anchored(
    make: Callable[[], AnchoredDetector],
    weights: Path | None,
    names: tuple[str, ...],
    side: int,
    resources: Resources,
) -> Detector:
    """Return a detector with anchors."""
    from snnfw_tasks.detection.models.anchored_loss import AnchoredLoss
    from snnfw_tasks.detection.sources import Detector
    from snnfw_tasks.networks.checkpoint import build_seeded, load_weights

    network = cast("AnchoredDetector", build_seeded(make, resources.seed))
    if weights:
        load_weights(network, weights)
    return Detector(network, names, side, partial(AnchoredLoss, network.anchors, len(names)))
