"""The embedded network for the embedded scenes' pixels, with weights that come with the package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

# pydantic resolves it at run time
from snnfw_tasks.networks.shipped import OtherWeights, shipped_weights
from snnfw_tasks.samples.labelled import Preprocess
from snnfw_tasks.scenes.files import CLASSES, PREPARE

if TYPE_CHECKING:
    from torch import nn

    from snnfw import Resources


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
        from snnfw_tasks.networks.checkpoint import load_weights

        module = build_untrained()
        load_weights(module, self.weights or shipped_weights(self.name))
        return module


def build_untrained() -> nn.Module:
    """Return the network with fresh random weights, as training starts from."""
    from snnfw_tasks.segmentation.models.scenes_fcn import ScenesFcn

    return ScenesFcn(len(CLASSES))
