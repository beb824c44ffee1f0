"""One set of data is told from another by its first batch."""

from __future__ import annotations

import hashlib

import pytest
import torch
from torch import Tensor

from snnfw.store.batches import describe_batches
from snnfw.values import Batch

X = torch.arange(6.0).reshape(2, 3)


def test_the_hash_is_that_of_type_shape_and_bytes() -> None:
    told = describe_batches([(X,), (X + 1,)])
    wanted = hashlib.sha256(b"torch.float32[2, 3]" + X.numpy().tobytes()).hexdigest()
    assert told == {"batches": 2, "first_batch": 2, "first_batch_sha256": wanted}
    assert describe_batches([Batch(inputs=(X,), target=torch.zeros(2))])["first_batch_sha256"] == wanted


@pytest.mark.parametrize("other", [X + 1, X.double(), X.reshape(3, 2), X.t().contiguous()])
def test_other_values_types_and_shapes_have_another_hash(other: Tensor) -> None:
    assert describe_batches([(other,)])["first_batch_sha256"] != describe_batches([(X,)])["first_batch_sha256"]


def test_how_a_tensor_lies_in_memory_is_not_told() -> None:
    assert describe_batches([(X.t().contiguous().t(),)]) == describe_batches([(X,)])
