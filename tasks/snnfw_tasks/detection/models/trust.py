"""Refuse descriptions of networks that would run as code: ultralytics evaluates what they name."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from snnfw import SnnfwError

if TYPE_CHECKING:
    from collections.abc import Mapping


def require_harmless(description: Mapping[str, Any], source: str) -> None:
    """Raise an SnnfwError where the activation, or a layer, is anything but a class of layers by name."""
    activation = description.get("activation")
    if activation is not None and not _is_activation(activation):
        raise SnnfwError(
            f"'{source}' has the activation {activation!r}, which would run as code: "
            "write torch.nn.ReLU() or another of torch's, or set model.trust=true if you trust the file."
        )
    for part in ("backbone", "head"):
        layers = description.get(part)
        if not isinstance(layers, list):
            raise SnnfwError(
                f"'{source}' describes no detector: '{part}' must be a list of [from, number, layer, args]."
            )
        for layer in layers:
            _require_layer(layer, source)


def _is_activation(text: object) -> bool:
    """Tell whether a text is the call of one of torch's layers with plain values, and nothing else."""
    from torch import nn

    try:
        call = ast.parse(str(text).strip(), mode="eval").body
        if not isinstance(call, ast.Call):
            return False
        for value in (*call.args, *(word.value for word in call.keywords)):
            ast.literal_eval(value)
    except (SyntaxError, ValueError, TypeError):
        return False
    place, _, name = ast.unparse(call.func).rpartition(".")
    kind = getattr(nn, name, None)
    return place in ("nn", "torch.nn") and isinstance(kind, type) and issubclass(kind, nn.Module)


def _require_layer(layer: object, source: str) -> None:
    """Raise an SnnfwError unless a layer's kind is a class of torch's or ultralytics' layers."""
    from torch import nn
    from torchvision import ops
    from ultralytics.nn import modules

    if not (isinstance(layer, list) and len(layer) == 4 and isinstance(layer[2], str) and isinstance(layer[3], list)):
        raise SnnfwError(f"'{source}' has the layer {layer!r}: a layer is [from, number, layer, args].")
    name = layer[2]
    place, _, last = name.rpartition(".")
    if last == "TorchVision":
        raise SnnfwError(
            f"'{source}' has the layer '{name}', which downloads weights: set model.trust=true if you trust the file."
        )
    home = {"": modules, "nn": nn, "torchvision.ops": ops}.get(place)
    kind = getattr(home, last, None)
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        raise SnnfwError(
            f"'{source}' has the layer '{name}', which is none of torch's, torchvision's or ultralytics' layers: "
            "name one of these, or set model.trust=true if you trust the file."
        )
