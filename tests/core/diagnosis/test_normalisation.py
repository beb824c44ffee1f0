"""Batch norms remember what they read in training: data that is normalised otherwise is told, with what would fit."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from networks import ConvNet, estimated, noise, seeded
from snnfw.diagnosis.normalisation import KNOWN, check_normalisation, fits, scales

MEAN, STD = (torch.tensor(values).view(1, 3, 1, 1) for values in KNOWN["of ImageNet"])


@pytest.fixture(scope="module")
def images() -> Tensor:
    """Return images of values from 0 to 1, [N, 3, 8, 8]."""
    return noise(24, 3, 8, 8, seed=5).float().sigmoid()


def trained_on(x: Tensor) -> nn.Module:
    """Return a network whose batch norms remember some inputs."""
    net = seeded(ConvNet)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    net.train()
    with torch.no_grad():
        net(x)
    return net.eval()


def test_data_of_the_training_fits(images: Tensor) -> None:
    net = trained_on(images)
    assert check_normalisation(net, (images,)) is None
    first, second = scales(net, (images,))
    assert (first.module, second.module) == ("bn1", "bn2")
    assert first.shift == pytest.approx(0, abs=1e-4)
    assert first.width == pytest.approx(1, rel=1e-2)
    assert fits(first)


WRONG = {
    "divide the inputs by 255": lambda x: x * 255,
    "multiply the inputs by 255": lambda x: x / 255,
    "leave the normalisation of ImageNet out": lambda x: (x - MEAN) / STD,
}


@pytest.mark.parametrize("cure", WRONG)
def test_the_normalisation_that_fits_is_found(images: Tensor, cure: str) -> None:
    found = check_normalisation(trained_on(images), (WRONG[cure](images),))
    assert found is not None
    assert found.found.module == "bn1"
    assert found.better is not None
    assert found.better.startswith(cure)
    assert found.then is not None
    assert fits(found.then)


def test_a_missing_normalisation_is_found_as_words_of_the_configuration(images: Tensor) -> None:
    found = check_normalisation(trained_on((images - MEAN) / STD), (images,))
    assert found is not None
    assert (
        found.better == "normalise the inputs of ImageNet, data.mean=[0.485,0.456,0.406] data.std=[0.229,0.224,0.225]"
    )


def test_bytes_are_told_to_be_divided_and_normalised(images: Tensor) -> None:
    found = check_normalisation(trained_on((images - MEAN) / STD), (images * 255,))
    assert found is not None
    assert str(found.better).startswith("divide the inputs by 255 and normalise them of ImageNet")


def test_images_of_another_kind_are_normalised_by_themselves(images: Tensor) -> None:
    standard = (images - images.mean((0, 2, 3), keepdim=True)) / images.std((0, 2, 3), keepdim=True)
    other = check_normalisation(trained_on(standard), (images * 40 - 7,))
    assert other is not None
    assert str(other.better).startswith("normalise each channel by its own mean and spread, data.mean=[")


def test_what_nothing_usual_mends_is_told_alone() -> None:
    x = noise(8, 3, 8, 8).float()
    net = trained_on(x)
    with torch.no_grad():
        net.bn1.running_mean.add_(1000)  # type: ignore[union-attr, operator]
    found = check_normalisation(net, (x,))
    assert found is not None
    assert (found.better, found.then) == (None, None)


def test_networks_without_a_memory_say_nothing_and_are_left_as_they_are() -> None:
    x = noise(4, 3, 8, 8).float()
    assert check_normalisation(nn.Sequential(nn.Flatten(), nn.Linear(192, 2)), (x * 255,)) is None
    assert scales(seeded(ConvNet), (x,)) == []  # never trained
    net = estimated(seeded(ConvNet), x)
    net.train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    scales(net, (x,))
    assert all(module.training for module in net.modules())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not any(module._forward_pre_hooks for module in net.modules())


def test_few_values_of_a_channel_tell_nothing() -> None:
    """One sample has no spread in 2-D inputs, which would be taken for data of another scale."""
    x = noise(64, 6).float()
    net = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5, momentum=None), nn.ReLU()).train()
    with torch.no_grad():
        net(x)
    assert check_normalisation(net, (x[:1],)) is None
    assert check_normalisation(net, (x[:1] * 10,)) is None
    assert check_normalisation(net, (x * 10,)) is not None
