from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml
from PIL import Image

from snnfw.errors import SnnfwError
from snnfw_tasks.scenes import draw as scenes_draw
from snnfw_tasks.scenes.draw import SIDE, draw_scene
from snnfw_tasks.scenes.files import CLASSES, DIGITS, scenes_folder

if TYPE_CHECKING:
    from pathlib import Path

FEW = {"train": 3, "val": 2, "test": 4}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "snnfw" / "scenes"


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_only_the_splits_asked_for_are_drawn() -> None:
    root = scenes_folder("val", counts=FEW)

    assert sorted(files(root)) == [
        "ImageSets/Segmentation/val.txt",
        "JPEGImages/val-00000.jpg",
        "JPEGImages/val-00001.jpg",
        "SegmentationClass/val-00000.png",
        "SegmentationClass/val-00001.png",
        "data.yaml",
        "images/val/val-00000.jpg",
        "images/val/val-00001.jpg",
        "labels/val/val-00000.txt",
        "labels/val/val-00001.txt",
        "val.sha256",
    ]
    assert scenes_folder("val", "train", counts=FEW) == root
    assert len(list((root / "images" / "train").iterdir())) == 3


def test_files_hold_what_was_drawn() -> None:
    root = scenes_folder("test", counts=FEW)
    scene = draw_scene("test", 2)

    name = (root / "ImageSets" / "Segmentation" / "test.txt").read_text().splitlines()[2]
    with Image.open(root / "SegmentationClass" / f"{name}.png") as mask:
        assert mask.mode == "P"
        assert np.array_equal(np.asarray(mask), scene.labels)
    with Image.open(root / "JPEGImages" / f"{name}.jpg") as image:
        assert np.abs(np.asarray(image, float) - scene.image).mean() < 4
    assert (root / "JPEGImages" / f"{name}.jpg").samefile(root / "images" / "test" / f"{name}.jpg")
    lines = (root / "labels" / "test" / f"{name}.txt").read_text().splitlines()
    assert len(lines) == len(scene.digits)
    for line, found in zip(lines, scene.digits, strict=True):
        digit, x, y, width, height = map(float, line.split())
        assert digit == found.digit
        box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
        expected = [found.left, found.top, found.right, found.bottom]
        assert [side * SIDE for side in box] == pytest.approx(expected, abs=1e-3)


def test_yolo_finds_the_folders_and_names() -> None:
    root = scenes_folder("train", counts=FEW)

    described = yaml.safe_load((root / "data.yaml").read_text())
    assert described["path"] == str(root.resolve())
    assert described["names"] == list(DIGITS)
    for split in FEW:
        assert (root / described[split]).is_dir()
    assert len(CLASSES) == 11


def test_without_hard_links_the_images_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(source: Path, target: Path) -> None:
        raise OSError("no links here")

    monkeypatch.setattr("os.link", refused)
    root = scenes_folder("val", counts=FEW)

    assert (root / "JPEGImages/val-00001.jpg").read_bytes() == (root / "images/val/val-00001.jpg").read_bytes()


def test_what_is_whole_is_not_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    root = scenes_folder("val", counts=FEW)
    monkeypatch.setattr(scenes_draw, "draw_scene", None)

    assert scenes_folder("val", counts=FEW) == root


@pytest.mark.parametrize(
    "name", ["images/val/val-00001.jpg", "SegmentationClass/val-00000.png", "labels/val/val-00000.txt", "val.sha256"]
)
@pytest.mark.parametrize("gone", [False, True])
def test_what_is_damaged_or_missing_is_drawn_again(name: str, gone: bool) -> None:
    root = scenes_folder("val", counts=FEW)
    before = files(root)
    (root / name).unlink()
    if not gone:
        (root / name).write_bytes(before[name][: len(before[name]) // 2])

    scenes_folder("val", counts=FEW)

    assert files(root) == before


def test_an_interrupted_generation_leaves_nothing_half(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(split: str, index: int, seed: int) -> scenes_draw.Scene:
        if index == 2:
            raise KeyboardInterrupt
        return draw_scene(split, index, seed)

    with monkeypatch.context() as patch:
        patch.setattr(scenes_draw, "draw_scene", interrupted)
        with pytest.raises(KeyboardInterrupt):
            scenes_folder("test", counts=FEW)

    (root,) = cache.iterdir()
    assert sorted(files(root)) == ["data.yaml"]
    scenes_folder("test", counts=FEW)
    assert len(list((root / "images" / "test").iterdir())) == 4


def test_another_seed_or_size_is_another_folder() -> None:
    assert (
        len({scenes_folder(counts=FEW), scenes_folder(seed=1, counts=FEW), scenes_folder(counts={**FEW, "val": 3})})
        == 3
    )


def test_an_unknown_split_is_an_error() -> None:
    with pytest.raises(SnnfwError) as caught:
        scenes_folder("trian")

    assert str(caught.value) == (
        "no split of the scenes named 'trian'. Did you mean 'train'? There are: test, train, val."
    )


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    with pytest.raises(SnnfwError) as caught:
        scenes_folder("val")

    assert str(caught.value) == (
        "the scenes cannot be kept in your cache (Not a directory): name a folder that can be written in XDG_CACHE_HOME."
    )
