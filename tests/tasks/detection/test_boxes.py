from __future__ import annotations

import pytest
import torch
from torch import Tensor

from snnfw.errors import SnnfwError
from snnfw_tasks.detection.batches import Truth
from snnfw_tasks.detection.boxes import (
    Boxes,
    detection_distance,
    detections,
    labelled_boxes,
    logits,
    match_boxes,
    require_detections,
    share_correct,
)

Row = tuple[float, float, float, float, float, int]


def output(*images: list[Row], anchors: int = 4, classes: int = 3) -> Tensor:
    """Return what a detector gives: middle, size and score per class of each box, [N, 4 + classes, anchors]."""
    made = torch.zeros(len(images), 4 + classes, anchors)
    for index, rows in enumerate(images):
        for anchor, (x, y, width, height, score, label) in enumerate(rows):
            made[index, :4, anchor] = torch.tensor([x, y, width, height])
            made[index, 4 + label, anchor] = score
    return made


def truth(*rows: tuple[float, float, float, float, int]) -> Truth:
    """Return what is in an image of 100 by 100 pixels."""
    boxes = torch.tensor([row[:4] for row in rows]).reshape(-1, 4) / 100
    return Truth(torch.tensor([float(row[4]) for row in rows]), boxes, (100, 100), (100, 100), None, "")


def test_detections_are_sure_and_do_not_overlap_within_a_class() -> None:
    sure, again, other_class, unsure = (
        (50.0, 50.0, 20.0, 20.0, 0.9, 0),
        (51.0, 50.0, 20.0, 20.0, 0.8, 0),
        (51.0, 50.0, 20.0, 20.0, 0.7, 1),
        (20.0, 20.0, 10.0, 10.0, 0.2, 2),
    )
    (found,) = detections(output([sure, again, other_class, unsure]), end2end=False)
    assert found.classes.tolist() == [0, 1]
    torch.testing.assert_close(found.scores, torch.tensor([0.9, 0.7]))
    torch.testing.assert_close(found.corners[0], torch.tensor([40.0, 40.0, 60.0, 60.0]))


def test_detections_without_need_of_suppression_are_taken_as_they_are() -> None:
    rows = torch.tensor([[[10.0, 10, 20, 20, 0.9, 1], [10, 10, 20, 20, 0.8, 1], [0, 0, 5, 5, 0.1, 0]]])
    (found,) = detections(rows, end2end=True)
    assert found.classes.tolist() == [1, 1]


def test_a_sample_is_right_by_the_share_of_its_objects() -> None:
    there = truth((50, 50, 20, 20, 0), (20, 20, 10, 10, 1))
    both = [(50.0, 50.0, 20.0, 20.0, 0.9, 0), (20.0, 20.0, 10.0, 10.0, 0.9, 1)]
    wrong_class = [(50.0, 50.0, 20.0, 20.0, 0.9, 2)]
    far = [(80.0, 80.0, 20.0, 20.0, 0.9, 0)]
    found = share_correct(output(both, both[:1], wrong_class, far + both, []), (there,) * 5, end2end=False)
    torch.testing.assert_close(found, torch.tensor([1.0, 1 / 2, 0.0, 2 / 3, 0.0]))
    torch.testing.assert_close(
        share_correct(output([], far), (truth(), truth()), end2end=False), torch.tensor([1.0, 0.0])
    )


def test_samples_are_as_far_apart_as_their_boxes() -> None:
    here, moved, lost = [(50.0, 50.0, 20.0, 20.0, 0.9, 0)], [(55.0, 50.0, 20.0, 20.0, 0.9, 0)], list[Row]()
    other = [(50.0, 50.0, 20.0, 20.0, 0.9, 1)]
    of, to = output(here, here, here, here, lost), output(here, moved, lost, other, lost)
    overlap = 15 / 25
    torch.testing.assert_close(
        detection_distance(of, to, end2end=False), torch.tensor([0.0, 1 - overlap, 1.0, 1.0, 0.0])
    )
    torch.testing.assert_close(detection_distance(to, of, end2end=False), detection_distance(of, to, end2end=False))


def test_every_box_finds_one_partner_the_best_first() -> None:
    ours = Boxes(torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9]]), torch.ones(2), torch.zeros(2, dtype=torch.long))
    theirs = Boxes(torch.tensor([[0.0, 0, 10, 9], [0, 0, 10, 6]]), torch.ones(2), torch.zeros(2, dtype=torch.long))
    pairs, overlaps = match_boxes(ours, theirs)
    assert pairs == [(1, 0), (0, 1)]
    torch.testing.assert_close(overlaps, torch.tensor([1.0, 0.6]))


def test_class_scores_become_two_way_logits_of_a_sigmoid() -> None:
    scores = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    for extra in ({"scores": scores}, {"one2many": {}, "one2one": {"scores": scores}}):
        made = logits((torch.zeros(2, 7, 5), extra))
        assert made.shape == (2, 2, 15)
        torch.testing.assert_close(made.softmax(1)[:, 0], scores.sigmoid().flatten(1))


def test_labels_are_drawn_where_the_network_sees_them() -> None:
    boxes = labelled_boxes(
        Truth(torch.tensor([1.0]), torch.tensor([[0.5, 0.5, 0.5, 0.2]]), (50, 100), (1, 1), None, "")
    )
    torch.testing.assert_close(boxes.corners, torch.tensor([[25.0, 20.0, 75.0, 30.0]]))


@pytest.mark.parametrize(
    ("given", "described"),
    [(torch.zeros(2, 10), "shape [2, 10]"), ({"a": 1}, "dict"), ((torch.zeros(3),), "shape [3]")],
)
def test_what_is_no_detector_output_is_described(given: object, described: str) -> None:
    with pytest.raises(SnnfwError) as raised:
        require_detections(given)
    assert str(raised.value) == (
        f"the network returns {described}: a detector returns boxes and scores [N, 4 + classes, anchors], "
        "or boxes [N, boxes, 6] without need of suppression."
    )


def test_an_output_without_class_scores_is_described() -> None:
    with pytest.raises(SnnfwError) as raised:
        logits(torch.zeros(2, 7, 5))
    assert str(raised.value) == (
        "the network returns no class scores beside its boxes: a detector of ultralytics' in eval mode does, "
        "as (boxes, {'scores': [N, classes, anchors], ...})."
    )
