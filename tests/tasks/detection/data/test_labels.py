from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from snnfw.errors import SnnfwError
from snnfw_tasks.detection.data.labels import image_problem, read_image, require_labels

if TYPE_CHECKING:
    from pathlib import Path

ROWS = "a row is class x y width height, or class and a polygon's x y pairs"
MISTAKES = {
    "0 0.5 0.5 0.2": f"have 4 columns: {ROWS}.",
    "0 0.5 0.5 0.2 0.2 0.9": f"have 6 columns: {ROWS}.",
    "0 0.5 0.5 0.2 0.2 0.1 0.2 0.3": f"have 8 columns: {ROWS}.",
    "cat 0.5 0.5 0.2 0.2": f"hold something other than numbers: {ROWS}.",
    "2 0.5 0.5 0.2 0.2": "have the class 2: the data set names the classes 0 to 1.",
    "-1 0.5 0.5 0.2 0.2": "have the class -1: the data set names the classes 0 to 1.",
    "0.5 0.5 0.5 0.2 0.2": "have the class 0.5: the data set names the classes 0 to 1.",
    "0 1.5 0.5 0.2 0.2": "lie outside the image: coordinates are fractions of its width and height, from 0 to 1.",
    "0 40 30 12 9": "lie outside the image: coordinates are fractions of its width and height, from 0 to 1.",
    "0 0.5 nan 0.2 0.2": "lie outside the image: coordinates are fractions of its width and height, from 0 to 1.",
    "0 0.5 0.5 -0.005 0.2": f"have a negative width or height: {ROWS}.",
}


@pytest.mark.parametrize(("row", "problem"), MISTAKES.items())
def test_a_row_that_cannot_be_a_box_is_named(tmp_path: Path, row: str, problem: str) -> None:
    path = tmp_path / "7.txt"
    path.write_text(f"1 0.5 0.5 0.2 0.2\n\n{row}\n")
    with pytest.raises(SnnfwError) as raised:
        require_labels(path, classes=2)
    assert str(raised.value) == f"labels '{path}', row 3, {problem}"


def test_labels_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "7.txt"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SnnfwError) as raised:
        require_labels(path, classes=2)
    assert str(raised.value) == f"labels '{path}' are not text: give one row per box, class x y width height."


def picture(path: Path, size: tuple[int, int] = (40, 30)) -> Path:
    random = np.random.default_rng(0)
    Image.fromarray(random.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)).save(path)
    return path


def test_an_image_that_cannot_be_decoded_to_its_end_is_told_from_a_good_one(tmp_path: Path) -> None:
    good = [picture(tmp_path / name) for name in ("a.jpg", "b.png", "c.bmp")]
    assert [image_problem(path) for path in good] == [None, None, None]
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(good[0].read_bytes()[:-300])
    assert "truncated" in str(image_problem(cut))
    longer = tmp_path / "longer.jpg"
    longer.write_bytes(good[0].read_bytes() + b"tail")
    assert image_problem(longer) == "bytes follow the end of the JPEG, or its end is missing"
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    assert image_problem(text) == "it is of no known format"
    small = picture(tmp_path / "small.png", (40, 9))
    assert image_problem(small) == "its size is 40 by 9 pixels, ultralytics takes 10 or more"


def test_images_of_other_depths_than_8_and_16_bits_and_of_several_pictures_are_told(tmp_path: Path) -> None:
    deep = {"a.png": np.uint16, "f.tif": np.float32, "i.tif": np.int32}
    for name, kind in deep.items():
        Image.fromarray(np.ones((20, 20), kind)).save(tmp_path / name)
    assert [image_problem(tmp_path / name) for name in deep] == [
        None,
        "it is of mode F, and images have 8 or 16 bits",
        "it is of mode I, and images have 8 or 16 bits",
    ]
    page = Image.new("RGB", (20, 20))
    page.save(tmp_path / "two.tif", save_all=True, append_images=[page])
    assert image_problem(tmp_path / "two.tif") == "holds 2 pictures: save the one that counts as a file of its own"


def test_polygons_become_the_boxes_around_them(tmp_path: Path) -> None:
    image, label = picture(tmp_path / "7.jpg"), tmp_path / "7.txt"
    label.write_text("1 0.1 0.2 0.5 0.2 0.5 0.8\n")
    entry = read_image(str(image), str(label), classes=2)
    np.testing.assert_allclose(entry["bboxes"], [[0.3, 0.5, 0.4, 0.6]], rtol=1e-6)
    assert entry["cls"].tolist() == [[1.0]]


def test_boxes_and_polygons_do_not_mix(tmp_path: Path) -> None:
    image, label = picture(tmp_path / "7.jpg"), tmp_path / "7.txt"
    label.write_text("1 0.1 0.2 0.5 0.2 0.5 0.8\n0 0.5 0.5 0.2 0.2\n")
    with pytest.raises(SnnfwError) as raised:
        read_image(str(image), str(label), classes=2)
    assert str(raised.value) == (
        f"image '{image}' and its labels '{label}' cannot be used: labels mix segment and detection rows."
    )
