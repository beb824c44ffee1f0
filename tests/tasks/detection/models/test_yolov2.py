"""YOLOv2 and Tiny YOLO: decoded as the definition says, and converted with either activation."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from networks import noise, seeded
from snnfw.capture.export import capture
from snnfw.conversion.direct import Direct
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.values import Keep, Resources
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.tracking import Tracking
from snnfw_tasks.detection.models.anchored_loss import AnchoredLoss
from snnfw_tasks.detection.models.architectures import TinyYoloModel, YoloV2Model
from snnfw_tasks.detection.models.yolov2 import (
    ANCHORS,
    KeepingPool,
    decode,
    space_to_depth,
    tiny_yolo,
    yolov2,
)
from snnfw_tasks.detection.sources import Gains

NAMES = ("red", "green")


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def by_hand(raw: Tensor, classes: int) -> list[list[float]]:
    """Return box and scores of every anchor of every cell of one image, cell by cell."""
    found = []
    for number, (wide, high) in enumerate(ANCHORS["voc"]):
        for row in range(raw.shape[1]):
            for column in range(raw.shape[2]):
                cell = raw[:, row, column].tolist()
                rated = cell[5 + number * classes : 5 + (number + 1) * classes]
                x, y, w, h = cell[5 * (1 + classes) + 4 * number :][:4]
                exps = [math.exp(value) for value in rated]
                scores = [sigmoid(cell[number]) * value / sum(exps) for value in exps]
                box = [
                    32 * (column + sigmoid(x)),
                    32 * (row + sigmoid(y)),
                    32 * wide * math.exp(w),
                    32 * high * math.exp(h),
                ]
                found.append(box + [score if score == max(scores) else 0.0 for score in scores])
    return found


def test_predictions_are_decoded_as_the_definition_says() -> None:
    raw = noise(2, 5 * (5 + 3), 2, 3)
    decoded = decode(raw, ANCHORS["voc"], 3)
    for image, rows in zip(raw, decoded, strict=True):
        torch.testing.assert_close(rows.T, torch.tensor(by_hand(image, 3), dtype=torch.float64))


def test_space_goes_into_depth_place_by_place() -> None:
    x = noise(1, 3, 4, 6)
    deep = space_to_depth(x)
    assert deep.shape == (1, 12, 2, 3)
    for at, (dy, dx) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        assert deep[:, 3 * at : 3 * at + 3].equal(x[:, :, dy::2, dx::2])


def test_a_pool_that_keeps_the_size_looks_to_the_right_and_down() -> None:
    x = -noise(1, 2, 3, 4).abs()  # where zeros beside the map would be larger
    found = KeepingPool()(x)
    assert found.shape == x.shape
    for row in range(3):
        for column in range(4):
            assert found[:, :, row, column].equal(x[:, :, row : row + 2, column : column + 2].amax((2, 3)))


def test_published_widths_have_the_published_number_of_convolutions() -> None:
    with torch.device("meta"):
        darknet, resnet, tiny = (
            yolov2("darknet19", "leaky", "voc", 20),
            yolov2("resnet50", "relu", "coco", 80),
            tiny_yolo("relu", "stride", "voc", 20),
        )
    assert count(darknet.backbone) == 18  # and one of the classifier
    assert count(resnet.backbone) == 53
    assert count(tiny) == 9
    assert darknet.head.join[-1].weight.shape == (125, 1024, 1, 1)  # type: ignore[union-attr, index]  # a convolution
    assert darknet.head.join[0][0].in_channels == 1280  # type: ignore[union-attr, index]  # likewise
    assert resnet.head.join[0][0].in_channels == 1536  # type: ignore[union-attr, index]  # likewise
    assert tiny.backbone(torch.empty(1, 3, 64, 64, device="meta")).shape == (1, 1024, 2, 2)
    assert not any(isinstance(module, nn.LeakyReLU) for module in resnet.modules())


def count(net: nn.Module) -> int:
    return sum(isinstance(module, nn.Conv2d) for module in net.modules())


@pytest.mark.parametrize("activation", ["relu", "leaky"])
@pytest.mark.parametrize("model", ["darknet19", "tiny", "strided"])
def test_a_backbone_is_converted_and_the_head_stays_analog(model: str, activation: str) -> None:
    small = {
        "darknet19": lambda: yolov2("darknet19", activation, "voc", 2, 1 / 32),
        "tiny": lambda: tiny_yolo(activation, "max", "voc", 2, 1 / 32),
        "strided": lambda: tiny_yolo(activation, "stride", "voc", 2, 1 / 32),
    }
    net = seeded(small[model]).double().eval()
    images = noise(2, 3, 64, 64).abs()
    graph = capture(net, (images,))
    neuron = AdaFire() if activation == "relu" else Tracking()
    plan = place(graph, (Rule("backbone.*", neuron), Rule("*", Keep(), optional=True)))
    spiking = Direct().convert(graph, plan, [(images,)], 32, Resources())
    (found, _), (wanted, _) = spiking(images), net(images)
    assert {placement.site.name.split(".")[0] for placement in plan.placements if placement.neuron == neuron} == {
        "backbone"
    }
    assert float(((found[:, :4] - wanted[:, :4]).norm() / wanted[:, :4].norm()).detach()) < 0.05


@pytest.mark.parametrize("source", [YoloV2Model(scale=1 / 32, backbone="darknet19"), TinyYoloModel(scale=1 / 32)])
def test_a_source_has_the_classes_of_the_data_and_a_loss(source: YoloV2Model | TinyYoloModel) -> None:
    found = source.build(NAMES, Resources())
    assert (found.names, found.side) == (NAMES, 416)
    assert found.loss is not None
    assert found.loss(Gains()) == AnchoredLoss(ANCHORS["voc"], 2, Gains())
    boxes, raw = found.network.eval()(torch.rand(2, 3, 64, 96))
    assert boxes.shape == (2, 6, 5 * 6)
    torch.testing.assert_close(raw["scores"].sigmoid(), boxes[:, 4:].clamp(1e-6, 1 - 1e-6))
