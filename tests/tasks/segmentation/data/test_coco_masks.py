from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from masked_files import write_image
from snnfw.errors import SnnfwError
from snnfw_tasks.samples.labelled import Preprocess
from snnfw_tasks.segmentation.data.classes import COCO_AS_VOC, VOC_CLASSES
from snnfw_tasks.segmentation.data.coco import Coco
from snnfw_tasks.segmentation.data.coco_shapes import draw_region, run_lengths

if TYPE_CHECKING:
    from collections.abc import Callable

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
    covered = draw_region({"size": [3, 4], "counts": [1, 4, 7]}, 4, 3)

    assert covered.astype(int).tolist() == [[0, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0]]


def test_an_object_may_have_several_polygons() -> None:
    covered = draw_region([[0, 0, 1, 0, 1, 3, 0, 3], [6, 0, 7, 0, 7, 3, 6, 3], [0, 0, 1, 1]], 8, 4)

    assert np.array_equal(covered, np.tile([1, 1, 0, 0, 0, 0, 1, 1], (4, 1)))


@pytest.mark.parametrize(
    ("counts", "numbers"),
    [
        ("147", [1, 4, 7]),
        ("24o01", [2, 4, 31, 5]),
        ("`j`13Pac06Pac0I[nhN", [50000, 3, 20000, 9, 40000, 2, 11]),
        ("03Xo0OiPO", [0, 3, 1000, 2, 1]),
    ],
)
def test_compressed_run_lengths_are_read_as_pycocotools_writes_them(counts: str, numbers: list[int]) -> None:
    assert run_lengths(counts) == numbers


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


def edit(root: Path, split: str, change: Callable[[dict[str, Any]], object]) -> Path:
    """Change what a file of annotations holds, and return it."""
    path = root / "annotations" / f"instances_{split}2017.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path


def all_of(kind: str, **values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda content: [entry.update(values) for entry in content[kind]]


def as_text(content: dict[str, Any]) -> None:
    for thing in content["annotations"]:
        thing["image_id"], thing["category_id"] = str(thing["image_id"]), f"0{thing['category_id']}"


def renumbered(content: dict[str, Any]) -> None:
    content["categories"] = [{"id": 1, "name": "toothbrush"}, {"id": 2, "name": "person"}]
    for thing in content["annotations"]:
        thing["category_id"] = {90: 1, 1: 2}[thing["category_id"]]


def with_background(content: dict[str, Any]) -> None:
    content["categories"].insert(0, {"id": 0, "name": "background"})


def without_size(content: dict[str, Any]) -> None:
    for image in content["images"]:
        del image["width"], image["height"]


READ: dict[str, Callable[[dict[str, Any]], object]] = {
    "as written": lambda content: None,
    "ids as text": as_text,
    "another order of categories": lambda content: content["categories"].reverse(),
    "categories numbered otherwise": renumbered,
    "a category called background": with_background,
    "images without a size": without_size,
    "no crowd, as text": all_of("annotations", iscrowd="0"),
    "one polygon without a list around it": all_of("annotations", segmentation=LEFT),
    "run lengths": all_of("annotations", segmentation={"size": [8, 8], "counts": [0, 32, 32]}),
    "run lengths without a size": all_of("annotations", segmentation={"counts": [0, 32, 32]}),
    "compressed run lengths": all_of("annotations", segmentation={"size": [8, 8], "counts": "0P1P1"}),
}


@pytest.mark.parametrize("case", READ)
def test_what_can_mean_one_thing_only_is_read(case: str, tmp_path: Path) -> None:
    write_coco(tmp_path, [thing(90, [LEFT])])
    edit(tmp_path, "val", READ[case])
    if case == "a category called background":
        edit(tmp_path, "train", READ[case])
    assert first_row(tmp_path) == [3, 3, 3, 3, 0, 0, 0, 0]


def orphaned(content: dict[str, Any]) -> None:
    content["annotations"].append(thing(1, [MIDDLE], image=4))


def test_annotations_of_no_image_and_images_without_an_entry_are_named(tmp_path: Path) -> None:
    write_coco(tmp_path, [thing(90, [LEFT])])
    edit(tmp_path, "val", orphaned)
    write_image(tmp_path / "val2017" / "more.jpg", 8, 8)
    reading = Coco(tmp_path).open(PREPARE).reading
    assert reading is not None
    assert {reason: names for reason, names in reading.left_out.items() if names} == {
        "annotations of no image": ["an annotation without id of image 4 in instances_val2017.json"],
        "images without an entry": [f"{tmp_path}/val2017/more.jpg"],
    }
    assert first_row(tmp_path) == [3, 3, 3, 3, 0, 0, 0, 0]


def twice(kind: str, **values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda content: content[kind].append({**content[kind][0], **values})


OBJECT = "an annotation without id of image '{root}/val2017/7.jpg' in '{file}' {problem}: correct it or remove it."
REFUSED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "annotations of no image alone": (
        all_of("annotations", image_id="seven"),
        "'{file}' has 1 annotations and none is of an image that it lists, the first is of image 'seven': correct image_id.",
    ),
    "an unknown category": (
        all_of("annotations", category_id=4),
        "an annotation without id in '{file}' is of the category 4, which the file does not list: add it to categories, "
        "or correct the number.",
    ),
    "a category that training does not know": (
        lambda content: content["categories"][2].update(name="comb"),
        "'{file}' has objects of the category 'comb', which the training file does not list: its categories are person, "
        "potted plant, toothbrush.",
    ),
    "an image without a name": (
        lambda content: content["images"][1].pop("file_name"),
        "entry 1 of images in '{file}' has no id or no file_name: add it or remove the entry.",
    ),
    "an annotation that is none": (
        lambda content: content["annotations"].append(None),
        "entry 1 of annotations in '{file}' has no image_id or no category_id: add it or remove the entry.",
    ),
    "an image's id twice": (
        twice("images", file_name="8.jpg"),
        "'{file}' has 2 images with the id 7: give each its own, or remove the others.",
    ),
    "an image twice": (
        twice("images", id=8),
        "'{file}' has 2 images with the file_name '7.jpg': give each its own, or remove the others.",
    ),
    "a category's id twice": (
        twice("categories", name="comb"),
        "'{file}' has 2 categories with the id 64: give each its own, or remove the others.",
    ),
    "a category's name twice": (
        twice("categories", id=8),
        "'{file}' has 2 categories with the name 'potted plant': give each its own, or remove the others.",
    ),
}
SHAPES: dict[str, tuple[Any, str]] = {
    "null": (None, "has no segmentation, so that its pixels are unknown"),
    "an empty list": ([], "has no segmentation, so that its pixels are unknown"),
    "a word": ("left", "has a segmentation that is neither polygons nor run lengths"),
    "polygons of words": ([["a", "b"]], "has a polygon that is no list of numbers"),
    "half a corner": ([[0, 0, 1, 0, 1, 1, 0]], "has a polygon of 7 numbers, which are no pairs of x and y"),
    "NaN": ([[0, 0, 1, 0, 1, float("nan")]], "has a polygon with NaN or infinity"),
    "a line": ([[0, 0, 1, 0]], "has no polygon of three corners or more"),
    "elsewhere": ([[9, 9, 12, 9, 12, 12]], "lies outside its image of 8 by 8 pixels"),
    "too few runs": (
        {"size": [8, 8], "counts": [10, 20]},
        "has run lengths of 30 pixels, and 8 by 8 are 64",
    ),
    "compressed and too few": (
        {"size": [8, 8], "counts": "24o01"},
        "has run lengths of 42 pixels, and 8 by 8 are 64",
    ),
    "another size": (
        {"size": [4, 8], "counts": [0, 32]},
        "has run lengths for 8 by 4 pixels and its image has 8 by 8",
    ),
    "runs below zero": ({"size": [8, 8], "counts": [70, -6]}, "has run lengths below zero"),
    "runs that are none": ({"size": [8, 8], "counts": "\n"}, "has run lengths that cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("case", [*REFUSED, *SHAPES])
def test_what_may_mean_several_things_is_refused_by_name(case: str, tmp_path: Path) -> None:
    write_coco(tmp_path, [thing(90, [LEFT])])
    shape = SHAPES.get(case)
    change, message = REFUSED.get(case) or (all_of("annotations", segmentation=shape and shape[0]), OBJECT)
    file = edit(tmp_path, "val", change)
    with pytest.raises(SnnfwError) as caught:
        first_row(tmp_path)
    problem = shape[1] if shape else ""
    assert str(caught.value) == message.format(root=tmp_path, file=file, problem=problem)


def test_objects_that_are_scored_are_checked_before_anything_runs(tmp_path: Path) -> None:
    write_coco(tmp_path, [thing(90, [LEFT]), thing(1, [MIDDLE], crowd=1)])
    masked = Coco(tmp_path).open(PREPARE)
    assert masked.held is not None
    assert [set(masked.held(index)) for index in range(2)] == [{0, 3, 255}, {0}]
    edit(tmp_path, "val", all_of("annotations", segmentation=None))
    masked = Coco(tmp_path).open(PREPARE)
    assert masked.held is not None
    with pytest.raises(SnnfwError, match="has no segmentation"):
        masked.held(0)


def test_classes_of_voc_ignore_what_is_wrong_with_others(tmp_path: Path) -> None:
    write_coco(tmp_path, [thing(64, [LEFT]), thing(90, None)])
    assert first_row(tmp_path, classes="voc") == [VOC_CLASSES.index("pottedplant")] * 4 + [0] * 4
