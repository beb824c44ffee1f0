"""The losses are ultralytics' own, of the same predictions and boxes, and YOLOv2's, box by box."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from networks import noise
from snnfw.errors import SnnfwError
from snnfw_tasks.detection.batches import Truth
from snnfw_tasks.detection.library import require_ultralytics
from snnfw_tasks.detection.models.anchored_loss import AnchoredLoss
from snnfw_tasks.detection.models.networks import as_detector, from_yaml
from snnfw_tasks.detection.models.yolov2 import ANCHORS
from snnfw_tasks.detection.sources import Gains

TINY = {
    "nc": 2,
    "activation": "torch.nn.ReLU()",
    "reg_max": 4,
    "backbone": [[-1, 1, "Conv", [8, 3, 2]], [-1, 1, "Conv", [8, 3, 2]]],
    "head": [[[0, 1], 1, "Detect", ["nc"]]],
}
GAINS = Gains()


def truth(classes: list[int], boxes: list[list[float]]) -> Truth:
    found = torch.tensor(boxes).view(-1, 4)
    return Truth(torch.tensor(classes).float(), found, (32, 32), (32, 32), None, "x.jpg")


TRUTHS = (
    truth([0, 1], [[0.3, 0.3, 0.4, 0.4], [0.7, 0.6, 0.3, 0.5]]),
    truth([], []),
    truth([1], [[0.5, 0.5, 0.9, 0.8]]),
)


def test_it_is_ultralytics_loss_of_a_network_of_its_own_per_image() -> None:
    require_ultralytics()
    torch.manual_seed(0)
    network = from_yaml(TINY, ("a", "b"), "tiny", trust=False)
    detector = as_detector(network, ("a", "b"), 32, "tiny")
    images = torch.rand(3, 3, 32, 32)
    network.eval()
    output = network(images)
    assert detector.loss is not None
    ours = detector.loss(GAINS)(output, TRUTHS, 0.0)
    network.args = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5)
    batch = {
        "img": images,
        "batch_idx": torch.tensor([0.0, 0.0, 2.0]),
        "cls": torch.tensor([[0.0], [1.0], [1.0]]),
        "bboxes": torch.cat([each.boxes for each in TRUTHS]),
    }
    theirs, _ = network.loss(batch, output)
    assert float(ours.detach()) == pytest.approx(float(theirs.sum().detach()) / 3)
    ours.backward()
    assert all(parameter.grad is not None for parameter in network.model[-1].cv2.parameters())


def test_images_of_nothing_have_a_loss_of_their_scores_alone() -> None:
    require_ultralytics()
    network = from_yaml(TINY, ("a", "b"), "tiny", trust=False).eval()
    detector = as_detector(network, ("a", "b"), 32, "tiny")
    assert detector.loss is not None
    output = network(torch.rand(2, 3, 32, 32))
    loss = detector.loss(GAINS)(output, (truth([], []),) * 2, 0.0)
    scores = output[1]["scores"]
    nothing = torch.nn.functional.binary_cross_entropy_with_logits(scores, torch.zeros_like(scores), reduction="sum")
    assert float(loss.detach()) == pytest.approx(0.5 * float(nothing.detach()), rel=1e-5)


def test_it_is_computed_in_double_precision_where_that_is_asked_for() -> None:
    require_ultralytics()
    network = from_yaml(TINY, ("a", "b"), "tiny", trust=False).eval()
    detector = as_detector(network, ("a", "b"), 32, "tiny")
    assert detector.loss is not None
    images = torch.rand(3, 3, 32, 32)
    single = detector.loss(GAINS)(network(images), TRUTHS, 0.0)
    torch.set_default_dtype(torch.float64)  # as Lightning does
    try:
        double = detector.loss(GAINS)(network.double()(images.double()), TRUTHS, 0.0)
    finally:
        torch.set_default_dtype(torch.float32)
    assert double.dtype == torch.float64
    assert float(double.detach()) == pytest.approx(float(single.detach()), rel=1e-4)


def iou(one: list[float], other: list[float]) -> float:
    edges = [
        min(one[i] + one[i + 2] / 2, other[i] + other[i + 2] / 2)
        - max(one[i] - one[i + 2] / 2, other[i] - other[i + 2] / 2)
        for i in (0, 1)
    ]
    both = max(edges[0], 0.0) * max(edges[1], 0.0)
    return both / (one[2] * one[3] + other[2] * other[3] - both)


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def box_by_box(cells: torch.Tensor, truth: Truth, classes: int) -> float:
    """Return the loss of one image [C, H, W], every cell and anchor by itself."""
    anchors, (height, width) = ANCHORS["voc"], cells.shape[1:]
    wanted: dict[tuple[int, int, int], tuple[int, list[float]]] = {}
    ignored = set()
    for label, fractions in zip(truth.classes.tolist(), truth.boxes.tolist(), strict=True):
        box = [value * side for value, side in zip(fractions, (width, height, width, height), strict=True)]
        row, column = int(box[1]), int(box[0])
        similar = [iou([0, 0, *anchor], [0, 0, *box[2:]]) for anchor in anchors]
        ignored |= {(number, row, column) for number, value in enumerate(similar) if value > 0.5}
        wanted[similar.index(max(similar)), row, column] = (int(label), box)
    total = 0.0
    for number in range(5):
        for row in range(height):
            for column in range(width):
                cell = cells[:, row, column].tolist()
                found = sigmoid(cell[number])
                if (number, row, column) not in wanted:
                    total += 0.0 if (number, row, column) in ignored else found**2
                    continue
                label, box = wanted[number, row, column]
                x, y, w, h = cell[5 * (1 + classes) + 4 * number :][:4]
                wide, high = anchors[number]
                overlap = iou([sigmoid(x) + column, sigmoid(y) + row, wide * math.exp(w), high * math.exp(h)], box)
                rated = cell[5 + number * classes : 5 + (number + 1) * classes]
                total += 5 * (found - overlap) ** 2 + math.log(sum(map(math.exp, rated))) - rated[label]
                middle = [(x, box[0] - column), (y, box[1] - row)]
                crossed = sum(-p * math.log(sigmoid(v)) - (1 - p) * math.log(1 - sigmoid(v)) for v, p in middle)
                squared = (w - math.log(box[2] / wide)) ** 2 + (h - math.log(box[3] / high)) ** 2
                total += (2 - box[2] * box[3] / (width * height)) * (crossed + squared) + 0.5 * (1 - overlap) ** 2
    return total


SCENES = (
    truth([0, 2], [[0.3, 0.3, 0.4, 0.4], [0.7, 0.6, 0.9, 0.95]]),
    truth([], []),
    truth([1], [[0.99, 0.01, 0.2, 0.3]]),
)


def test_the_loss_of_anchors_is_that_of_each_box_and_each_cell() -> None:
    cells = noise(3, 5 * (5 + 3), 4, 6).requires_grad_()
    loss = AnchoredLoss(ANCHORS["voc"], 3, Gains())((None, {"cells": cells}), SCENES, 0.0)
    by_hand = [box_by_box(image, scene, 3) for image, scene in zip(cells.detach(), SCENES, strict=True)]
    assert float(loss.detach()) == pytest.approx(sum(by_hand) / 3)
    loss.backward()
    assert cells.grad is not None
    assert cells.grad.isfinite().all()


def test_a_gain_that_a_loss_does_not_have_is_refused() -> None:
    with pytest.raises(SnnfwError) as caught:
        AnchoredLoss(ANCHORS["voc"], 3, Gains(dfl=2))
    assert str(caught.value) == (
        "task.dfl=2: a detector with anchors predicts no distribution of distances, so leave it out."
    )
