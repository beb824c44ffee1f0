"""Count the multiply-accumulates of one call of an operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils.flop_counter import FlopCounterMode, flop_registry

from snnfw.capture.sites import overload_packet

aten = torch.ops.aten

UNCOUNTED: dict[Any, Callable[[Tensor, tuple[Any, ...]], int]] = {
    aten.mv: lambda _, given: given[0].numel(),
    aten.addmv: lambda _, given: given[1].numel(),
    aten.outer: lambda result, _: result.numel(),
    aten.linalg_vecdot: lambda _, given: torch.broadcast_tensors(*given[:2])[0].numel(),
    aten.linalg_cross: lambda result, _: 2 * result.numel(),
    aten.bilinear: lambda result, given: result.numel() * given[2][0].numel(),
    aten.scaled_dot_product_attention: lambda result, given: _attention(result, *given[:3]),
}
"""Products that torch's counter leaves out: their MACs from the result and the arguments."""


def run_counting(node: fx.Node, run: Callable[[], Any], arguments: Callable[[], tuple[Any, ...]]) -> tuple[Any, int]:
    """Return a node's result, computed by ``run``, and its MACs; two floating point operations make one."""
    count = UNCOUNTED.get(overload_packet(node))
    if count is None and not _may_count(node):
        return run(), 0
    counter = FlopCounterMode(display=False)
    with counter:
        result = run()
    if count is None or not isinstance(result, Tensor):
        return result, counter.get_total_flops() // 2
    return result, count(result, arguments())


def _attention(result: Tensor, query: Tensor, key: Tensor, value: Tensor) -> int:
    """Return the MACs of both products of an attention that stays whole; torch's counter knows them on GPUs alone."""
    rows = result.numel() // value.shape[-1]
    return rows * key.shape[-2] * (query.shape[-1] + value.shape[-1])


def _may_count(node: fx.Node) -> bool:
    """Tell whether torch's counter knows an operator, or what it is made of."""
    if not isinstance(node.target, torch._ops.OpOverload):
        return isinstance(node.target, torch._ops.OperatorBase)
    composite = node.target.has_kernel_for_dispatch_key(torch._C.DispatchKey.CompositeImplicitAutograd)
    return composite or overload_packet(node) in flop_registry or node.target.namespace != "aten"
