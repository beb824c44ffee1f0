from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from masked_files import write_image, write_mask
from snnfw.errors import SnnfwError
from snnfw_tasks.samples.labelled import Preprocess
from snnfw_tasks.samples.masks import MaskedFiles, MaskImages, fit_extent, fit_image, fit_labels

PREPARE = Preprocess(resize=8, crop=8, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))


def written(folder: Path, count: int = 3, classes: int = 2) -> MaskedFiles:
    images = [folder / f"{number}.png" for number in range(count)]
    masks = [folder / f"{number}-mask.png" for number in range(count)]
    for image, mask in zip(images, masks, strict=True):
        write_image(image)
        write_mask(mask, np.ones((4, 6)))
    return MaskedFiles(images, MaskImages(masks, "mine"), PREPARE, "mine", classes)


def refusal(files: MaskedFiles, index: int = 1) -> str:
    with pytest.raises(SnnfwError) as caught:
        files[index]
    return str(caught.value)


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(6, 4, (5, 8)), (4, 6, (8, 5)), (8, 8, (8, 8)), (16, 16, (8, 8)), (900, 1, (1, 8))],
)
def test_images_of_any_size_fit_into_the_square(width: int, height: int, expected: tuple[int, int]) -> None:
    assert fit_extent(width, height, 8) == expected


def test_what_is_outside_an_image_is_grey_and_void(tmp_path: Path) -> None:
    image, labels = written(tmp_path)[0]

    assert image.shape == (3, 8, 8)
    assert labels.shape == (8, 8)
    assert labels.dtype == torch.long
    assert image[:, :5, 0].tolist() == [[2.0] * 5, [-2.0] * 5, [-2.0] * 5]
    assert (image[:, 5:] == 0).all()
    assert (labels[:5] == 1).all()
    assert (labels[5:] == 255).all()


def test_labels_are_never_mixed() -> None:
    labels = np.array([[0, 200], [3, 255]])

    assert set(fit_labels(labels, 7).flatten().tolist()) == {0, 200, 3, 255}
    assert fit_labels(labels, 4).tolist() == np.repeat(np.repeat(labels, 2, 0), 2, 1).tolist()


def test_images_are_resized_as_the_weights_prescribe() -> None:
    ramp = Image.fromarray(np.arange(0, 250, 10).astype(np.uint8).reshape(5, 5)).convert("RGB")
    nearest = Preprocess(resize=9, crop=9, mean=(0, 0, 0), std=(1, 1, 1), interpolation="nearest")

    levels = (fit_image(ramp, nearest) * 255).round()
    assert set(levels.flatten().tolist()) == set(range(0, 250, 10))


@pytest.mark.parametrize("mode", ["P", "L", "I;16"])
def test_masks_are_palette_or_grey_images(mode: str, tmp_path: Path) -> None:
    write_mask(tmp_path / "m.png", [[0, 7], [255, 1]], mode)

    assert MaskImages([tmp_path / "m.png"], "mine")(0).tolist() == [[0, 7], [255, 1]]


def test_coloured_masks_are_refused(tmp_path: Path) -> None:
    files = written(tmp_path)
    write_mask(tmp_path / "1-mask.png", np.ones((4, 6)), "RGB")

    assert refusal(files) == (
        f"mask '{tmp_path}/1-mask.png' of data 'mine' is a RGB image: "
        "a mask is a grey or palette image whose values are the labels."
    )


def test_a_broken_image_in_the_middle_is_named(tmp_path: Path) -> None:
    files = written(tmp_path)
    (tmp_path / "1.png").write_bytes((tmp_path / "1.png").read_bytes()[:40])

    assert refusal(files) == (
        f"image '{tmp_path}/1.png' of data 'mine' cannot be read: repair or remove it, or set data.skip_broken=true."
    )


def test_a_broken_mask_is_named(tmp_path: Path) -> None:
    files = written(tmp_path)
    (tmp_path / "1-mask.png").write_bytes(b"nothing")

    assert refusal(files) == (
        f"mask '{tmp_path}/1-mask.png' of data 'mine' cannot be read: "
        "repair or remove it, or set data.skip_broken=true."
    )


def test_an_image_that_is_gone_is_named(tmp_path: Path) -> None:
    files = written(tmp_path)
    (tmp_path / "1.png").unlink()

    assert refusal(files) == (
        f"image '{tmp_path}/1.png' of data 'mine' does not exist: add it, or take it off the list."
    )


def test_what_cannot_be_read_is_left_out_when_asked_for_and_named(tmp_path: Path) -> None:
    files = written(tmp_path, count=4)
    (tmp_path / "1.png").write_bytes(b"nothing")
    (tmp_path / "2-mask.png").write_bytes(b"nothing")
    write_mask(tmp_path / "3-mask.png", np.zeros((4, 6)))

    readable, left_out = files.readable()

    assert [path.name for path in readable.images] == ["0.png", "3.png"]
    assert [int(readable[index][1][0, 0]) for index in range(2)] == [1, 0]
    assert [readable.labels.held(index) for index in range(2)] == [[1], [0]]
    assert left_out == {"files that cannot be read": [f"{tmp_path}/1.png", f"{tmp_path}/2.png"]}


def test_a_mask_of_another_size_is_an_error(tmp_path: Path) -> None:
    files = written(tmp_path)
    write_mask(tmp_path / "1-mask.png", np.ones((6, 4)))

    assert refusal(files) == (
        f"the mask of image '{tmp_path}/1.png' of data 'mine' is 4 by 6 pixels and the image 6 by 4: "
        "both have to be of the same size."
    )


def test_a_label_that_there_is_not_is_an_error(tmp_path: Path) -> None:
    files = written(tmp_path)
    write_mask(tmp_path / "1-mask.png", np.full((4, 6), 2))

    assert refusal(files) == (
        f"the mask of image '{tmp_path}/1.png' of data 'mine' has the label 2: "
        "labels go from 0 to 1, and 255 is for pixels that count for nothing."
    )


@pytest.mark.parametrize("mode", ["P", "L", "I;16"])
def test_the_labels_of_a_mask_are_told_apart(mode: str, tmp_path: Path) -> None:
    write_mask(tmp_path / "m.png", [[0, 7], [255, 7]], mode)
    assert MaskImages([tmp_path / "m.png"], "mine").held(0) == [0, 7, 255]


def lying(path: Path, turn: int, size: tuple[int, int] = (6, 4)) -> None:
    """Write an image whose EXIF data say how to turn it, red at the left once it is upright."""
    upright = Image.new("RGB", size, (0, 0, 0))
    upright.paste((255, 0, 0), (0, 0, size[0] // 2, size[1]))
    back = {1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}[turn]
    exif = Image.Exif()
    exif[0x0112] = turn
    (upright if back is None else upright.transpose(back)).save(path, exif=exif)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
@pytest.mark.parametrize("turn", [1, 3, 6, 8])
def test_photographs_are_turned_upright_before_masks_are_laid_on_them(turn: int, suffix: str, tmp_path: Path) -> None:
    write_mask(tmp_path / "m.png", [[1, 1, 1, 0, 0, 0]] * 4)
    lying(tmp_path / f"i.{suffix}", turn)
    image, labels = MaskedFiles(
        [tmp_path / f"i.{suffix}"], MaskImages([tmp_path / "m.png"], "mine"), PREPARE, "mine", 2
    )[0]
    assert (labels[0] == 1).tolist() == [True] * 4 + [False] * 4
    assert (image[0, 0] > 0).tolist() == [True] * 4 + [False] * 4


def test_a_mask_drawn_on_a_photograph_on_its_side_names_exif(tmp_path: Path) -> None:
    files = written(tmp_path)
    lying(tmp_path / "1.png", 6, (4, 6))
    assert refusal(files) == (
        f"the mask of image '{tmp_path}/1.png' of data 'mine' is 6 by 4 pixels and the image 4 by 6 once turned upright "
        "as its EXIF orientation says: both have to be of the same size."
    )
