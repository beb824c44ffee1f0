"""Detectors: the two that come with the package, and any of ultralytics'."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeAlias

from pydantic import Field

from snnfw import SnnfwError

if TYPE_CHECKING:
    from snnfw import Resources
    from snnfw_tasks.detection.sources import Detector

YOLO = r"(yolo|rtdetr)[\w-]+(\.yaml)?"
"""How ultralytics calls its architectures."""

OtherWeights: TypeAlias = Annotated[
    Path | None, Field(description="a .safetensors file of the same kind instead of the shipped one")
]


@dataclass(frozen=True, slots=True)
class ScenesYoloRelu:
    """A small YOLO with ReLU, trained on the embedded scenes."""

    name: ClassVar[str] = "scenes-yolo-relu"
    tasks: ClassVar[tuple[str, ...]] = ("detection",)

    weights: OtherWeights = None

    def build(self, names: tuple[str, ...], resources: Resources) -> Detector:
        """Return the network for digits."""
        del names, resources  # what was trained is fixed
        from snnfw_tasks.detection.models.scenes import build_embedded

        return build_embedded(self.name, self.weights)


@dataclass(frozen=True, slots=True)
class ScenesYoloSilu:
    """The same network with SiLU, ultralytics' own choice, trained on the embedded scenes."""

    name: ClassVar[str] = "scenes-yolo-silu"
    tasks: ClassVar[tuple[str, ...]] = ("detection",)

    weights: OtherWeights = None

    def build(self, names: tuple[str, ...], resources: Resources) -> Detector:
        """Return the network for digits."""
        del names, resources
        from snnfw_tasks.detection.models.scenes import build_embedded

        return build_embedded(self.name, self.weights)


@dataclass(frozen=True, slots=True)
class UltralyticsModel:
    """A detector of ultralytics': with your weights, or with random ones."""

    name: ClassVar[str] = "ultralytics"
    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    foreign: ClassVar[bool] = True

    arch: Annotated[
        str | None, Field(description="one of its names, such as yolov8n.yaml or yolo11n, or your own .yaml file")
    ] = None
    weights: Annotated[Path | None, Field(description="a .pt file, which brings its own architecture")] = None
    nms: Annotated[
        bool, Field(description="false: take the head that needs no suppression of boxes, where there is one")
    ] = True
    trust: Annotated[
        bool, Field(description="accept files that may run code when read: give it for files of your own alone")
    ] = False

    @classmethod
    def words_for(cls, name: str) -> str | None:
        """Return how a detector of ultralytics' is written that goes by this name, or a file of weights."""
        if name.endswith(".pt"):
            return f"{cls.name} model.weights={name}"
        return f"{cls.name}/{name.removesuffix('.yaml')}.yaml" if re.fullmatch(YOLO, name) else None

    @property
    def runs(self) -> tuple[str, ...]:
        """Return the parameters that name a file which may run code when it is read."""
        return ("trust", "arch", "weights") if self.trust else ()

    def build(self, names: tuple[str, ...], resources: Resources) -> Detector:
        """Return the network of the weights, or one with random weights for classes of these names."""
        from snnfw_tasks.detection.models.networks import as_detector, remove_suppression
        from snnfw_tasks.detection.models.zoo import build_untrained, load_trained

        if (self.arch is None) == (self.weights is None):
            given = "both" if self.arch else "neither"
            raise SnnfwError(
                f"model 'ultralytics' got {given} of model.arch and model.weights: give model.arch=yolov8n.yaml for "
                "random weights, or model.weights=FILE.pt, which brings its own architecture."
            )
        if self.weights is not None:
            network, own, side = load_trained(self.weights, self.trust)
        else:
            network, own, side = build_untrained(str(self.arch), names, self.trust, resources.seed)
        source = str(self.weights or self.arch)
        if not self.nms:
            remove_suppression(network, source)
        return as_detector(network, own, side, source)
