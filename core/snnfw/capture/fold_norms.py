"""Fold batch normalisation into the convolution or linear layer before it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx

from snnfw.capture.graph import get_attribute

aten = torch.ops.aten
NORM = aten._native_batch_norm_legit_no_training.default
OUT_CHANNELS_FIRST = {aten.conv1d.default, aten.conv2d.default, aten.conv3d.default, aten.linear.default}
OUT_CHANNELS_SECOND = {
    aten.conv_transpose1d.default,
    aten.conv_transpose2d.input,
    aten.conv_transpose3d.input,
}


def fold_norms(module: fx.GraphModule) -> None:
    """Fold every batch norm that follows a layer of its own; write the others as one affine operator.

    In evaluation mode y = γ (x - mean) / std + β, std = √(var + ε); after x = W u + b this is W' = W γ / std and
    b' = γ (b - mean) / std + β, per output channel.
    """
    for node in list(module.graph.nodes):
        if node.target is NORM:
            _fold(module, node) if _can_fold(node) else single_output(module, node)
    module.graph.eliminate_dead_code()
    module.recompile()


def _can_fold(norm: fx.Node) -> bool:
    layer: Any = norm.args[0]
    if layer.target not in OUT_CHANNELS_FIRST | OUT_CHANNELS_SECOND or len(layer.users) != 1:
        return False
    if layer.target is aten.linear.default and layer.meta["val"].dim() != 2:
        return False  # the norm's channels are dimension 1, a linear layer's the last
    if layer.target in OUT_CHANNELS_SECOND and len(layer.args) > 6 and layer.args[6] != 1:
        return False  # grouped transposed convolutions lay their output channels out by group
    return all(arg is None or arg.op == "get_attr" for arg in layer.args[1:3])


def _fold(module: fx.GraphModule, norm: fx.Node) -> None:
    layer: Any = norm.args[0]
    scale, shift = _affine(module, norm)
    weight = get_attribute(module, layer.args[1].target)
    bias_node = layer.args[2] if len(layer.args) > 2 else None
    bias = get_attribute(module, bias_node.target).double() if bias_node is not None else 0.0
    axis = 1 if layer.target in OUT_CHANNELS_SECOND else 0
    spread = [-1 if dim == axis else 1 for dim in range(weight.dim())]
    folded = {
        "weight": (weight.double() * scale.view(spread)).to(weight.dtype),
        "bias": (bias * scale + shift).to(weight.dtype),
    }
    with module.graph.inserting_before(layer):
        attributes = [_constant(module, layer, name, value) for name, value in folded.items()]
    layer.args = (layer.args[0], *attributes, *layer.args[3:])
    for output in list(norm.users):  # getitem(0): the normalised tensor; the other results are empty
        output.replace_all_uses_with(layer)
        module.graph.erase_node(output)
    module.graph.erase_node(norm)


def single_output(module: fx.GraphModule, norm: fx.Node) -> None:
    """Replace the three-result operator by batch_norm, which returns the normalised tensor alone."""
    source, weight, bias, mean, var, momentum, epsilon = norm.args
    for output in list(norm.users):
        with module.graph.inserting_before(output):
            args = (source, weight, bias, mean, var, False, momentum, epsilon, False)
            single = module.graph.call_function(aten.batch_norm.default, args)
        single.meta = dict(output.meta)
        output.replace_all_uses_with(single)
        module.graph.erase_node(output)


def _affine(module: fx.GraphModule, norm: fx.Node) -> tuple[Tensor, Tensor]:
    values: list[Any] = [
        get_attribute(module, str(arg.target)) if isinstance(arg, fx.Node) else arg for arg in norm.args[1:]
    ]
    gamma, beta, mean, var, _, epsilon = values
    scale = torch.rsqrt(var.double() + epsilon) * (gamma.double() if gamma is not None else 1.0)
    shift = (beta.double() if beta is not None else 0.0) - mean.double() * scale
    return scale, shift


def _constant(module: fx.GraphModule, layer: fx.Node, part: str, value: Tensor) -> fx.Node:
    """Return the node of a constant, which says like all others what it holds: a shape and a type."""
    name = f"{layer.name}_folded_{part}"
    module.register_buffer(name, value)
    node = module.graph.get_attr(name)
    node.meta["val"] = layer.meta["val"].new_empty(value.shape, dtype=value.dtype)
    return node
