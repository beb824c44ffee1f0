from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from snnfw_tasks.events.data.augment import roll_and_flip

if TYPE_CHECKING:
    pass


def test_rolling_moves_all_frames_of_a_recording_alike_and_loses_nothing() -> None:
    torch.manual_seed(0)
    samples = torch.rand(16, 3, 2, 6, 7)
    moved = roll_and_flip(samples, by=2, flip=False)
    ways = {}
    for index, (one, other) in enumerate(zip(samples, moved, strict=True)):
        shifts = [(i, j) for i in range(-2, 3) for j in range(-2, 3) if one.roll((i, j), (2, 3)).equal(other)]
        assert len(shifts) == 1, index
        ways[index] = shifts[0]
    assert len(set(ways.values())) > 5
    flipped = roll_and_flip(samples, by=0, flip=True)
    mirrored = [one.flip(-1).equal(other) for one, other in zip(samples, flipped, strict=True)]
    assert [one.equal(other) for one, other in zip(samples, flipped, strict=True)] == [
        not mirror for mirror in mirrored
    ]
    assert 0 < sum(mirrored) < 16
