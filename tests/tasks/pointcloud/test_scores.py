from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from snnfw.errors import SnnfwError
from snnfw_tasks.pointcloud.scores import (
    CategoryScores,
    PartScores,
    cloud_iou,
    likeliest_parts,
    part_logits,
    part_loss,
    share_changed,
    share_correct,
)

if TYPE_CHECKING:
    from collections.abc import Callable

BELONGS = torch.tensor([0, 0, 0, 1, 1])


def clouds(seed: int, count: int = 12, points: int = 9) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits [N, 5, P] and targets [N, 1 + P] of two categories."""
    random = torch.Generator().manual_seed(seed)
    category = torch.randint(2, (count, 1), generator=random)
    parts = torch.where(
        category == 0,
        torch.randint(0, 3, (count, points), generator=random),
        torch.randint(3, 5, (count, points), generator=random),
    )
    return torch.randn(count, 5, points, generator=random), torch.cat([category, parts], 1)


def by_hand(logits: torch.Tensor, target: torch.Tensor) -> list[float]:
    """Return every cloud's mean IoU, point by point with sets."""
    means = []
    for some, (category, *truth) in zip(logits.tolist(), target.tolist(), strict=True):
        own = [part for part in range(5) if BELONGS[part] == category]
        found = [max(own, key=lambda part, p=p: some[part][p]) for p in range(len(truth))]  # type: ignore[misc]
        ious = []
        for part in own:
            given = {place for place, one in enumerate(found) if one == part}
            wanted = {place for place, one in enumerate(truth) if one == part}
            ious.append(len(given & wanted) / len(given | wanted) if given | wanted else 1.0)
        means.append(sum(ious) / len(ious))
    return means


@pytest.mark.parametrize("seed", range(5))
def test_iou_is_what_counting_sets_gives(seed: int) -> None:
    logits, target = clouds(seed)
    expected = by_hand(logits, target)
    scores = PartScores(("cup", "ball"), BELONGS.tolist())
    for some in range(0, len(target), 5):
        scores.update(logits[some : some + 5], target[some : some + 5])
    found = scores.compute()
    per = [[iou for iou, c in zip(expected, target[:, 0].tolist(), strict=True) if c == number] for number in (0, 1)]
    means = [sum(some) / len(some) for some in per]
    assert found["IoU"] == pytest.approx(sum(expected) / len(expected))
    assert [found["IoU/cup"], found["IoU/ball"]] == pytest.approx(means)
    assert found["class_IoU"] == pytest.approx(sum(means) / 2)


def test_a_part_that_is_neither_there_nor_found_counts_as_right() -> None:
    category, parts = torch.tensor([0]), torch.tensor([[0, 0, 1]])
    assert cloud_iou(parts, parts, category, BELONGS).tolist() == [1.0]
    assert cloud_iou(torch.tensor([[0, 1, 1]]), parts, category, BELONGS).tolist() == pytest.approx(
        [(0.5 + 0.5 + 1) / 3]
    )


def test_a_category_that_does_not_occur_has_no_column() -> None:
    logits, target = clouds(0)
    scores = PartScores(("cup", "ball"), BELONGS.tolist())
    scores.update(logits[target[:, 0] == 1], target[target[:, 0] == 1])
    found = scores.compute()
    assert "IoU/cup" not in found
    assert found["class_IoU"] == pytest.approx(found["IoU"])


def test_points_get_parts_of_their_own_category_only() -> None:
    logits = torch.zeros(1, 5, 2)
    logits[0, 0] = 9
    logits[0, 4, 1] = 1
    assert likeliest_parts(logits, torch.tensor([1]), BELONGS).tolist() == [[3, 4]]
    assert likeliest_parts(logits, torch.tensor([0]), BELONGS).tolist() == [[0, 0]]


def test_shares_of_points_that_are_right_or_changed() -> None:
    logits, target = clouds(3)
    right = share_correct(logits, target, BELONGS)
    found = likeliest_parts(logits, target[:, 0], BELONGS)
    assert right.tolist() == pytest.approx(
        [(a == b).sum().item() / 9 for a, b in zip(found, target[:, 1:], strict=True)]
    )
    assert share_changed(logits, logits).tolist() == [0.0] * 12
    changed = logits.clone()
    changed[:, :, 0] = -logits[:, :, 0]
    assert share_changed(logits, changed).tolist() == pytest.approx([1 / 9] * 12)


def test_the_loss_is_the_mean_over_all_points() -> None:
    logits, target = clouds(1)
    per_point = torch.nn.functional.cross_entropy(logits.transpose(1, 2).flatten(0, 1), target[:, 1:].flatten())
    assert part_loss(logits, target, 0.0).item() == pytest.approx(per_point.item())


def test_categories_without_clouds_have_no_part_in_class_accuracy() -> None:
    scores = CategoryScores(4)
    scores.update(torch.eye(4)[[0, 1, 2]], torch.tensor([0, 1, 1]))
    assert scores.compute() == {"accuracy": pytest.approx(2 / 3), "class_accuracy": 0.75}


def test_class_accuracy_weighs_every_category_alike() -> None:
    scores = CategoryScores(2)
    scores.update(torch.tensor([[1.0, 0.0]] * 4), torch.tensor([0, 0, 0, 1]))
    assert scores.compute() == {"accuracy": 0.75, "class_accuracy": 0.5}


ERRORS: dict[str, tuple[Callable[[], object], str]] = {
    "a network for parts returns one tensor": (
        lambda: part_logits([torch.zeros(1)]),
        "the network returns a list: a network for parts returns one tensor of logits [N, K, P].",
    ),
    "of three dimensions": (
        lambda: part_logits(torch.zeros(2, 5)),
        "the network returns a tensor of shape [2, 5]: a network for parts returns one tensor of logits [N, K, P].",
    ),
    "NaN has no order": (
        lambda: CategoryScores(2).update(torch.full((1, 2), torch.nan), torch.tensor([0])),
        "the network's output holds NaN, so nothing can be chosen: check the network's weights.",
    ),
    "nor among parts": (
        lambda: PartScores(("cup", "ball"), BELONGS.tolist()).update(clouds(0)[0] * torch.nan, clouds(0)[1]),
        "the network's output holds NaN, so nothing can be chosen: check the network's weights.",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_outputs_that_cannot_be_scored_are_refused(case: str) -> None:
    call, message = ERRORS[case]
    with pytest.raises(SnnfwError) as raised:
        call()
    assert str(raised.value) == message
