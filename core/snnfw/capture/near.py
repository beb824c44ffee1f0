"""Tell whether values are the same within rounding, with as few passes over them as that takes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

RELATIVE, OF_LARGEST = 1e-3, 1e-4
"""Largest difference, as a share of the value itself and of the largest one in the whole tensor: both are allowed."""


def near(ours: Tensor, theirs: Tensor) -> bool:
    """Tell whether two tensors are the same within rounding."""
    return ours.shape == theirs.shape and _all_near([(ours, theirs)], theirs)


def near_joined(parts: Sequence[Tensor], whole: Tensor, dim: int) -> bool:
    """Tell whether tensors that follow each other along a dimension are another one within rounding."""
    others = {(*part.shape[:dim], *part.shape[dim + 1 :]) for part in (*parts, whole)}
    counts = [part.shape[dim] for part in parts]
    if len(others) > 1 or sum(counts) != whole.shape[dim]:
        return False
    return _all_near(list(zip(parts, whole.split(counts, dim), strict=True)), whole)


def _all_near(pairs: Sequence[tuple[Tensor, Tensor]], whole: Tensor) -> bool:
    """Tell it of pairs whose second tensors make up a whole.

    Most are equal, and of others the largest difference tells; only what lies between the two bounds, or is not finite,
    is compared value by value.
    """
    if all(torch.equal(ours, theirs) for ours, theirs in pairs):
        return True
    if whole.is_floating_point():
        scale = _largest(whole)
        worst = max(_largest(ours - theirs) for ours, theirs in pairs) if math.isfinite(scale) else math.nan
        if worst <= OF_LARGEST * scale:
            return True
        if worst > 1.01 * (OF_LARGEST + RELATIVE) * scale:
            return False
    elif not whole.is_complex():
        return False
    finite = whole[torch.isfinite(whole)]
    allowed = OF_LARGEST * float(finite.abs().max()) if finite.numel() else 0.0
    return all(torch.allclose(ours, theirs, rtol=RELATIVE, atol=allowed, equal_nan=True) for ours, theirs in pairs)


def _largest(value: Tensor) -> float:
    """Return the largest size of a value, NaN where there is one."""
    low, high = torch.aminmax(value)
    return float(torch.maximum(-low, high))
