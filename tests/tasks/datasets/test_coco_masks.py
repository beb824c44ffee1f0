from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from masked_files import write_image
from snnfw.errors import SnnfwError
from snnfw_tasks.datasets.coco_masks import region
from snnfw_tasks.datasets.segmentation import COCO_AS_VOC, VOC_CLASSES, Coco
from snnfw_tasks.labelled import Preprocess

if TYPE_CHECKING:
    from pathlib import Path

PREPARE = Preprocess(resize=8, crop=8, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
CATEGORIES = [{"id": 64, "name": "potted plant"}, {"id": 1, "name": "person"}, {"id": 90, "name": "toothbrush"}]
LEFT = [0, 0, 3, 0, 3, 7, 0, 7]
MIDDLE = [2, 0, 5, 0, 5, 7, 2, 7]


def thing(category: int, shape: Any, image: int = 7, crowd: int = 0) -> dict[str, Any]:
    return {"image_id": image, "category_id": category, "segmentation": shape, "iscrowd": crowd}


def write_coco(root: Path, things: list[dict[str, Any]]) -> None:
    for split in ("train2017", "val2017"):
        images = [{"id": number, "file_name": f"{number}.jpg", "width": 8, "height": 8} for number in (7, 3)]
        for image in images:
            write_image(root / split / str(image["file_name"]), 8, 8)
        content = {"images": images, "annotations": things, "categories": CATEGORIES}
        (root / "annotations").mkdir(exist_ok=True)
        (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(content))


def first_row(root: Path, **options: Any) -> list[int]:
    row: list[int] = Coco(root, **options).open(PREPARE).evaluation[0][1][0].tolist()
    return row


def test_classes_are_numbered_by_the_categories_numbers(tmp_path: Path) -> None:
    write_coco(tmp_path, [thing(90, [LEFT])])
    masked = Coco(tmp_path).open(PREPARE)

    assert masked.classes == ("background", "person", "potted plant", "toothbrush")
    assert [len(masked.training()), len(masked.calibration), len(masked.evaluation)] == [2, 2, 2]
    assert first_row(tmp_path) == [3, 3, 3, 3, 0, 0, 0, 0]
    assert not masked.evaluation[1][1].any(), "an image without objects is background"


def test_the_classes_of_voc_can_be_asked_for(tmp_path: Path) -> None:
    write_coco(tmp_path, [thing(64, [LEFT]), thing(90, [[4, 0, 7, 0, 7, 7, 4, 7]])])

    assert Coco(tmp_path, classes="voc").open(PREPARE).classes == VOC_CLASSES
    assert first_row(tmp_path, classes="voc") == [VOC_CLASSES.index("pottedplant")] * 4 + [0] * 4
    assert set(COCO_AS_VOC.values()) == set(VOC_CLASSES)


def test_where_different_objects_overlap_nothing_counts(tmp_path: Path) -> None:
    write_coco(tmp_path, [thing(1, [LEFT]), thing(64, [MIDDLE])])
    assert first_row(tmp_path) == [1, 1, 255, 255, 2, 2, 0, 0]

    write_coco(tmp_path, [thing(1, [LEFT]), thing(1, [MIDDLE])])
    assert first_row(tmp_path) == [1, 1, 1, 1, 1, 1, 0, 0]


def test_crowds_count_for_nothing(tmp_path: Path) -> None:
    write_coco(tmp_path, [thing(1, {"size": [8, 8], "counts": [16, 8, 40]}, crowd=1)])

    assert first_row(tmp_path) == [0, 0, 255, 0, 0, 0, 0, 0]


def test_run_lengths_go_down_the_columns() -> None:
    covered = region({"size": [3, 4], "counts": [1, 4, 7]}, 4, 3, "a.jpg", "coco")

    assert covered.astype(int).tolist() == [[0, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0]]


def test_an_object_may_have_several_polygons() -> None:
    covered = region([[0, 0, 1, 0, 1, 3, 0, 3], [6, 0, 7, 0, 7, 3, 6, 3], [0, 0, 1, 1]], 8, 4, "a.jpg", "coco")

    assert np.array_equal(covered, np.tile([1, 1, 0, 0, 0, 0, 1, 1], (4, 1)))


def test_compressed_run_lengths_need_pycocotools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools", None)

    with pytest.raises(SnnfwError) as caught:
        region({"size": [3, 4], "counts": "06"}, 4, 3, "a.jpg", "coco")
    assert str(caught.value) == (
        "image 'a.jpg' of data 'coco' has compressed run lengths, which pycocotools reads: pip install pycocotools."
    )


def test_an_image_of_another_size_than_the_file_says_is_an_error(tmp_path: Path) -> None:
    write_coco(tmp_path, [thing(1, [LEFT])])
    write_image(tmp_path / "val2017" / "7.jpg", 8, 6)

    with pytest.raises(SnnfwError) as caught:
        Coco(tmp_path).open(PREPARE).evaluation[0]
    assert str(caught.value) == (
        f"the mask of image '{tmp_path}/val2017/7.jpg' of data 'coco' is 8 by 8 pixels and the image 8 by 6: "
        "both have to be of the same size."
    )


def test_missing_and_damaged_files_are_named(tmp_path: Path) -> None:
    write_coco(tmp_path, [])
    annotations = tmp_path / "annotations" / "instances_val2017.json"
    told = []
    for content in (None, b"{", b'{"images": []}', b"[]"):
        annotations.unlink()
        if content:
            annotations.write_bytes(content)
        with pytest.raises(SnnfwError) as caught:
            Coco(tmp_path).open(PREPARE)
        told.append(str(caught.value))
        annotations.touch()

    damaged = f"'{annotations}' holds no instances of COCO's: it needs images, annotations and categories."
    assert told == [
        f"data 'coco' finds no file '{annotations}': data.root has to hold annotations/, train and val.",
        damaged,
        damaged,
        damaged,
    ]
