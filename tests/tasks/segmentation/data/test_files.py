from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from masked_files import write_image, write_mask, write_voc
from snnfw.errors import SnnfwError
from snnfw.values import Resources
from snnfw_tasks.samples.labelled import IMAGENET, Preprocess
from snnfw_tasks.segmentation.data.classes import VOC_CLASSES
from snnfw_tasks.segmentation.data.folders import Masks
from snnfw_tasks.segmentation.data.voc import Voc
from snnfw_tasks.segmentation.sources import note_unseen_classes

if TYPE_CHECKING:
    from pathlib import Path

    from snnfw_tasks.samples.masked import MaskedSplits
    from snnfw_tasks.segmentation.sources import MaskedData

OWN = Preprocess(resize=12, crop=12, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))


def refusal(source: MaskedData) -> str:
    with pytest.raises(SnnfwError) as caught:
        source.open(OWN)
    return str(caught.value)


def write_folders(root: Path, **splits: int) -> None:
    for split, count in splits.items():
        for number in range(count):
            write_image(root / split / "images" / f"{number}.jpg")
            write_mask(root / split / "masks" / f"{number}.png", np.full((4, 6), number % 2))


def left_out(masked: MaskedSplits) -> dict[str, list[str]]:
    assert masked.reading is not None
    return {reason: list(names) for reason, names in masked.reading.left_out.items() if names}


def sizes(masked: MaskedSplits) -> tuple[int, int, int]:
    return len(masked.training()), len(masked.calibration), len(masked.evaluation)


@pytest.mark.parametrize("inside", ["", "VOCdevkit/VOC2012"])
def test_voc_is_found_as_its_archive_unpacks_and_without_the_folders_around_it(inside: str, tmp_path: Path) -> None:
    write_voc(tmp_path / inside, train=["a", "b", "c"], val=["d", "e"])

    masked = Voc(tmp_path).open(OWN)

    assert sizes(masked) == (3, 3, 2)
    assert masked.classes == VOC_CLASSES
    assert len(VOC_CLASSES) == 21
    image, labels = masked.evaluation[1]
    assert image.shape == (3, 12, 12)
    assert labels[1, [0, 5, 6, 11]].tolist() == [255, 1, 0, 0]
    assert set(labels[8:].flatten().tolist()) == {255}


def test_other_lists_and_another_year_are_taken_when_asked_for(tmp_path: Path) -> None:
    write_voc(tmp_path / "VOCdevkit" / "VOC2007", trainval=["a", "b"], test=["c"])

    assert sizes(Voc(tmp_path, year=2007, training="trainval", evaluation="test").open(OWN)) == (2, 2, 1)


def test_preparation_is_the_networks_own_unless_the_source_says_otherwise(tmp_path: Path) -> None:
    write_voc(tmp_path, train=["a"], val=["b"])

    assert Voc(tmp_path).open(OWN).prepare == OWN
    assert Voc(tmp_path).open(None).prepare.mean == IMAGENET.mean
    changed = Voc(tmp_path, size=20, mean=(0, 0, 0), std=(1, 1, 1)).open(OWN)
    assert changed.prepare == Preprocess(20, 20, (0, 0, 0), (1, 1, 1))
    assert changed.evaluation[0][0].shape == (3, 20, 20)


def test_folders_hold_images_and_masks_of_the_same_names(tmp_path: Path) -> None:
    write_folders(tmp_path, train=3, test=2)
    masked = Masks(tmp_path, ("no", "yes")).open(OWN)

    assert sizes(masked) == (3, 3, 2)
    assert [int(masked.evaluation[index][1][0, 0]) for index in range(2)] == [0, 1]
    write_folders(tmp_path, calibration=1, val=4)
    assert sizes(Masks(tmp_path, ("no", "yes")).open(OWN)) == (3, 1, 2)


def test_broken_images_are_left_out_when_asked_for(tmp_path: Path) -> None:
    write_folders(tmp_path, train=3, val=2)
    (tmp_path / "train" / "images" / "1.jpg").write_bytes(b"nothing")

    masked = Masks(tmp_path, ("no", "yes"), skip_broken=True).open(OWN)
    assert sizes(masked) == (2, 2, 2)
    assert left_out(masked) == {"files that cannot be read": [f"{tmp_path}/train/images/1.jpg"]}
    with pytest.raises(SnnfwError, match="1.jpg' of data 'masks' cannot be read"):
        Masks(tmp_path, ("no", "yes")).open(OWN).training()[1]


def test_an_image_without_a_mask_is_named(tmp_path: Path) -> None:
    write_folders(tmp_path, train=2, test=2)
    (tmp_path / "test" / "masks" / "1.png").unlink()

    assert refusal(Masks(tmp_path, ("no", "yes"))) == (
        f"image '{tmp_path}/test/images/1.jpg' of data 'masks' has no mask '{tmp_path}/test/masks/1.png': "
        "add it or remove the image."
    )


def test_missing_folders_and_lists_are_named(tmp_path: Path) -> None:
    expected = (
        "train/images/NAME.jpg, train/masks/NAME.png, the same under test/ (or val/) and, optionally, calibration/"
    )
    write_voc(tmp_path / "voc", train=["a"], other=["b"])
    write_folders(tmp_path / "half", train=1)
    write_folders(tmp_path / "empty", train=1)
    (tmp_path / "empty" / "test" / "images").mkdir(parents=True)
    table: dict[MaskedData, str] = {
        Voc(tmp_path / "no"): (
            f"data 'voc' finds neither '{tmp_path}/no/ImageSets' nor '{tmp_path}/no/VOCdevkit/VOC2012/ImageSets': "
            "data.root has to hold one of them."
        ),
        Voc(tmp_path / "voc"): (
            f"data 'voc' finds no list '{tmp_path}/voc/ImageSets/Segmentation/val.txt': "
            "lists that are there: other, train."
        ),
        Masks(tmp_path / "no", ("a", "b")): (
            f"data 'masks' finds no folder '{tmp_path}/no': expected there are {expected}."
        ),
        Masks(tmp_path / "half", ("a", "b")): (
            f"data 'masks' finds no folder '{tmp_path}/half/test' or '{tmp_path}/half/val': "
            f"expected under '{tmp_path}/half' are {expected}."
        ),
        Masks(tmp_path / "empty", ("a", "b")): (
            f"data 'masks' finds no image in '{tmp_path}/empty/test/images': expected are {expected}."
        ),
    }

    assert {source: refusal(source) for source in table} == table


def test_grey_normalisation_is_refused(tmp_path: Path) -> None:
    assert refusal(Voc(tmp_path, mean=(0.5,), std=(0.5,))) == (
        f"data 'voc' finds neither '{tmp_path}/ImageSets' nor '{tmp_path}/VOCdevkit/VOC2012/ImageSets': "
        "data.root has to hold one of them."
    )
    write_voc(tmp_path, train=["a"], val=["b"])
    assert refusal(Voc(tmp_path, mean=(0.5,), std=(0.5,))) == (
        "data.mean and data.std need three values each, for red, green and blue, in data 'voc'."
    )


def test_what_has_no_partner_or_two_is_named(tmp_path: Path) -> None:
    write_folders(tmp_path, train=2, test=2)
    write_mask(tmp_path / "test" / "masks" / "more" / "7.png", np.zeros((4, 6)))
    assert left_out(Masks(tmp_path, ("no", "yes")).open(OWN)) == {
        "masks of no image": [f"{tmp_path}/test/masks/more/7.png"]
    }
    write_image(tmp_path / "test" / "images" / "1.png")
    assert refusal(Masks(tmp_path, ("no", "yes"))) == (
        f"'{tmp_path}/test/images/1.jpg' and '{tmp_path}/test/images/1.png' of data 'masks' have one name: "
        "rename or remove one of them."
    )


def test_an_image_that_is_listed_twice_counts_once(tmp_path: Path) -> None:
    write_voc(tmp_path, train=["a"], val=["b", "c", "b"])
    masked = Voc(tmp_path).open(OWN)
    assert sizes(masked) == (1, 1, 2)
    assert left_out(masked) == {"images listed twice": [f"{tmp_path}/JPEGImages/b.jpg"]}


def test_no_more_masks_are_read_than_tell_the_classes_and_of_many_a_thousand(tmp_path: Path) -> None:
    write_folders(tmp_path, train=2, test=2)
    masked = Masks(tmp_path, ("no", "yes", "maybe")).open(OWN)
    read: list[int] = []

    def held(label: int, index: int) -> set[int]:
        read.append(index)
        return {0, 1, label} if index == 4 else {0}

    def notes(label: int) -> tuple[str, ...]:
        read.clear()
        found = note_unseen_classes("masks", replace(masked, held=partial(held, label)), range(5000), Resources())
        assert found is not None
        return found.notes

    assert (notes(2), read) == ((), list(range(5)))
    assert notes(1) == ("none of the first 1000 images holds 1 ('maybe') of the 3 classes.",)
    assert len(read) == 1000


def test_classes_that_nothing_scored_holds_are_told(tmp_path: Path) -> None:
    write_folders(tmp_path, train=2, test=2)
    masked = Masks(tmp_path, ("no", "yes", "maybe")).open(OWN)
    for tested, absent in (((0, 1), "1 ('maybe')"), ((0,), "2 ('yes', 'maybe')")):
        found = note_unseen_classes("masks", masked, tested, Resources())
        assert found is not None
        assert found.notes == (f"no image that is scored holds {absent} of the 3 classes.",)
    whole = note_unseen_classes("masks", Masks(tmp_path, ("no", "yes")).open(OWN), (0, 1), Resources())
    assert whole is not None
    assert whole.notes == ()


@pytest.mark.parametrize(("values", "only"), [((0, 255), "0 and 255"), ((255, 255), "255")])
def test_masks_of_0_and_255_are_refused(values: tuple[int, int], only: str, tmp_path: Path) -> None:
    write_folders(tmp_path, train=2, test=2)
    for path in (tmp_path / "test" / "masks").iterdir():
        write_mask(path, np.repeat([values], 4, 0).repeat(3, 1))
    with pytest.raises(SnnfwError) as caught:
        note_unseen_classes("masks", Masks(tmp_path, ("no", "yes")).open(OWN), (0,), Resources())
    assert str(caught.value) == (
        f"the masks of data 'masks' that are scored hold {only} alone and none 'yes': 255 is for pixels that count for "
        "nothing, so write 1 in its place if it is the foreground."
    )


def test_a_few_masks_may_hold_0_and_255_if_others_hold_more(tmp_path: Path) -> None:
    write_folders(tmp_path, train=2, test=2)
    write_mask(tmp_path / "test" / "masks" / "0.png", np.repeat([[0, 255]], 4, 0).repeat(3, 1))
    found = note_unseen_classes("masks", Masks(tmp_path, ("no", "yes")).open(OWN), (0,), Resources())
    assert found is not None
    assert found.notes == ()
