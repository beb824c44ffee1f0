from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor

from snnfw_tasks.events.camera import Camera, Recordings, record_events
from snnfw_tasks.events.data.motion import SENSOR, picture_times, positions_at, random_paths, record, render_scenes

DARK = 0.5


def of_levels(levels: Tensor, camera: Camera) -> list[Tensor]:
    """Return a scene whose log intensities are so many thresholds."""
    return list(torch.exp(levels * camera.contrast) - camera.dark)


def seen(levels: Tensor, times: list[float], seed: int = 0, **camera: float) -> Recordings:
    filmed = Camera(contrast=0.25, dark=DARK, **camera)
    return record_events(filmed, of_levels(levels, filmed), times, np.random.RandomState(seed))


def brightening() -> Tensor:
    """Return levels [2 times, 1, 2, 3] of which one pixel rises by 4.5 thresholds."""
    levels = torch.zeros(2, 1, 2, 3, dtype=torch.float64)
    levels[1, 0, 1, 2] = 4.5
    return levels


def circling(count: int = 6) -> tuple[list[Tensor], Camera]:
    """Return pictures of moving digits in float64, half of them clockwise."""
    paths = random_paths(np.arange(count) % 2 == 0, np.random.RandomState(3))
    return list(render_scenes(torch.from_numpy(load_digits().images[:count] / 16), paths)), Camera(contrast=0.3)


def polarities(recordings: Recordings, on: bool) -> Tensor:
    """Return how many events of one polarity each pixel fired, [N, H, W]."""
    counts = torch.zeros(len(recordings), SENSOR, SENSOR, dtype=torch.float64)
    for index in range(len(recordings)):
        events = recordings[index]
        events = events[events["p"] == on]
        np.add.at(counts[index].numpy(), (events["y"], events["x"]), 1)
    return counts


def test_a_pixel_fires_whenever_its_level_has_changed_by_the_threshold() -> None:
    events = seen(brightening(), [0, 9000])[0]
    assert np.abs(events["t"].astype(int) - [2000, 4000, 6000, 8000]).max() <= 1
    assert events["p"].all()
    assert set(zip(events["x"].tolist(), events["y"].tolist(), strict=True)) == {(2, 1)}


def test_a_static_scene_gives_no_events() -> None:
    levels = torch.rand(1, 2, 4, 4, dtype=torch.float64).expand(5, 2, 4, 4)
    recordings = seen(levels, [0, 1, 2, 3, 4])
    assert len(recordings) == 2
    assert len(recordings.events) == 0


def test_less_than_a_threshold_there_and_back_gives_no_events() -> None:
    levels = torch.tensor([0.0, 0.9, -0.9, 0.9], dtype=torch.float64).view(4, 1, 1, 1)
    assert len(seen(levels, [0, 1, 2, 3]).events) == 0


@pytest.mark.parametrize("pictures", [12, 40, len(picture_times())])
def test_the_polarities_add_up_to_the_change_of_log_intensity_up_to_one_threshold(pictures: int) -> None:
    film, camera = circling()
    recordings = record_events(camera, islice(film, pictures), picture_times()[:pictures], np.random.RandomState(0))
    told = (polarities(recordings, True) - polarities(recordings, False)) * camera.contrast
    changed = torch.log(film[pictures - 1] + camera.dark) - torch.log(film[0] + camera.dark)
    assert (changed - told).abs().max() <= camera.contrast + 1e-12
    assert told.abs().max() > 2 * camera.contrast or pictures == len(
        picture_times()
    )  # the round trip ends where it began


def test_round_trips_sum_up_to_the_same_in_both_senses() -> None:
    film, camera = circling()
    there, back = (record_events(camera, way, picture_times(), np.random.RandomState(0)) for way in (film, film[::-1]))
    up = torch.stack(film).diff(dim=0) > 0
    rises = 1 + (up[1:] & ~up[:-1]).sum(0)  # a rise gives as many ON there as OFF on the way back, up to one
    for on in (True, False):
        fired = polarities(there, on)
        assert fired.sum() > 1000
        assert ((fired - polarities(back, not on)).abs() <= rises).all()
        assert (fired - polarities(back, on)).abs().sum() < 0.1 * fired.sum()


def test_a_reversed_motion_swaps_the_polarities_and_mirrors_the_times() -> None:
    levels = brightening()
    levels[1, 0, 0, 0] = -2.5
    there, back = seen(levels, [0, 9000])[0], seen(levels.flip(0), [0, 9000])[0]
    for x, y in ((2, 1), (0, 0)):
        one, other = (events[(events["x"] == x) & (events["y"] == y)] for events in (there, back))
        assert len(one) == len(other) == (4 if x else 2)
        assert (one["p"] != other["p"]).all()
    # It falls from 4.5: the thresholds are passed at 3.5, 2.5, 1.5 and 0.5.
    falling = back[back["x"] == 2]
    assert np.abs(falling["t"].astype(int) - [2000, 4000, 6000, 8000]).max() <= 1


def test_events_within_the_refractory_period_are_lost() -> None:
    assert len(seen(brightening(), [0, 9000], refractory=1900)[0]) == 4
    kept = seen(brightening(), [0, 9000], refractory=2100)[0]
    assert np.abs(kept["t"].astype(int) - [2000, 6000]).max() <= 1


def test_noise_is_a_poisson_process_of_both_polarities() -> None:
    levels = torch.zeros(2, 4, 16, 16, dtype=torch.float64)
    recordings = seen(levels, [0, 500_000], noise=10.0)
    expected = 4 * 16 * 16 * 10 * 0.5
    assert abs(len(recordings.events) - expected) < 5 * expected**0.5
    assert 0.4 < recordings.events["p"].mean() < 0.6
    assert 0.4 < recordings.events["t"].mean() / 500_000 < 0.6


def test_every_recordings_events_are_in_order_of_time() -> None:
    recordings = record(load_digits().images[:4] / 16, np.array([True, False] * 2), Camera(noise=5.0), seed=1)
    assert len(recordings) == 4
    for index in range(4):
        times = recordings[index]["t"].astype(np.int64)
        assert len(times) > 500
        assert (np.diff(times) >= 0).all()


def test_the_seed_determines_every_event() -> None:
    images, clockwise = load_digits().images[:3] / 16, np.array([True, False, True])
    first, again, other = (record(images, clockwise, Camera(noise=5.0), seed) for seed in (0, 0, 1))
    assert first.events.tobytes() == again.events.tobytes()
    assert first.bounds.tolist() == again.bounds.tolist()
    assert first.events.tobytes() != other.events.tobytes()


def test_clockwise_is_clockwise_to_who_looks_at_the_picture() -> None:
    for sense in (True, False):
        paths = random_paths(np.array([sense]), np.random.RandomState(0))
        one, two, three = (positions_at(paths, time)[0] for time in (0.0, 1.0, 2.0))
        first, second = two - one, three - two
        turned = first[0] * second[1] - first[1] * second[0]  # y points down: positive is to the right
        assert (turned > 0) == sense
        assert torch.allclose(positions_at(paths, 3.0), positions_at(paths, 0.0))
