"""Each process has its own batches, and all of them have all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from snnfw.errors import SnnfwError
from snnfw.network.batches import read_batches
from snnfw.ranks.group import Alone
from snnfw.ranks.parts import Passed, consecutive, part_of, share_of
from snnfw.store.batches import KeptFirst


class Counted:
    """Batches without a part of their own."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def __len__(self) -> int:
        return 5

    def __iter__(self) -> Iterator[int]:
        for number in range(5):
            self.read.append(number)
            yield number


class Parted(Counted):
    def part(self, positions: range) -> list[int]:
        return list(positions)


@pytest.mark.parametrize(("count", "processes"), [(5, 1), (5, 2), (2, 3), (0, 2), (9, 4)])
def test_processes_have_all_positions_in_their_order(count: int, processes: int) -> None:
    shares = [consecutive(count, Alone(rank, processes)) for rank in range(processes)]
    assert [position for share in shares for position in share] == list(range(count))
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("positions", [range(2, 4), range(1, 5, 2), range(3, 3), range(5, 5)])
def test_a_part_holds_the_batches_at_its_positions(positions: range) -> None:
    for batches in (list(range(5)), tuple(range(5)), Counted(), Parted()):
        part = part_of(batches, positions)
        assert list(part) == list(part) == list(positions)
        assert len(part) == len(positions)


def test_all_positions_are_the_batches_themselves() -> None:
    batches = Counted()
    assert part_of(batches, range(5)) is batches


def test_what_has_no_part_is_read_up_to_its_last_position() -> None:
    batches = Counted()
    assert list(part_of(batches, range(1, 3))) == [1, 2]
    assert batches.read == [0, 1, 2]
    assert list(Passed(batches, range(4, 4))) == []
    assert batches.read == [0, 1, 2]


DATA = TensorDataset(torch.arange(10.0)[:, None], torch.arange(10))
SHUFFLED = {
    "shuffle": DataLoader(DATA, 2, shuffle=True),
    "batches": DataLoader(DATA, batch_sampler=BatchSampler(RandomSampler(DATA), 2, drop_last=False)),
}


@pytest.mark.parametrize("how", SHUFFLED)
def test_what_is_shuffled_has_no_shares(how: str) -> None:
    batches = KeptFirst(read_batches(SHUFFLED[how], 1, "the evaluation data"))
    assert share_of(batches, range(5)) is batches
    with pytest.raises(SnnfwError) as error:
        share_of(batches, range(3))
    assert str(error.value) == (
        "the evaluation data comes in another order each time (RandomSampler), so that its parts do not make the whole: "
        "give a DataLoader without shuffle, or score it in one process and in one go."
    )


def test_what_comes_in_one_order_has_shares() -> None:
    batches = KeptFirst(read_batches(DataLoader(DATA, 2), 1, "the evaluation data"))
    assert [batch.target.tolist() for batch in share_of(batches, range(3, 5))] == [[6, 7], [8, 9]]
    assert share_of(list(range(5)), range(1, 3)) == [1, 2]
