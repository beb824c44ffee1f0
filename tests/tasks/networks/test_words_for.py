from __future__ import annotations

import pytest

from snnfw.config.lookup import find_named
from snnfw.errors import SnnfwError
from snnfw.registry import Registry

MEANT = {
    "resnet18": "model=torchvision/resnet18 or model=timm/resnet18",
    "fcn_resnet50": "model=torchvision/fcn_resnet50",
    "vit_tiny_patch16_224": "model=timm/vit_tiny_patch16_224",
    "resnet50.a1_in1k": "model=timm/resnet50 model.weights=a1_in1k",
    "yolov8n.pt": "model=ultralytics model.weights=yolov8n.pt",
    "yolov8n": "model=ultralytics/yolov8n.yaml",
    "yolo11n.yaml": "model=ultralytics/yolo11n.yaml",
    "net.pth": "model=NAME model.weights=net.pth",
    "net.pt": "model=NAME model.weights=net.pt or model=ultralytics model.weights=net.pt",
    "nets.py": "model=nets:FUNCTION",
    "torch.nn.ReLU": "model=torch.nn:ReLU",
}


@pytest.mark.parametrize("given", MEANT)
def test_a_network_by_its_librarys_name_is_answered_with_how_it_is_written(given: str) -> None:
    if "timm" in MEANT[given]:
        pytest.importorskip("timm")
    with pytest.raises(SnnfwError) as caught:
        find_named(Registry(), "models", given)
    assert str(caught.value) == f"no model named '{given}'. Did you mean {MEANT[given]}?"


def test_a_folder_is_answered_with_the_data_set_that_reads_it() -> None:
    with pytest.raises(SnnfwError, match=r"^no data set named 'a/b'\. Did you mean data=folder data\.root=a/b\?$"):
        find_named(Registry(), "data", "a", "a/b")
