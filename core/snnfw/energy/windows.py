"""Add up what an average pool averages: the elements of every window, however large it is at the border."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

aten = torch.ops.aten


def window_sum(operator: Any, counts: Tensor, arguments: Sequence[Any], options: Mapping[str, Any]) -> Tensor:
    """Return the sum over each of the elements that an operator of ``AVERAGES`` averages, or adds.

    ``counts`` stands in for its first argument, ``arguments`` and ``options`` are the others of the call.
    """
    if operator in (aten.mean, aten.sum):
        chosen = {name: value for name, value in options.items() if name != "dtype"}
        return aten.sum.dim_IntList(counts, *arguments, **chosen)  # type: ignore[no-any-return]  # an operator
    dims = int(operator.__name__[-2])
    if "adaptive" in operator.__name__:
        return _adaptive(counts, arguments[0], dims)
    names = ("kernel_size", "stride", "padding", "ceil_mode")
    given = {**dict(zip(names, arguments, strict=False)), **{k: v for k, v in options.items() if k in names}}
    kernel, padding = _each(given["kernel_size"], dims), _each(given.get("padding") or 0, dims)
    stride = _each(given.get("stride") or kernel, dims)
    ceil = bool(given.get("ceil_mode", False))
    if dims == 3:
        return F.avg_pool3d(counts, kernel, stride, padding, ceil, divisor_override=1)
    if dims == 2:
        return F.avg_pool2d(counts, kernel, stride, padding, ceil, divisor_override=1)
    pooled = F.avg_pool2d(
        counts.unsqueeze(-2), (1, *kernel), (1, *stride), (0, *padding), ceil, divisor_override=1
    )  # avg_pool1d takes no divisor
    return pooled.squeeze(-2)


def _adaptive(counts: Tensor, sizes: Sequence[int], dims: int) -> Tensor:
    """Return the sums of adaptive windows, which run from floor(i · in / out) to ceil((i + 1) · in / out)."""
    for dim, size in zip(range(-dims, 0), sizes, strict=True):
        length = counts.shape[dim]
        windows = [(i * length // size, -(-(i + 1) * length // size)) for i in range(size)]
        counts = torch.stack([counts.narrow(dim, start, end - start).sum(dim) for start, end in windows], dim)
    return counts


def _each(value: int | Sequence[int], dims: int) -> tuple[int, ...]:
    """Return a number for each dimension, of which one may stand for all."""
    numbers = (value,) if isinstance(value, int) else tuple(value)
    return numbers * dims if len(numbers) == 1 else numbers
