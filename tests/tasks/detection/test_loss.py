"""The loss is ultralytics' own, of the same predictions and boxes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from snnfw_tasks.detection.batches import Truth
from snnfw_tasks.detection.library import require_ultralytics
from snnfw_tasks.detection.loss import DetectionLoss, Gains
from snnfw_tasks.detection.models.networks import as_detector, from_yaml

TINY = {
    "nc": 2,
    "activation": "torch.nn.ReLU()",
    "reg_max": 4,
    "backbone": [[-1, 1, "Conv", [8, 3, 2]], [-1, 1, "Conv", [8, 3, 2]]],
    "head": [[[0, 1], 1, "Detect", ["nc"]]],
}
GAINS = Gains(7.5, 0.5, 1.5)


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
    assert detector.grids is not None
    ours = DetectionLoss(detector.grids, GAINS)(output, TRUTHS, 0.0)
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
    assert detector.grids is not None
    output = network(torch.rand(2, 3, 32, 32))
    loss = DetectionLoss(detector.grids, GAINS)(output, (truth([], []),) * 2, 0.0)
    scores = output[1]["scores"]
    nothing = torch.nn.functional.binary_cross_entropy_with_logits(scores, torch.zeros_like(scores), reduction="sum")
    assert float(loss.detach()) == pytest.approx(0.5 * float(nothing.detach()), rel=1e-5)


def test_it_is_computed_in_double_precision_where_that_is_asked_for() -> None:
    require_ultralytics()
    network = from_yaml(TINY, ("a", "b"), "tiny", trust=False).eval()
    detector = as_detector(network, ("a", "b"), 32, "tiny")
    assert detector.grids is not None
    images = torch.rand(3, 3, 32, 32)
    single = DetectionLoss(detector.grids, GAINS)(network(images), TRUTHS, 0.0)
    torch.set_default_dtype(torch.float64)  # as Lightning does
    try:
        double = DetectionLoss(detector.grids, GAINS)(network.double()(images.double()), TRUTHS, 0.0)
    finally:
        torch.set_default_dtype(torch.float32)
    assert double.dtype == torch.float64
    assert float(double.detach()) == pytest.approx(float(single.detach()), rel=1e-4)
