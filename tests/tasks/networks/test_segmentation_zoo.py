from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torchvision import models

from snnfw.errors import SnnfwError
from snnfw.values import Resources
from snnfw_tasks.networks.torchvision_zoo import TorchvisionModel
from snnfw_tasks.samples.labelled import Preprocess

if TYPE_CHECKING:
    from pathlib import Path

SMALL = "lraspp_mobilenet_v3_large"
AUXILIARY = "deeplabv3_mobilenet_v3_large"


def test_random_weights_follow_the_seed_and_the_datas_classes() -> None:
    one, same, other = (TorchvisionModel(SMALL).build(4, Resources(seed=seed)) for seed in (0, 0, 1))
    key = "classifier.high_classifier.weight"

    assert one.state_dict()[key].shape[0] == 4
    assert one.state_dict()[key].equal(same.state_dict()[key])
    assert not one.state_dict()[key].equal(other.state_dict()[key])
    with torch.no_grad():
        assert one.eval()(torch.zeros(1, 3, 32, 32))["out"].shape == (1, 4, 32, 32)


@pytest.mark.parametrize("auxiliary", [False, True])
def test_files_may_hold_the_second_head_and_the_network_does_without_it(auxiliary: bool, tmp_path: Path) -> None:
    saved = models.get_model(AUXILIARY, weights=None, weights_backbone=None, num_classes=3, aux_loss=auxiliary)
    torch.save(saved.state_dict(), tmp_path / "w.pth")

    built = TorchvisionModel(AUXILIARY, str(tmp_path / "w.pth")).build(3, Resources()).eval()

    key = "classifier.4.weight"
    assert built.state_dict()[key].equal(saved.state_dict()[key])
    with torch.no_grad():
        assert list(built(torch.zeros(1, 3, 32, 32))) == ["out"]


def test_named_weights_bring_their_network_and_their_preparation(monkeypatch: pytest.MonkeyPatch) -> None:
    saved = models.get_model(AUXILIARY, weights=None, weights_backbone=None, num_classes=21, aux_loss=True)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", lambda *_, **__: saved.state_dict())
    source = TorchvisionModel(AUXILIARY, "COCO_WITH_VOC_LABELS_V1")

    built = source.build(21, Resources())

    assert built.state_dict()["classifier.4.weight"].equal(saved.state_dict()["classifier.4.weight"])
    assert not [key for key in built.state_dict() if key.startswith("aux")]
    assert source.preprocess() == Preprocess(520, 520, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            TorchvisionModel("fcn_resnet5"),
            "torchvision has no network named 'fcn_resnet5'. "
            "Did you mean 'fcn_resnet50' or 'fcn_resnet101' or 'resnet50'?",
        ),
        (
            TorchvisionModel(SMALL, "COCO_V1"),
            f"no torchvision weights of '{SMALL}' named 'COCO_V1'. Available: COCO_WITH_VOC_LABELS_V1, DEFAULT.",
        ),
        (
            TorchvisionModel(SMALL, args={"aux_los": True}),
            f"torchvision's '{SMALL}' cannot be built with model.args="
            "{'weights_backbone': None, 'num_classes': 4, 'aux_los': True}: "
            "it has no argument 'aux_los'.",
        ),
        (TorchvisionModel(SMALL, "no/such.pth"), "weights 'no/such.pth' do not exist: check the path."),
    ],
)
def test_a_mistake_is_told_in_one_sentence(source: TorchvisionModel, message: str) -> None:
    with pytest.raises(SnnfwError) as caught:
        source.build(4, Resources())
    assert str(caught.value) == message
