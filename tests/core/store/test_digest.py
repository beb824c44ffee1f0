"""A tensor's bytes are those of its values in their order, however it lies in memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from snnfw.store.digest import bytes_of, digest_of
from snnfw.store.fingerprint import Fingerprints

LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "as it is": lambda x: x,
    "transposed": lambda x: x.t().contiguous().t(),
    "a part of a larger one": lambda x: torch.cat([x, x])[len(x) :],
    "every second column of a wider one": lambda x: torch.stack([x, x], 2).flatten(1)[:, ::2],
    "one row": lambda x: x[:1],
    "one value": lambda x: x[:1, :1],
    "one value, repeated once": lambda x: x[0, 0].expand(1),
    "no value, of one that is repeated": lambda x: x[0, 0].expand(0),
    "no value of several columns": lambda x: x[0, 0].expand(0, 3),
    "no row": lambda x: x[:0],
    "a number": lambda x: x[0, 0],
    "repeated": lambda x: x[0].expand(4, -1),
}
TYPES = (
    torch.float64,
    torch.float32,
    torch.bfloat16,
    torch.float16,
    torch.int64,
    torch.uint8,
    torch.bool,
    torch.cfloat,
)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_bytes_are_those_of_the_values_in_their_order(layout: str, dtype: torch.dtype) -> None:
    x = LAYOUTS[layout](torch.arange(12).reshape(3, 4).to(dtype))
    anew = torch.empty(x.shape, dtype=dtype).copy_(x)
    assert bytes_of(x).numpy().tobytes() == bytes(anew.reshape(-1).clone().untyped_storage())[: bytes_of(x).numel()]
    assert bytes_of(x).numel() == x.numel() * x.element_size()
    assert digest_of([x]) == digest_of([anew])
    assert Fingerprints().key(x) == Fingerprints().key(anew)


def test_equal_bytes_of_another_shape_or_type_are_another_tensor() -> None:
    x = torch.zeros(4)
    others = (x[:, None], x.int(), x[:2].double(), x[:0], x[:0, None], x.expand(0, 4))
    assert len({digest_of([each]) for each in (x, *others)}) == 7
