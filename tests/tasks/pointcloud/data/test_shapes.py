from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from snnfw_tasks.pointcloud.data import shapes
from snnfw_tasks.pointcloud.data.shapes import Shapes, first_part
from snnfw_tasks.pointcloud.data.shapes_draw import Difficulty, build_object, draw_object, draw_split, visible_points
from snnfw_tasks.pointcloud.data.shapes_parts import CATEGORIES, PARTS

if TYPE_CHECKING:
    from pathlib import Path

EASY = Difficulty(rotation=0, occluded=0, jitter=0, tilt=0, stretch=0)
HARD = Difficulty(rotation=180, occluded=0.9, jitter=0.05)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(shapes, "COUNTS", {"train": 2, "calibration": 1, "test": 1})


def test_there_are_sixteen_categories_with_fifty_parts() -> None:
    assert len(CATEGORIES) == 16
    assert sum(map(len, PARTS.values())) == 50
    assert first_part(0) == 0
    assert first_part(15) == 47


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_category_is_built_of_its_parts(category: str) -> None:
    seen: set[str] = set()
    for seed in range(24):
        parts = build_object(category, np.random.default_rng(seed))
        assert len(parts) >= 2
        assert set(parts) <= set(PARTS[category])
        assert all(mesh.has_triangles() for pieces in parts.values() for mesh in pieces)
        seen |= set(parts)
    assert seen == set(PARTS[category])


@pytest.mark.parametrize("difficulty", [EASY, HARD])
def test_clouds_are_centred_within_radius_one_and_without_points_twice(difficulty: Difficulty) -> None:
    places, categories, parts = draw_split(1, 50, difficulty, (0,))
    assert places.shape == (16, 50, 3)
    assert categories.tolist() == list(range(16))
    assert np.abs(places.mean(1)).max() < 1e-5
    assert np.linalg.norm(places, axis=2).max(1) == pytest.approx(np.ones(16))
    assert all(len(np.unique(cloud, axis=0)) == 50 for cloud in places)
    assert all(part.max() < len(PARTS[name]) for part, name in zip(parts, CATEGORIES, strict=True))


def test_one_seed_is_one_object() -> None:
    first, same, other = (draw_object("mug", 64, HARD, (0, seed)) for seed in (1, 1, 2))
    assert np.array_equal(first[0], same[0])
    assert np.array_equal(first[1], same[1])
    assert not np.array_equal(first[0], other[0])


def test_small_parts_get_points_of_their_own() -> None:
    for seed in range(4):
        _, parts = draw_object("mug", 256, EASY, (seed,))
        assert (parts == PARTS["mug"].index("handle")).sum() > 10


def test_a_ball_hides_its_share_of_the_points() -> None:
    places = np.random.default_rng(0).normal(size=(200, 3))
    seen = visible_points(places, 0.4, np.random.default_rng(1))
    assert len(seen) == 120
    hidden = np.setdiff1d(np.arange(200), seen)
    middle = places[np.random.default_rng(1).integers(200)]
    assert np.linalg.norm(places[hidden] - middle, axis=1).max() <= np.linalg.norm(places[seen] - middle, axis=1).min()


def test_splits_are_made_when_they_are_asked_for_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clouds = Shapes(points=32).clouds()
    folder = tmp_path / "snnfw" / "shapes"
    assert len(list(folder.iterdir())) == 2
    training = clouds.training()
    assert [len(training), len(clouds.calibration), len(clouds.evaluation)] == [32, 16, 16]
    assert len(list(folder.iterdir())) == 3
    monkeypatch.setattr("snnfw_tasks.pointcloud.data.shapes_draw.draw_split", None)
    again = Shapes(points=32).clouds()
    assert again.evaluation[3].points.equal(clouds.evaluation[3].points)


def test_splits_share_no_objects_and_parts_are_numbered_through() -> None:
    clouds = Shapes(points=32).clouds()
    assert not clouds.calibration[0].points.equal(clouds.evaluation[0].points)
    assert clouds.belongs() == [number for number, name in enumerate(CATEGORIES) for _ in PARTS[name]]
    for index in range(16):
        cloud = clouds.evaluation[index]
        assert cloud.parts is not None
        assert {clouds.belongs()[part] for part in cloud.parts.tolist()} == {cloud.category}


def test_another_option_is_other_data() -> None:
    base, other = (Shapes(points=32, jitter=jitter).clouds().evaluation[0] for jitter in (0.0, 0.1))
    assert not base.points.equal(other.points)
