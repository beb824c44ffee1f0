"""One set of data is told from another by its first batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from snnfw.store.batches import KeptFirst, describe_batches, few_batches, first_batch
from snnfw.store.digest import digest_by_name
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


class Numbers:
    """Whole numbers that note which of them was read."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.read: list[int] = []

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        for number in range(self.count):
            self.read.append(number)
            yield number


def test_the_first_batch_is_read_once_for_all_who_look_at_a_few_and_each_pass_reads_all() -> None:
    numbers = Numbers(3)
    kept = KeptFirst(numbers)
    assert (list(kept), list(kept), len(kept)) == ([0, 1, 2], [0, 1, 2], 3)
    numbers.read.clear()
    assert [first_batch(kept), next(few_batches(kept)), first_batch(kept)] == [0, 0, 0]
    assert numbers.read == []
    assert list(few_batches(kept)) == [0, 1, 2]


def test_the_first_batch_is_read_where_no_pass_was_and_nothing_behind_it() -> None:
    numbers = Numbers(3)
    kept = KeptFirst(numbers)
    assert [first_batch(kept), first_batch(kept), next(few_batches(kept))] == [0, 0, 0]
    assert numbers.read == [0]
    assert first_batch(KeptFirst(Numbers(0))) is first_batch([]) is None
    assert list(few_batches(KeptFirst(Numbers(0)))) == []


def test_named_tensors_are_told_by_names_and_values_and_not_by_their_order() -> None:
    some = {"a": X, "b": X + 1}
    assert digest_by_name(some) == digest_by_name(dict(reversed(some.items())))
    others = [{"a": X + 1, "b": X}, {"a": X}, {"a": X, "c": X + 1}, {"a": X, "b": (X + 1).double()}]
    assert len({digest_by_name(each) for each in (some, *others, {"a": torch.tensor(1.0)})}) == 6
