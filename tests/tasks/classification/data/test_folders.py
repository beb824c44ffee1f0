from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from PIL import Image
from pydantic import TypeAdapter, ValidationError

from snnfw.errors import SnnfwError
from snnfw.values import Resources
from snnfw_tasks.classification.data.folders import Folder, ImageNet, choose_preprocess
from snnfw_tasks.classification.models.digits import DigitsVgg
from snnfw_tasks.classification.task import Classification
from snnfw_tasks.networks.torchvision_zoo import TorchvisionModel
from snnfw_tasks.samples.labelled import IMAGENET, Preprocess

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def draw(path: Path, grey: int = 128, size: tuple[int, int] = (12, 10)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (grey, grey, grey)).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for split in ("train", "test"):
        for grey, label in enumerate(("ant", "bee")):
            for number in range(2):
                draw(tmp_path / split / label / f"{number}.png", 100 * grey)
    return tmp_path


def test_images_run_through_the_task(root: Path) -> None:
    model = TorchvisionModel("squeezenet1_1")
    bundle = Classification(batch=3).load(model, Folder(root, size=32), Resources())
    assert bundle.description["classes"] == ["ant", "bee"]
    assert bundle.description["sample_shape"] == [3, 32, 32]
    assert [batch.target.tolist() for batch in bundle.data.evaluation] == [[0, 0, 1], [1]]


def test_a_calibration_folder_is_preferred_and_val_stands_in_for_test(root: Path) -> None:
    (root / "test").rename(root / "val")
    assert len(Folder(root).open(None).calibration) == 4
    draw(root / "calibration" / "ant" / "0.png")
    draw(root / "calibration" / "bee" / "0.png")
    data = Folder(root).open(None)
    assert [len(data.training), len(data.calibration), len(data.evaluation)] == [4, 2, 4]


def test_imagenet_is_read_from_class_folders_without_a_devkit(tmp_path: Path) -> None:
    for split in ("train", "val"):
        for wnid in ("n01440764", "n01443537"):
            draw(tmp_path / split / wnid / f"{wnid}_1.JPEG", size=(300, 260))
    data = ImageNet(tmp_path).open(None)
    assert data.classes == ("n01440764", "n01443537")
    assert data.shape == (3, 224, 224)
    assert data.evaluation[1][0].shape == (3, 224, 224)
    assert data.evaluation[1][1] == 1


def test_grey_images_follow_a_network_for_grey_images(root: Path) -> None:
    data = Folder(root).open(DigitsVgg().preprocess())
    image, _ = data.evaluation[2]
    assert image.shape == data.shape == (1, 8, 8)
    assert image.allclose(torch.tensor((100 / 255 - 0.305) / 0.376))


@pytest.fixture
def gradient(root: Path) -> Path:
    """Replace all images by one that is darker at the left, 48 pixels wide."""
    shades = torch.arange(48, dtype=torch.uint8).mul(5).repeat(40, 1).numpy()
    for path in root.rglob("*.png"):
        Image.fromarray(shades).convert("RGB").save(path)
    return root


def test_training_images_are_another_part_at_every_reading(gradient: Path) -> None:
    data = Folder(gradient, size=24).open(None)
    torch.manual_seed(0)
    images = torch.stack([data.training[0][0] for _ in range(16)])
    assert images.shape == (16, 3, 24, 24)
    assert len({float(image.sum()) for image in images}) == 16
    rising = images[:, 0, 12, -1] > images[:, 0, 12, 0]
    assert set(rising.tolist()) == {True, False}  # some are mirrored
    torch.manual_seed(0)
    assert torch.equal(data.training[0][0], images[0])


@pytest.mark.parametrize("augment", ["standard", "auto", "none"])
def test_calibration_and_test_images_are_never_distorted(gradient: Path, augment: Any) -> None:
    data = Folder(gradient, size=24, augment=augment).open(None)
    plain = Folder(gradient, size=24, augment="none").open(None)
    for samples in (data.calibration, data.evaluation):
        assert torch.equal(samples[0][0], plain.training[0][0])
    torch.manual_seed(0)
    assert torch.equal(data.training[0][0], plain.training[0][0]) is (augment == "none")


def test_auto_distorts_what_was_cut_out_by_the_policy_that_is_asked_for(
    gradient: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def auto(pixels: torch.Tensor, policy: str, mean: tuple[float, ...]) -> torch.Tensor:
        asked.append(policy)
        return torch.zeros_like(pixels)

    monkeypatch.setattr("snnfw_tasks.classification.data.random_crops.auto_augment", auto)
    image, _ = Folder(gradient, size=24, augment="auto", policy="svhn").open(None).training[0]
    assert asked == ["svhn"]
    assert torch.allclose(image, -torch.tensor(IMAGENET.mean).div(torch.tensor(IMAGENET.std)).view(3, 1, 1))


KNOWN = Preprocess(200, 160, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2), "bicubic")


def test_the_networks_preparation_is_used_and_can_be_overridden(tmp_path: Path) -> None:
    assert choose_preprocess(Folder(tmp_path), None) == IMAGENET
    assert choose_preprocess(Folder(tmp_path), KNOWN) == KNOWN
    changed = Folder(tmp_path, size=80, mean=(0.1,), std=(0.3,), interpolation="nearest")
    assert choose_preprocess(changed, KNOWN) == Preprocess(100, 80, (0.1,), (0.3,), "nearest")


def rename_images(root: Path) -> None:
    for path in (root / "train/bee").iterdir():
        path.rename(path.with_suffix(".txt"))


def without(*paths: str) -> Callable[[Path], None]:
    def remove(root: Path) -> None:
        for path in paths:
            for file in sorted((root / path).rglob("*"), reverse=True):
                file.rmdir() if file.is_dir() else file.unlink()
            (root / path).rmdir()

    return remove


EXPECTED = "train/CLASS/*.png, test/CLASS/*.png (or val/) and, optionally, calibration/CLASS/*.png"

MISTAKES: dict[str, tuple[Callable[[Path], None], str]] = {
    "no split": (
        without("test"),
        f"data 'folder' finds no folder 'ROOT/test' or 'ROOT/val': expected under 'ROOT' are {EXPECTED}.",
    ),
    "no class": (
        without("train/ant", "train/bee"),
        f"data 'folder' is empty: 'ROOT/train' holds no class folders, expected are {EXPECTED}.",
    ),
    "one class": (
        without("train/ant", "test/ant"),
        "data 'folder' has only the class 'bee': a classifier needs two or more.",
    ),
    "a class without a folder": (
        without("test/ant"),
        "data 'folder' has no image of the class 'ant' in 'ROOT/test': every split needs every class.",
    ),
    "a class without images": (
        rename_images,
        "data 'folder' has no image of the class 'bee' in 'ROOT/train': every split needs every class.",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_an_incomplete_folder_is_told_in_one_sentence(root: Path, mistake: str) -> None:
    spoil, message = MISTAKES[mistake]
    spoil(root)
    with pytest.raises(SnnfwError) as caught:
        Folder(root).open(None)
    assert str(caught.value) == message.replace("ROOT", str(root))


@pytest.mark.parametrize(
    ("source", "name", "expected"),
    [
        (Folder, "folder", EXPECTED),
        (
            ImageNet,
            "imagenet",
            "train/CLASS/*.JPEG and val/CLASS/*.JPEG, with one folder per class such as n01440764",
        ),
    ],
)
def test_a_missing_root_says_what_is_expected(
    tmp_path: Path, source: type[Folder | ImageNet], name: str, expected: str
) -> None:
    with pytest.raises(SnnfwError) as caught:
        source(tmp_path / "no").open(None)
    assert str(caught.value) == (f"data '{name}' finds no folder '{tmp_path}/no': expected there are {expected}.")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"size": 64, "resize": 48},
            "data.resize=48 is smaller than data.size=64, which would leave a black frame around every "
            "image: set data.resize to 64 or more.",
        ),
        (
            {"mean": (0.5,)},
            "data.mean has 1 values and data.std 3: give both one value for grey images, or three for colour.",
        ),
    ],
)
def test_an_impossible_preparation_is_told_in_one_sentence(root: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SnnfwError) as caught:
        Folder(root, **options).open(None)
    assert str(caught.value) == message


def test_a_deviation_of_zero_is_refused() -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        TypeAdapter(Folder).validate_python({"root": "here", "std": [0.0, 1.0, 1.0]})


def test_an_unreadable_image_is_named(root: Path) -> None:
    path = root / "test" / "bee" / "1.png"
    path.write_bytes(path.read_bytes()[:40])
    evaluation = Folder(root).open(None).evaluation
    with pytest.raises(SnnfwError) as caught:
        evaluation[3]
    assert str(caught.value) == f"image '{path}' of data 'folder' cannot be read: repair or remove it."


@pytest.mark.parametrize(
    ("mode", "own", "said"),
    [
        (
            "L",
            None,
            "images are grey and read in colour, since data.mean has three values: one would keep them as they are.",
        ),
        (
            "RGB",
            0.5,
            "images are in colour and read grey, since data.mean has one value: three would keep them as they are.",
        ),
        ("L", 0.5, None),
        ("RGB", None, None),
    ],
)
def test_colours_that_are_read_as_others_are_told(root: Path, mode: str, own: float | None, said: str | None) -> None:
    for path in root.rglob("*.png"):
        Image.open(path).convert(mode).save(path)
    values = (own,) if own is not None else None
    reading = Folder(root, mean=values, std=values).open(None).reading
    assert reading is not None
    assert reading.notes == ((said,) if said else ())


def test_how_images_are_prepared_is_told_and_kept(root: Path) -> None:
    lines: list[str] = []
    model = TorchvisionModel("squeezenet1_1")
    bundle = Classification().load(model, Folder(root, size=32, resize=36), Resources(tell=lines.append))
    assert lines[-1] == (
        "data 'folder': images in colour, resized to 36 on the shorter side, 32 by 32 cut out of the middle, bilinear; "
        "mean 0.485, 0.456, 0.406, deviation 0.229, 0.224, 0.225."
    )
    assert bundle.description["preprocess"]["crop"] == 32


def test_a_network_of_other_channels_is_told_how_they_are_had(root: Path) -> None:
    with pytest.raises(SnnfwError) as caught:
        Classification().load(TorchvisionModel("resnet18"), Folder(root, size=32, mean=(0.5,), std=(0.5,)), Resources())
    assert "expects 3 channels and gets 1" in str(caught.value)
    assert str(caught.value).endswith(
        "One value in data.mean and data.std reads images grey, data.mean=[0.5] data.std=[0.5], three in colour, "
        "data.mean=[0.485,0.456,0.406] data.std=[0.229,0.224,0.225]."
    )
