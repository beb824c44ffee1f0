"""Keep in a captured graph what only training needs: batch norms that estimate, dropouts that drop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx, nn

from snnfw.capture.fold_norms import NORM, single_output
from snnfw.capture.graph import Change, evaluate, get_attribute

aten = torch.ops.aten
MODE: dict[Any, int] = {aten.batch_norm.default: 5, aten.dropout.default: 2, aten.feature_dropout.default: 2}
"""Operators that training changes, and which of their arguments says so."""


@torch.library.custom_op("snnfw::kept_dropout", mutates_args=())
def kept_dropout(x: Tensor, p: float, whole_channels: bool) -> Tensor:
    """Stand in for a dropout while a graph is decomposed, which would remove one that drops nothing."""
    del p, whole_channels
    return x.clone()


@kept_dropout.register_fake
def _(x: Tensor, p: float, whole_channels: bool) -> Tensor:
    del p, whole_channels
    return torch.empty_like(x)


WHOLE_CHANNELS: dict[Any, bool] = {
    aten.dropout.default: False,
    aten.dropout_.default: False,
    aten.feature_dropout.default: True,
    aten.feature_dropout_.default: True,
}
"""Every dropout, and whether it drops whole channels."""


def mark_dropouts(module: fx.GraphModule) -> None:
    """Replace every dropout of an exported graph by what decomposition leaves alone.

    One in place is read by whatever reads its argument after it.
    """
    position = {node: index for index, node in enumerate(module.graph.nodes)}
    for node in position:
        if node.target in WHOLE_CHANNELS:
            source, in_place = node.args[0], node.target._schema.is_mutable
            node.target, node.args = (
                torch.ops.snnfw.kept_dropout.default,
                (*node.args[:2], WHOLE_CHANNELS[node.target]),
            )
            if in_place:
                after = {user for user in source.users if position[user] > position[node]}
                source.replace_all_uses_with(node, delete_user_cb=after.__contains__)
    module.recompile()


def keep_trainable(module: fx.GraphModule) -> None:
    """Write batch norms and marked dropouts as single operators that ``evaluate_training`` can switch."""
    for node in list(module.graph.nodes):
        if node.target is NORM:
            single_output(module, node)
        elif node.target is torch.ops.snnfw.kept_dropout.default:
            source, p, whole_channels = node.args
            node.target = aten.feature_dropout.default if whole_channels else aten.dropout.default
            node.args = (source, p, False)
    module.graph.eliminate_dead_code()
    module.recompile()


def evaluate_training(
    module: nn.Module,
    node: fx.Node,
    value_of: Callable[[fx.Node], Any],
    changed: Change | None = None,
) -> Any:
    """Return the result of one node as in training: batch norms use and estimate the batch's statistics, dropouts drop.

    The graph stays as it is, so that of two models on it one can learn and the other not.
    """
    if node.target not in MODE or is_frozen(module, node):
        return evaluate(module, node, value_of, changed)
    args: list[Any] = list(fx.map_arg(node.args, value_of))  # which name neither device nor type
    args[MODE[node.target]] = True
    function: Any = node.target
    return function(*args)


def batch_norms(module: fx.GraphModule) -> tuple[fx.Node, ...]:
    """Return the batch norms of a graph that was kept trainable, in the order of execution."""
    return tuple(node for node in module.graph.nodes if node.target is aten.batch_norm.default)


def is_frozen(module: nn.Module, node: fx.Node) -> bool:
    """Tell whether a batch norm has parameters and none of them may change: its estimates stay as they are, too."""
    given = node.args[1:3] if node.target is aten.batch_norm.default else ()
    own = [get_attribute(module, str(arg.target)) for arg in given if isinstance(arg, fx.Node) and arg.op == "get_attr"]
    return bool(own) and not any(parameter.requires_grad for parameter in own)
