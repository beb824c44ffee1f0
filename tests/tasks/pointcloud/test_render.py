from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snnfw_tasks.pointcloud.render import project, render, renderer_works

POINTS = np.random.default_rng(0).uniform(-0.5, 0.5, (50, 3)).astype(np.float32)
RED = np.tile(np.array([1, 0, 0], np.float32), (50, 1))


@pytest.fixture(autouse=True)
def _renderer_unknown() -> None:
    renderer_works.cache_clear()


@pytest.mark.parametrize("up", [0, 1, 2])
def test_up_is_upwards_and_lengths_stay(up: int) -> None:
    seen = project(np.eye(3, dtype=np.float32), up)
    assert seen[up, 1] == seen[:, 1].max() > 0.9
    assert seen[up, 0] == pytest.approx(0)
    assert np.linalg.norm(project(POINTS, up), axis=1) == pytest.approx(np.linalg.norm(POINTS, axis=1), rel=1e-5)


def test_without_open3ds_renderer_matplotlib_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise subprocess.TimeoutExpired("open3d", options["timeout"])

    monkeypatch.setattr(subprocess, "run", fail)
    assert not renderer_works()
    (image,) = render([(POINTS, RED)], up=2)
    assert image.shape == (240, 240, 3)
    assert (image[0, 0] == 255).all()
    drawn = image[(image != 255).any(2)]
    assert len(drawn) > 200
    assert (drawn[:, 0] > drawn[:, 1]).mean() > 0.9


def test_what_open3d_draws_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(words: list[str], **options: Any) -> None:
        with np.load(words[3]) as given:
            np.save(Path(words[4]), np.full((len(given["places"]), 240, 240, 3), 7, np.uint8))

    monkeypatch.setattr(subprocess, "run", draw)
    first, second = render([(POINTS, RED), (POINTS, RED)], up=2)
    assert (first == 7).all()
    assert (second == 7).all()
