"""torchvision's networks for segmentation, without the second head that only training needs."""

from __future__ import annotations

from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnfw_tasks.networks.zoo import build_network

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn
    from torchvision.models import WeightsEnum

AUXILIARY = "aux_classifier"
"""The second head's name in torchvision's networks."""


def segmenter_names() -> list[str]:
    """Return torchvision's names of networks for segmentation."""
    from torchvision import models

    return list(models.list_models(module=models.segmentation))


def build_segmenter(
    arch: str, named: WeightsEnum | None, weights: str | None, classes: int, args: Mapping[str, Any], seed: int
) -> nn.Module:
    """Return a network with torchvision's weights, those of a file, or random ones.

    ``classes`` outputs unless torchvision's weights or ``args`` say otherwise.
    """
    from torchvision.models import get_model

    from snnfw_tasks.networks.checkpoint import load_weights, tensor_names

    given: dict[str, Any] = {} if named else {"weights_backbone": None, "num_classes": classes}
    if weights and not named and any(AUXILIARY in name.split(".") for name in tensor_names(Path(weights))):
        given["aux_loss"] = True

    def create() -> nn.Module:
        require_arguments(arch, args)
        module: nn.Module = get_model(arch, weights=named, **{**given, **args})
        return module

    module = build_network(create, "torchvision", arch, weights if named else None, {**given, **args}, seed)
    if weights and not named:
        load_weights(module, Path(weights))
    if getattr(module, AUXILIARY, None) is not None:
        setattr(module, AUXILIARY, None)
    return module


def require_arguments(arch: str, args: Mapping[str, Any]) -> None:
    """Raise a TypeError for an argument that the network's builder does not name: it would swallow it."""
    from torchvision.models import get_model_builder

    parameters = signature(get_model_builder(arch)).parameters
    for name in args:
        if name not in parameters or parameters[name].kind is Parameter.VAR_KEYWORD:
            raise TypeError(f"it has no argument '{name}'")
