from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from timm.data import create_transform, resolve_data_config
from torchvision.models import get_model_weights

from snnfw.errors import SnnfwError
from snnfw_tasks.networks.timm_zoo import TimmModel, pretrained_config
from snnfw_tasks.networks.torchvision_zoo import TorchvisionModel
from snnfw_tasks.samples.images import PixelSamples, prepare_image, read_image, to_eight_bits

if TYPE_CHECKING:
    from numpy.typing import NDArray


@pytest.fixture
def photo() -> Image.Image:
    noise = np.random.RandomState(0).randint(0, 256, size=(40, 50, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((500, 400))


@pytest.mark.parametrize("arch", ["resnet18", "inception_v3", "regnet_y_16gf", "efficientnet_b1"])
def test_images_are_prepared_as_torchvision_does(photo: Image.Image, arch: str) -> None:
    prepare = TorchvisionModel(arch, "DEFAULT").preprocess()
    assert prepare is not None
    assert prepare_image(photo, prepare).equal(get_model_weights(arch)["DEFAULT"].transforms()(photo))


@pytest.mark.parametrize(
    ("arch", "tag"),
    [("resnet18", "a1_in1k"), ("resnet18", "tv_in1k"), ("beit_base_patch16_384", "in22k_ft_in22k_in1k")],
)
def test_images_are_prepared_as_timm_does(photo: Image.Image, arch: str, tag: str) -> None:
    prepare = TimmModel(arch, tag).preprocess()
    assert prepare is not None
    config = resolve_data_config(pretrained_cfg=pretrained_config(f"{arch}.{tag}"))
    assert prepare_image(photo, prepare).allclose(create_transform(**config)(photo), atol=1e-6)


def test_a_squashed_image_keeps_all_of_it(photo: Image.Image) -> None:
    squashing = [
        name for name in timm.list_pretrained("convnext_*") if pretrained_config(name)["crop_mode"] == "squash"
    ]
    arch, _, tag = squashing[0].partition(".")
    prepare = TimmModel(arch, tag).preprocess()
    assert prepare is not None
    assert prepare.squash
    config = resolve_data_config(pretrained_cfg=pretrained_config(squashing[0]))
    assert prepare_image(photo, prepare).allclose(create_transform(**config)(photo), atol=1e-6)


def test_pixels_are_scaled_and_normalised() -> None:
    samples = PixelSamples(torch.full((1, 1, 2, 2), 12, dtype=torch.uint8), [4], 16.0, (0.25,), (0.5,))
    image, label = samples[0]
    assert image.tolist() == [[[1.0, 1.0], [1.0, 1.0]]]
    assert label == 4


@pytest.mark.parametrize(
    "raised", [ImportError("no HEIF decoder"), Image.DecompressionBombError("too large"), OSError()]
)
def test_whatever_a_decoder_raises_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: Exception
) -> None:
    def fail(path: str) -> Image.Image:
        raise raised

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(SnnfwError) as caught:
        read_image(str(tmp_path / "a.png"), "RGB", "folder")
    assert str(caught.value) == f"image '{tmp_path / 'a.png'}' of data 'folder' cannot be read: repair or remove it."


SHADES = np.linspace(0, 1, 24).reshape(4, 6)
DEEP: dict[str, tuple[str, NDArray[Any]]] = {
    "16 bits": ("a.png", (SHADES * 65535).astype(np.uint16)),
    "16 bits in TIFF": ("a.tif", (SHADES * 65535).astype(np.uint16)),
    "16 bits, the high byte first": ("a.pgm", (SHADES * 65535).astype(np.uint16)),
    "floats": ("a.tif", SHADES.astype(np.float32)),
    "8 bits": ("a.png", (SHADES * 255).round().astype(np.uint8)),
}


@pytest.mark.parametrize("case", DEEP)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_grey_images_of_any_depth_are_scaled_alike(case: str, mode: str, tmp_path: Path) -> None:
    name, values = DEEP[case]
    Image.fromarray(values).save(tmp_path / name)
    read = np.asarray(read_image(str(tmp_path / name), mode, "mine")).reshape(4, 6, -1)
    assert np.abs(read[..., 0] - 255 * SHADES).max() <= 1
    assert (read == read[..., :1]).all()


UNSCALED: dict[str, tuple[NDArray[Any], str]] = {
    "floats up to 255": (
        (SHADES * 255).astype(np.float32),
        "is of mode F (floats) with values from 0 to 255 instead of 0 to 1: save it with 8 or 16 bits.",
    ),
    "NaN": (
        np.full((4, 6), np.nan, np.float32),
        "is of mode F (floats) with values from nan to nan instead of 0 to 1: save it with 8 or 16 bits.",
    ),
    "32 bits": (
        (SHADES * 2**30).astype(np.int32),
        "is of mode I (whole numbers of 32 bits), whose brightest value nothing tells: save it with 8 or 16 bits.",
    ),
}


@pytest.mark.parametrize("case", UNSCALED)
def test_values_without_a_brightest_one_are_refused_with_file_and_mode(case: str, tmp_path: Path) -> None:
    values, message = UNSCALED[case]
    path = tmp_path / "a.tif"
    Image.fromarray(values).save(path)
    with pytest.raises(SnnfwError) as caught:
        read_image(str(path), "RGB", "mine")
    assert str(caught.value) == f"image '{path}' of data 'mine' {message}"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB"])
def test_images_of_every_other_mode_are_read(mode: str, tmp_path: Path) -> None:
    path = tmp_path / ("a.tif" if mode in ("CMYK", "LAB") else "a.png")
    Image.new(mode, (4, 4)).save(path)
    assert read_image(str(path), "RGB", "mine").mode == "RGB"


def test_a_mode_that_pil_cannot_convert_is_named() -> None:
    with pytest.raises(SnnfwError) as caught:
        to_eight_bits(Image.new("La", (4, 4)), "RGB", "a.png", "mine")
    assert str(caught.value) == (
        "image 'a.png' of data 'mine' is of mode La, which cannot be made RGB: save it as RGB."
    )


def test_a_file_of_several_pictures_is_refused_but_not_a_photograph_with_its_preview(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (4, 4), (shade, 0, 0)) for shade in (10, 200)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(SnnfwError) as caught:
        read_image(str(tmp_path / "a.tif"), "RGB", "mine")
    assert str(caught.value) == (
        f"image '{tmp_path}/a.tif' of data 'mine' holds 2 pictures: save the one that counts as a file of its own."
    )
    pages[0].save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=pages[1:])
    assert read_image(str(tmp_path / "a.jpg"), "RGB", "mine").size == (4, 4)


def test_photographs_are_read_upright_and_damaged_exif_data_are_passed_over(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    image = Image.new("RGB", (6, 4))
    image.save(tmp_path / "a.jpg", exif=exif)
    image.save(tmp_path / "b.jpg", exif=b"Exif\0\0nonsense")
    assert read_image(str(tmp_path / "a.jpg"), "RGB", "mine").size == (4, 6)
    assert read_image(str(tmp_path / "b.jpg"), "RGB", "mine").size == (6, 4)
