from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
import timm
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import save_file

from snnfw.errors import SnnfwError
from snnfw.values import Resources
from snnfw_tasks.networks.timm_zoo import TimmModel, as_preprocess

if TYPE_CHECKING:
    from pathlib import Path


def refusal(source: TimmModel) -> str:
    with pytest.raises(SnnfwError) as caught:
        source.build(10, Resources())
    return str(caught.value)


def test_random_weights_follow_the_seed_and_the_datas_classes() -> None:
    source = TimmModel("resnet10t")
    one, same, other = (source.build(7, Resources(seed=seed)).state_dict() for seed in (0, 0, 1))
    assert one["fc.weight"].shape[0] == 7
    assert one["fc.weight"].equal(same["fc.weight"])
    assert not one["fc.weight"].equal(other["fc.weight"])
    assert source.preprocess() is None


def test_weights_come_from_a_file(tmp_path: Path) -> None:
    saved = timm.create_model("resnet10t", num_classes=10).state_dict()
    save_file(saved, tmp_path / "w.safetensors")
    built = TimmModel("resnet10t", str(tmp_path / "w.safetensors")).build(10, Resources())
    assert built.state_dict()["fc.weight"].equal(saved["fc.weight"])


def test_no_network_to_fetch_weights_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: Any, **kwargs: Any) -> None:
        raise LocalEntryNotFoundError("cannot reach the hub. Check it.")

    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", offline)
    assert refusal(TimmModel("resnet10t", "DEFAULT")) == (
        "timm's weights 'DEFAULT' of 'resnet10t' could not be downloaded (cannot reach the hub. Check it): "
        "fetch the file elsewhere and give its path as model.weights."
    )


def test_a_missing_timm_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    assert refusal(TimmModel("resnet18")) == ("model 'timm' needs the package timm: pip install 'snnfw[timm]'.")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            TimmModel("resnet10t", args={"checkpoint_path": "w.pth"}),
            "model.args.checkpoint_path is not allowed: give weights by name or as a file, model.weights=...",
        ),
        (
            TimmModel("resnet10t", "DEFAULT", args={"pretrained_strict": False}),
            "model.args.pretrained_strict is not allowed: give weights by name or as a file, model.weights=...",
        ),
        (
            TimmModel("resnet10t.c3_in1k"),
            "model.arch=resnet10t.c3_in1k names weights too: write model.arch=resnet10t model.weights=c3_in1k.",
        ),
        (
            TimmModel("resnet10t", "c4_in1k"),
            "no timm weights of 'resnet10t' named 'c4_in1k'. Did you mean 'c3_in1k'? Available: DEFAULT, c3_in1k.",
        ),
        (
            TimmModel("test_resnet", "DEFAULT", args={"num_classes": 10}),
            "timm's weights 'DEFAULT' of 'test_resnet' have 1000 outputs, "
            "and model.args.num_classes=10 would replace them with random ones.",
        ),
        (
            TimmModel("resnet10t", args={"no": 1}),
            "timm's 'resnet10t' cannot be built with model.args={'num_classes': 10, 'no': 1}: "
            "ResNet.__init__() got an unexpected keyword argument 'no'.",
        ),
    ],
)
def test_a_mistake_is_told_in_one_sentence(source: TimmModel, message: str) -> None:
    assert refusal(source) == message


def test_an_unknown_architecture_gets_near_names() -> None:
    assert refusal(TimmModel("resnet10_t")).startswith(
        "timm has no classifier named 'resnet10_t'. Did you mean 'resnet10t' or "
    )


def test_an_architecture_without_weights_says_so() -> None:
    with_weights = {name.partition(".")[0] for name in timm.list_pretrained()}
    arch = next(name for name in timm.list_models() if name not in with_weights)
    assert refusal(TimmModel(arch, "DEFAULT")) == (
        f"timm has no weights for '{arch}': give a file, or leave model.weights out."
    )


def test_images_that_are_not_square_are_refused() -> None:
    with pytest.raises(SnnfwError) as caught:
        as_preprocess("wide", {"input_size": (3, 64, 128), "crop_mode": "center"})
    assert str(caught.value) == (
        "timm's 'wide' wants images of 64 by 128 pixels with crop mode 'center': "
        "only square images, cropped in the middle or squashed, are supported."
    )
