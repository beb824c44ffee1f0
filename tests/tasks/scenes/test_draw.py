from __future__ import annotations

import numpy as np
import pytest

from snnfw_tasks.scenes import draw as scenes_draw
from snnfw_tasks.scenes.draw import DIGITS, SIDE, VISIBLE, draw_digit, draw_scene, read_handwritten


def test_a_scene_is_the_same_every_time_and_no_other_one() -> None:
    first, again = draw_scene("test", 7), draw_scene("test", 7)

    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.labels, again.labels)
    assert first.digits == again.digits
    for other in (draw_scene("test", 8), draw_scene("val", 7), draw_scene("test", 7, seed=1)):
        assert not np.array_equal(first.image, other.image)


def test_colours_and_labels_are_bytes_of_the_scenes_size() -> None:
    scene = draw_scene("train", 0)

    assert scene.image.shape == (SIDE, SIDE, 3)
    assert scene.labels.shape == (SIDE, SIDE)
    assert scene.image.dtype == scene.labels.dtype == np.uint8


def test_boxes_hold_exactly_the_visible_pixels() -> None:
    for index in range(40):
        scene = draw_scene("train", index)
        inside = np.zeros((SIDE, SIDE), bool)
        for found in scene.digits:
            rows, columns = slice(found.top, found.bottom), slice(found.left, found.right)
            shown = scene.labels[rows, columns] == found.digit + 1
            assert all(edge.any() for edge in (shown[0], shown[-1], shown[:, 0], shown[:, -1]))
            inside[rows, columns] |= shown
        assert np.array_equal(inside, scene.labels > 0)


def test_masks_and_boxes_tell_the_same_digits() -> None:
    for index in range(40):
        scene = draw_scene("val", index)

        assert set(np.unique(scene.labels)) - {0} == {found.digit + 1 for found in scene.digits}
        assert 1 <= len(scene.digits) <= 6


def test_digits_occlude_each_other_but_stay_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    areas: list[int] = []
    shares: list[float] = []

    def noted(image: scenes_draw.Pixels, random: np.random.RandomState) -> scenes_draw.Pixels:
        alpha = draw_digit(image, random)
        areas.append(int((alpha > 0.5).sum()))
        return alpha

    monkeypatch.setattr(scenes_draw, "draw_digit", noted)
    for index in range(60):
        areas.clear()
        scene = draw_scene("test", index)
        if len({found.digit for found in scene.digits}) == len(areas):  # none left out, each once
            shown = [int((scene.labels == found.digit + 1).sum()) for found in scene.digits]
            shares += [part / area for part, area in zip(shown, areas, strict=True)]

    assert min(shares) >= VISIBLE
    assert min(shares) < 0.8, "some are covered in part"


def test_the_splits_share_no_digit() -> None:
    shown = [{image.tobytes() for image in read_handwritten(split)[0]} for split in DIGITS]

    assert sum(len(images) for images in shown) == len(set().union(*shown)) == 1797
    for split in DIGITS:
        assert set(read_handwritten(split)[1]) == set(range(10))


def test_a_digit_differs_from_what_is_behind_it() -> None:
    scene = draw_scene("train", 4)
    colours = scene.image / 255
    found = scene.digits[0]
    rows, columns = slice(found.top, found.bottom), slice(found.left, found.right)
    own, around = (
        colours[rows, columns][mask].mean(0)
        for mask in (scene.labels[rows, columns] > 0, scene.labels[rows, columns] == 0)
    )

    assert np.linalg.norm(own - around) > 0.25
