"""Comparing values in few passes says what comparing them one by one says."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from networks import noise
from snnfw.capture.near import OF_LARGEST, RELATIVE, near, near_joined


def one_by_one(ours: Tensor, theirs: Tensor) -> bool:
    finite = theirs[torch.isfinite(theirs)]
    scale = float(finite.abs().max()) if finite.numel() else 0.0
    return torch.allclose(ours, theirs, rtol=RELATIVE, atol=OF_LARGEST * scale, equal_nan=True)


@pytest.mark.parametrize("error", [0.0, 1e-5, 9.9e-5, 2e-4, 9e-4, 1.09e-3, 1.11e-3, 1e-2, torch.inf, torch.nan])
@pytest.mark.parametrize("at", ["largest", "smallest"])
@pytest.mark.parametrize("held", [0.0, torch.inf, -torch.inf, torch.nan])
def test_values_are_near_where_each_of_them_is(error: float, at: str, held: float) -> None:
    theirs = noise(4, 5) if not held else noise(4, 5).index_fill(1, torch.tensor([2]), held)
    size = theirs.abs().nan_to_num(0.0 if at == "largest" else 9.0, 0.0 if at == "largest" else 9.0)
    place = int(size.argmax() if at == "largest" else size.argmin())
    ours = theirs.clone()
    ours.view(-1)[place] += error * float(size[size < 9].max())
    assert near(ours, theirs) == one_by_one(ours, theirs)
    halves = ours.split([1, 3])
    assert near_joined(halves, theirs, 0) == one_by_one(ours, theirs)


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.complex64, torch.float16])
def test_other_numbers_are_compared_too(dtype: torch.dtype) -> None:
    theirs = (noise(3, 4) > 0).to(dtype)
    other = theirs.clone()
    other[1, 1] = not bool(other[1, 1].real)
    assert near(theirs.clone(), theirs)
    assert not near(other, theirs)
    assert near(theirs[:0], theirs[:0])


def test_other_shapes_are_not_near() -> None:
    whole = noise(5, 2)
    assert not near(whole, whole[:4])
    assert not near_joined((whole[:2], whole[2:4]), whole, 0)
    assert not near_joined((whole[:2, :1], whole[2:]), whole, 0)
    assert near_joined((whole[:2], whole[2:]), whole, 0)
