from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from boxed_images import write_images
from snnfw.errors import SnnfwError
from snnfw_tasks.detection.batches import batch_images, select_truths
from snnfw_tasks.detection.data.images import open_images
from snnfw_tasks.samples.batches import as_batch

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_images(tmp_path)
    return tmp_path


def opened(root: Path, skip_broken: bool = False, **words: Any) -> Any:
    folder = root / "images" / "val"
    settings = {"side": 64, "names": ("red", "green"), "choose": lambda files: files, "split": "val"}
    images, _ = open_images([folder], skip_broken=skip_broken, **{**settings, **words})
    return images


def test_images_of_any_size_become_squares_with_their_boxes_in_place(root: Path) -> None:
    (images, truths) = next(iter(batch_images(opened(root), 4, 0, lambda x, t: (x, t))))
    assert images.shape == (4, 3, 64, 64)
    assert images.dtype == torch.float32
    assert 0 <= float(images.min()) < float(images.max()) <= 1
    for image, truth in zip(images, truths, strict=True):
        x, y, _, _ = (truth.boxes[0] * 64).long().tolist()
        assert float(image[:, y, x].max()) > 0.9  # the middle of the coloured square
        assert truth.side == (64, 64)
    assert [truth.original for truth in truths] == [(64, 40), (64, 64), (30, 70), (90, 120)]


def test_batches_come_again_and_draw_no_random_numbers(root: Path) -> None:
    batches = batch_images(opened(root), 3, 0, as_batch)
    before = torch.random.get_rng_state()
    first, again = list(batches), list(batches)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert [len(item.target) for item in first] == [3, 1]
    assert len(batches) == 2
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one.inputs[0], other.inputs[0])


def test_other_processes_read_the_same(root: Path) -> None:
    images = opened(root)
    assert len(pickle.loads(pickle.dumps(images))) == 4  # noqa: S301  # our own
    (alone,), (beside,) = (list(batch_images(images, 4, workers, as_batch)) for workers in (0, 1))
    assert torch.equal(alone.inputs[0], beside.inputs[0])
    assert [truth.file for truth in alone.target] == [truth.file for truth in beside.target]


def test_truths_are_chosen_by_index(root: Path) -> None:
    (truths,) = (item.target for item in batch_images(opened(root), 4, 0, as_batch))
    assert select_truths(truths, torch.tensor([3, 1])) == (truths[3], truths[1])


def test_nothing_of_the_users_is_written_or_unpickled(root: Path) -> None:
    for name in ("train", "val"):
        (root / "labels" / f"{name}.cache").write_bytes(b"not a cache")
    (root / "images" / "val" / "000.npy").write_bytes(b"the user's own, and no array")
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    opened(root)[0], opened(root)[1]
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_a_broken_image_in_the_middle_is_named_and_skipped_only_when_asked(root: Path) -> None:
    broken = root / "images" / "val" / "002.jpg"
    broken.write_bytes(broken.read_bytes()[:400])
    before = broken.read_bytes()
    with pytest.raises(SnnfwError) as raised:
        opened(root)
    reason = str(raised.value).partition("(")[2].partition(")")[0]
    assert str(raised.value) == (
        f"1 of the 4 images of the val split cannot be used, the first is '{broken}' ({reason}): "
        "repair or remove it, or set data.skip_broken=true."
    )
    images = opened(root, skip_broken=True)
    assert [path.rpartition("/")[2] for path in images.im_files] == ["000.jpg", "001.jpg", "003.jpg"]
    assert broken.read_bytes() == before


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_whose_head_is_whole_is_named_when_it_is_read_once_and_in_any_process(
    root: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = root / "images" / "val" / "002.png"
    Image.new("RGB", (64, 64)).save(broken)
    content = bytearray(broken.read_bytes())
    content[60] ^= 255
    broken.write_bytes(content)
    monkeypatch.setattr("snnfw_tasks.detection.data.images.read_image", entry_of)
    images = opened(root)
    with pytest.raises(SnnfwError) as raised:
        list(batch_images(images, 1, workers, as_batch))
    assert str(raised.value).startswith(f"image '{broken}' of the val split cannot be used (")
    assert str(raised.value).endswith("): repair or remove it, or set data.skip_broken=true.")
    read: list[int] = images._decoded.tolist()
    assert read[: images.im_files.index(str(broken)) + 1] == [1, 1, 1, 0]
    assert len(opened(root, skip_broken=True)) == 4


def entry_of(image: str, label: str, classes: int) -> dict[str, Any]:
    """Return an entry without ultralytics' own look at the file, which reads all of a PNG."""
    del label, classes
    return {
        "im_file": image,
        "shape": (64, 64),
        "cls": np.zeros((0, 1)),
        "bboxes": np.zeros((0, 4)),
        "segments": [],
        "keypoints": None,
        "normalized": True,
        "bbox_format": "xywh",
    }


def test_a_split_of_broken_images_alone_is_an_error(root: Path) -> None:
    for path in (root / "images" / "val").iterdir():
        path.write_text("no picture")
    with pytest.raises(SnnfwError) as raised:
        opened(root, skip_broken=True)
    assert str(raised.value) == "the val split holds no image that can be used."


def test_a_folder_without_images_is_named(root: Path) -> None:
    folder = root / "images" / "val"
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(SnnfwError) as raised:
        opened(root)
    assert str(raised.value) == f"the val split finds no images in '{folder}': check the paths in data.yaml."


def test_an_image_without_labels_holds_nothing(root: Path) -> None:
    (root / "labels" / "val" / "001.txt").unlink()
    (truths,) = (item.target for item in batch_images(opened(root), 4, 0, as_batch))
    assert [len(truth.classes) for truth in truths] == [1, 0, 1, 1]


def test_only_what_is_chosen_is_read(root: Path) -> None:
    (root / "images" / "val" / "002.jpg").write_text("no picture")
    assert len(opened(root, choose=lambda files: files[:2])) == 2


def test_a_wrong_label_stops_even_where_broken_images_may_be_skipped(root: Path) -> None:
    label = root / "labels" / "val" / "002.txt"
    label.write_text("5 0.5 0.5 0.1 0.1\n")
    with pytest.raises(SnnfwError) as raised:
        opened(root, skip_broken=True)
    assert str(raised.value) == f"labels '{label}', row 1, have the class 5: the data set names the classes 0 to 1."


@pytest.mark.parametrize("turn", [3, 6, 8])
def test_boxes_belong_to_the_upright_photograph(root: Path, turn: int) -> None:
    back = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}[turn]
    path = root / "images" / "val" / "000.jpg"
    exif = Image.Exif()
    exif[0x0112] = turn
    with Image.open(path) as upright:
        upright.transpose(back).save(path, quality=95, exif=exif)
    (truths,) = (item.target for item in batch_images(opened(root), 4, 0, as_batch))
    image = opened(root)[0]["img"]
    x, y, _, _ = (truths[0].boxes[0] * 64).long().tolist()
    assert truths[0].original == (64, 40)
    assert float(image[:, y, x].max()) > 230


def test_images_of_16_bits_are_scaled_as_those_of_8(root: Path) -> None:
    with Image.open(root / "images" / "val" / "001.jpg") as image:
        grey = np.asarray(image.convert("L"))
    (root / "images" / "val" / "001.jpg").unlink()
    Image.fromarray(grey.astype(np.uint16) * 257).save(root / "images" / "val" / "001.png")
    read = opened(root)[1]["img"].numpy()
    assert np.abs(read - grey[None].astype(int)).max() <= 1
