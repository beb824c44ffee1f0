from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.error import URLError

import pytest
import torch
from torchvision import models

from snnfw.errors import SnnfwError
from snnfw.values import Resources
from snnfw_tasks.networks.torchvision_zoo import TorchvisionModel
from snnfw_tasks.samples.labelled import Preprocess

if TYPE_CHECKING:
    from pathlib import Path


def refusal(source: TorchvisionModel) -> str:
    with pytest.raises(SnnfwError) as caught:
        source.build(10, Resources())
    return str(caught.value)


def test_random_weights_follow_the_seed_and_the_datas_classes() -> None:
    source = TorchvisionModel("squeezenet1_1")
    one, same, other = (source.build(7, Resources(seed=seed)) for seed in (0, 0, 1))
    key = "classifier.1.weight"
    assert one.state_dict()[key].shape[0] == 7
    assert one.state_dict()[key].equal(same.state_dict()[key])
    assert not one.state_dict()[key].equal(other.state_dict()[key])
    assert source.preprocess() is None


def test_arguments_reach_the_builder() -> None:
    built = TorchvisionModel("squeezenet1_1", args={"num_classes": 3}).build(10, Resources())
    assert built.state_dict()["classifier.1.bias"].shape == (3,)


def test_weights_come_from_a_file(tmp_path: Path) -> None:
    saved = models.squeezenet1_1(num_classes=10)
    torch.save(saved.state_dict(), tmp_path / "w.pth")
    built = TorchvisionModel("squeezenet1_1", str(tmp_path / "w.pth")).build(10, Resources())
    assert all(value.equal(saved.state_dict()[key]) for key, value in built.state_dict().items())


def test_named_weights_bring_their_network_and_their_preparation(monkeypatch: pytest.MonkeyPatch) -> None:
    saved = models.squeezenet1_1()
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", lambda *_, **__: saved.state_dict())
    source = TorchvisionModel("squeezenet1_1", "IMAGENET1K_V1")
    built = source.build(10, Resources())
    assert built.state_dict()["classifier.1.weight"].equal(saved.state_dict()["classifier.1.weight"])
    assert source.preprocess() == Preprocess(256, 224, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def test_no_network_to_fetch_weights_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: Any, **kwargs: Any) -> None:
        raise URLError("no route")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", offline)
    assert refusal(TorchvisionModel("squeezenet1_1", "DEFAULT")) == (
        "torchvision's weights 'DEFAULT' of 'squeezenet1_1' could not be downloaded (no route): "
        "fetch the file elsewhere and give its path as model.weights."
    )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            TorchvisionModel("squeezenet1_2"),
            "torchvision has no network named 'squeezenet1_2'. Did you mean 'squeezenet1_1' or 'squeezenet1_0'?",
        ),
        (
            TorchvisionModel("fasterrcnn_resnet50_fpn"),  # for detection
            "torchvision has no network named 'fasterrcnn_resnet50_fpn'. "
            "Did you mean 'fcn_resnet50' or 'fcn_resnet101'?",
        ),
        (
            TorchvisionModel("?"),
            "torchvision has no network named '?'. Those there are: torchvision's list_models().",
        ),
        (
            TorchvisionModel("resnet18", "IMAGENET1K_V3"),
            "no torchvision weights of 'resnet18' named 'IMAGENET1K_V3'. Did you mean 'IMAGENET1K_V1'? "
            "Available: DEFAULT, IMAGENET1K_V1.",
        ),
        (
            TorchvisionModel("squeezenet1_1", args={"dropuot": 0.1}),
            "torchvision's 'squeezenet1_1' cannot be built with model.args="
            "{'num_classes': 10, 'dropuot': 0.1}: "
            "SqueezeNet.__init__() got an unexpected keyword argument 'dropuot'.",
        ),
        (
            TorchvisionModel("resnet18", "no/such.pth"),
            "weights 'no/such.pth' do not exist: check the path.",
        ),
    ],
)
def test_a_mistake_is_told_in_one_sentence(source: TorchvisionModel, message: str) -> None:
    assert refusal(source) == message


def test_named_weights_with_other_outputs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    source = TorchvisionModel("squeezenet1_1", "DEFAULT", args={"num_classes": 10})
    assert refusal(source) == (
        "torchvision's 'squeezenet1_1' cannot be built with weights 'DEFAULT' and "
        "model.args={'num_classes': 10}: The parameter 'num_classes' expected value 1000 but got 10 instead."
    )
