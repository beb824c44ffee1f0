"""Layers without memory in NIR's words: convolution, linear, average pool, flatten."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import fx

from snnfw.capture.sites import aten
from snnfw.exports.nir_growing import Growing, array, shape_of

Layers = list[Any] | str
"""Nodes of NIR one behind the other, or why there are none."""


def _arguments(node: fx.Node) -> dict[str, Any]:
    """Return an operator's arguments by name, with their defaults."""
    schema = node.target._schema.arguments  # type: ignore[union-attr]  # an operator of aten
    given = dict(zip((argument.name for argument in schema), node.args, strict=False))  # the last ones may be left out
    return {argument.name: node.kwargs.get(argument.name, argument.default_value) for argument in schema} | given


def _pair(value: int | Sequence[int]) -> tuple[int, int]:
    sizes = [value] if isinstance(value, int) else list(value)
    return (sizes[0], sizes[-1])


def _convolution(growing: Growing, node: fx.Node) -> Layers:
    import nir

    said = _arguments(node)
    weight, bias = growing.constant(said["weight"]), growing.constant(said["bias"])
    if weight is None or weight.dim() != 4 or said.get("transposed"):
        return "NIR has convolutions over two dimensions, which are not transposed"
    if said["groups"] != 1:
        return "the shapes of NIR's convolutions know no groups"
    padding, dilation = said["padding"], _pair(said["dilation"])
    if isinstance(padding, str):
        wide = [step * (size - 1) for step, size in zip(dilation, weight.shape[2:], strict=True)]
        if any(size % 2 for size in wide):
            return "it pads more on one side than on the other"
        padding = [size // 2 if padding == "same" else 0 for size in wide]
    bias = weight.new_zeros(len(weight)) if bias is None else bias
    size = shape_of(said["input"])[1:]
    return [nir.Conv2d(size, array(weight), _pair(said["stride"]), _pair(padding), dilation, 1, array(bias))]


def _linear(growing: Growing, node: fx.Node) -> Layers:
    import nir

    said = _arguments(node)
    weight, bias = growing.constant(said["weight"]), growing.constant(said["bias"])
    if len(shape_of(said["input"])) != 1 or weight is None:
        return "NIR's linear layers read one dimension"
    return [nir.Linear(array(weight)) if bias is None else nir.Affine(array(weight), array(bias))]


def _average(growing: Growing, node: fx.Node) -> Layers:
    del growing
    said = _arguments(node)
    if any(_pair(said["padding"])) or said["ceil_mode"] or said["divisor_override"]:
        return "NIR does not say how an average pool counts what is padded"
    return [_pool(_pair(said["kernel_size"]), _pair(said["stride"] or said["kernel_size"]))]


def _adaptive(growing: Growing, node: fx.Node) -> Layers:
    del growing
    sizes, wanted = shape_of(node.args[0])[1:], shape_of(node)[1:]
    if any(size % want for size, want in zip(sizes, wanted, strict=True)):
        return "its windows differ in size"
    window = tuple(size // want for size, want in zip(sizes, wanted, strict=True))
    return [_pool(window, window)]


def _mean(growing: Growing, node: fx.Node) -> Layers:
    del growing
    shape, said = shape_of(node.args[0]), _arguments(node)
    axes = {axis % (len(shape) + 1) for axis in said["dim"] or ()}
    if len(shape) != 3 or axes != {2, 3}:
        return "NIR has means over both dimensions of an image alone"
    pool = _pool(shape[1:], shape[1:])
    return [pool] if said["keepdim"] else [pool, _flat((shape[0], 1, 1))]


def _flatten(growing: Growing, node: fx.Node) -> Layers:
    del growing
    if len(shape_of(node)) != 1:
        return "NIR flattens a sample as a whole"
    return [_flat(shape_of(node.args[0]))]


def _pool(window: tuple[int, ...], stride: tuple[int, ...]) -> Any:
    import nir
    import numpy as np

    return nir.AvgPool2d(np.array(window), np.array(stride), np.array((0, 0)))


def _flat(shape: tuple[int, ...]) -> Any:
    import nir

    return nir.Flatten({"input": shape}, 0, -1)


LAYERS: Mapping[Any, Callable[[Growing, fx.Node], Layers]] = {
    aten.conv2d: _convolution,
    aten.convolution: _convolution,
    aten.linear: _linear,
    aten.avg_pool2d: _average,
    aten.adaptive_avg_pool2d: _adaptive,
    aten.mean: _mean,
    aten.reshape: _flatten,
    aten.view: _flatten,
    aten.flatten: _flatten,
}

PASSED = {aten.dropout, aten.feature_dropout, aten.clone, aten.contiguous, aten.alias, aten.detach}
"""Operators that change nothing when nothing is trained."""
