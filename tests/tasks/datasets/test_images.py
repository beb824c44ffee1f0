from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from timm.data import create_transform, resolve_data_config
from torchvision.models import get_model_weights

from snnfw.errors import SnnfwError
from snnfw_tasks.datasets.images import PixelSamples, prepared, read_image
from snnfw_tasks.models.timm_zoo import TimmModel, pretrained
from snnfw_tasks.models.torchvision_zoo import TorchvisionModel


@pytest.fixture
def photo() -> Image.Image:
    noise = np.random.RandomState(0).randint(0, 256, size=(40, 50, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((500, 400))


@pytest.mark.parametrize("arch", ["resnet18", "inception_v3", "regnet_y_16gf", "efficientnet_b1"])
def test_images_are_prepared_as_torchvision_does(photo: Image.Image, arch: str) -> None:
    prepare = TorchvisionModel(arch, "DEFAULT").preprocess()
    assert prepare is not None
    assert prepared(photo, prepare).equal(get_model_weights(arch)["DEFAULT"].transforms()(photo))


@pytest.mark.parametrize(
    ("arch", "tag"),
    [("resnet18", "a1_in1k"), ("resnet18", "tv_in1k"), ("beit_base_patch16_384", "in22k_ft_in22k_in1k")],
)
def test_images_are_prepared_as_timm_does(photo: Image.Image, arch: str, tag: str) -> None:
    prepare = TimmModel(arch, tag).preprocess()
    assert prepare is not None
    config = resolve_data_config(pretrained_cfg=pretrained(f"{arch}.{tag}"))
    assert prepared(photo, prepare).allclose(create_transform(**config)(photo), atol=1e-6)


def test_a_squashed_image_keeps_all_of_it(photo: Image.Image) -> None:
    squashing = [name for name in timm.list_pretrained("convnext_*") if pretrained(name)["crop_mode"] == "squash"]
    arch, _, tag = squashing[0].partition(".")
    prepare = TimmModel(arch, tag).preprocess()
    assert prepare is not None
    assert prepare.squash
    config = resolve_data_config(pretrained_cfg=pretrained(squashing[0]))
    assert prepared(photo, prepare).allclose(create_transform(**config)(photo), atol=1e-6)


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
