from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from recordings import (
    Spec,
)
from snnfw_tasks.events.data.files import EVENT
from snnfw_tasks.events.data.frames import Framing, count_events

if TYPE_CHECKING:
    from numpy.typing import NDArray


def structured(spec: Spec) -> NDArray[Any]:
    return np.array([tuple(event) for event in spec], dtype=EVENT)


def framing(**changes: Any) -> Framing:
    usual = {"sensor": (8, 4), "size": (8, 4), "frames": 3, "slicing": "time", "clip": 4, "static": False}
    return Framing(**{**usual, **changes})


def random_events(number: int, seed: int = 0) -> NDArray[Any]:
    random = np.random.RandomState(seed)
    times = np.sort(random.randint(0, 10_007, number))
    columns = random.randint(8, size=number), random.randint(4, size=number), times, random.randint(2, size=number)
    return structured(np.stack(columns, axis=1).tolist())


@pytest.mark.parametrize("slicing", ["time", "count"])
@pytest.mark.parametrize("frames", [1, 3, 7, 500])
def test_no_event_is_lost_and_none_counts_twice(slicing: str, frames: int) -> None:
    events = random_events(101)
    counts = count_events(events, framing(slicing=slicing, frames=frames))
    assert counts.shape == (frames, 2, 4, 8)
    expected = np.zeros((2, 4, 8))
    np.add.at(expected, (events["p"].astype(int), events["y"], events["x"]), 1)
    assert (counts.sum(0) == expected).all()


def test_frames_of_equal_time_are_of_equal_time() -> None:
    events = structured([(0, 0, 100 + t, 1) for t in (0, 9, 10, 19, 20, 29)])
    assert count_events(events, framing()).sum((1, 2, 3)).tolist() == [2, 2, 2]
    assert count_events(events[:-1], framing()).sum((1, 2, 3)).tolist() == [1, 2, 2]  # now 21 microseconds


def test_frames_of_equal_count_hold_equally_many_events_up_to_one() -> None:
    counts = count_events(random_events(101), framing(slicing="count", frames=7)).sum((1, 2, 3))
    assert set(counts.tolist()) == {14, 15}


def test_off_events_come_before_on_events() -> None:
    counts = count_events(structured([(6, 1, 0, 0), (5, 2, 0, 1), (5, 2, 0, 1)]), framing(frames=1))
    assert counts[0, 0, 1, 6] == 1
    assert counts[0, 1, 2, 5] == 2


def test_a_cell_counts_the_events_of_all_its_pixels() -> None:
    every = structured([(x, y, 0, 1) for x in range(8) for y in range(4)])
    assert count_events(every, framing(frames=1, size=(4, 2)))[0, 1].tolist() == [[4] * 4] * 2
    assert count_events(every, framing(frames=1, size=(3, 4)))[0, 1].tolist() == [[3, 3, 2]] * 4


def test_counts_are_clipped_and_scaled() -> None:
    events = structured([(0, 0, 0, 1)] * 3 + [(1, 0, 0, 1)] * 9)
    sample = framing(frames=1).sample(count_events(events, framing(frames=1)))
    assert sample[0, 1, 0, :3].tolist() == [0.75, 1.0, 0.0]
    assert sample.dtype == torch.float32


def test_a_static_sample_is_the_sum_of_the_frames() -> None:
    cut = framing(static=True)
    counts = count_events(random_events(60), cut)
    assert cut.shape() == (2, 4, 8)
    assert cut.sample(counts).mul(3 * 4).tolist() == torch.from_numpy(counts.sum(0)).clamp(max=12).tolist()


def test_stretches_from_0_on_are_open_below_and_closed_above() -> None:
    """Hold (i/n, (i+1)/n] of the last event's time, whatever the first one's; 0 is in the first."""
    events = structured([(0, 0, t, 1) for t in (0, 1, 30, 31, 60, 61, 90)])
    counts = count_events(events, framing(slicing="maximum")).sum((1, 2, 3))
    assert counts.tolist() == [3, 2, 2]
    late = structured([(0, 0, t, 1) for t in (61, 75, 90)])
    assert count_events(late, framing(slicing="maximum")).sum((1, 2, 3)).tolist() == [0, 0, 3]
    assert count_events(structured([(0, 0, 0, 1)]), framing(slicing="maximum")).sum((1, 2, 3)).tolist() == [1, 0, 0]


def test_stacked_frames_are_channels_polarity_after_polarity() -> None:
    stacked = framing(stacked=True, clip=None)
    counts = count_events(random_events(101), stacked)
    sample = stacked.sample(counts)
    assert sample.shape == stacked.shape() == (6, 4, 8)
    assert not stacked.moving
    for polarity in range(2):
        for frame in range(3):
            assert sample[3 * polarity + frame].tolist() == counts[frame, polarity].tolist()


def test_without_a_clip_counts_stay_as_they_are() -> None:
    raw = framing(clip=None, frames=1)
    counts = count_events(structured([(0, 0, 0, 1)] * 9), raw)
    assert raw.sample(counts).max() == 9


def test_the_nearest_pixel_is_what_torch_takes_of_a_padded_square() -> None:
    """Compare with padding below and nearest interpolation, smaller and larger than the sensor."""
    events = random_events(301)
    plain = torch.from_numpy(count_events(events, framing(frames=2)).astype(np.float32))
    square = torch.nn.functional.pad(plain, (0, 0, 0, 4))
    for side in (3, 5, 8, 13):
        scaled = framing(frames=2, size=(side, side), nearest=True, clip=None)
        expected = torch.nn.functional.interpolate(square, size=(side, side), mode="nearest")
        assert scaled.sample(count_events(events, scaled)).equal(expected)


def test_zeros_and_ones_of_the_nearest_pixel() -> None:
    events = random_events(301)
    binary = framing(frames=2, size=(5, 5), nearest=True, clip=1)
    sample = binary.sample(count_events(events, binary))
    counts = framing(frames=2, size=(5, 5), nearest=True, clip=None)
    assert sample.equal((counts.sample(count_events(events, counts)) > 0).float())
