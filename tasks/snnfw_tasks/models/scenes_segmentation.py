"""The embedded network for the embedded scenes' pixels, with weights that come with the package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from snnfw_tasks.datasets.scenes import CLASSES
from snnfw_tasks.labelled import Preprocess

# pydantic resolves it at run time
from snnfw_tasks.models.digits import OtherWeights

if TYPE_CHECKING:
    from torch import nn

    from snnfw.values import Resources

WEIGHTS = Path(__file__).parent.parent / "weights"

PREPARE = Preprocess(resize=128, crop=128, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
"""The scenes' own size, and colours from -2 to 2."""


@dataclass(frozen=True, slots=True)
class ScenesFcnModel:
    """A small fully convolutional network with two skips, trained on the embedded scenes."""

    name: ClassVar[str] = "scenes-fcn"
    tasks: ClassVar[tuple[str, ...]] = ("segmentation",)

    weights: OtherWeights = None

    def preprocess(self) -> Preprocess:
        """Return how the scenes were prepared."""
        return PREPARE

    def build(self, classes: int, resources: Resources) -> nn.Module:
        """Return the network with eleven classes: the background and the digits."""
        del classes, resources  # what was trained is fixed
        from snnfw_tasks.models.checkpoint import load_weights

        module = untrained()
        load_weights(module, self.weights or shipped())
        return module


def untrained() -> nn.Module:
    """Return the network with fresh random weights, as training starts from."""
    from snnfw_tasks.models.scenes_fcn import ScenesFcn

    return ScenesFcn(len(CLASSES))


def shipped() -> Path:
    """Return the file with the weights that come with the package."""
    return WEIGHTS / f"{ScenesFcnModel.name}.safetensors"
