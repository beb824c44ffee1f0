from __future__ import annotations

import pytest
import torch

from networks import noise
from snnfw.capture.graph import BatchDim
from snnfw.neurons.timefold import fold, repeat, select, sum_per_sample, unfold

PLACES = [
    (BatchDim(0), (6, 4)),
    (BatchDim(1), (3, 6, 4)),
    (BatchDim(0, outer=5), (5 * 6, 4)),
    (BatchDim(1, inner=2), (3, 6 * 2)),
    (BatchDim(0, outer=2, inner=3), (2 * 6 * 3, 2)),
]


@pytest.mark.parametrize(("place", "shape"), PLACES)
def test_folding_undoes_unfolding(place: BatchDim, shape: tuple[int, ...]) -> None:
    stream = noise(*shape)
    for steps in (1, 2, 3, 6):
        assert torch.equal(fold(unfold(stream, place, steps), place), stream)


@pytest.mark.parametrize(("place", "shape"), PLACES)
def test_a_repeated_constant_is_the_same_at_every_timestep(place: BatchDim, shape: tuple[int, ...]) -> None:
    value = noise(*shape)
    sequence = unfold(repeat(value, place, 4), place, 4)
    assert all(torch.equal(sequence[t], value) for t in range(4))


@pytest.mark.parametrize(("place", "shape"), PLACES)
def test_selected_samples_are_those_of_the_batch(place: BatchDim, shape: tuple[int, ...]) -> None:
    value = noise(*shape)
    split = value.unflatten(place.dim, (place.outer, 6, place.inner))
    kept = select(value, place, torch.tensor([4, 1])).unflatten(place.dim, (place.outer, 2, place.inner))
    for new, old in enumerate((4, 1)):
        assert torch.equal(kept.select(place.dim + 1, new), split.select(place.dim + 1, old))


@pytest.mark.parametrize(("place", "shape"), PLACES)
def test_sums_per_sample_add_up_to_the_total(place: BatchDim, shape: tuple[int, ...]) -> None:
    value = noise(*shape)
    assert sum_per_sample(value, place).shape == (6,)
    torch.testing.assert_close(sum_per_sample(value, place).sum(), value.sum())


def test_unfolding_an_outermost_batch_copies_nothing_and_keeps_channels_last() -> None:
    stream = noise(6, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    sequence = unfold(stream, BatchDim(0), 3)
    assert sequence.data_ptr() == stream.data_ptr()
    assert sequence[0].is_contiguous(memory_format=torch.channels_last)
    assert fold(sequence, BatchDim(0)).data_ptr() == stream.data_ptr()
