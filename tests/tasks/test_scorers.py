"""What tasks score: halves of the data, put together, are the whole, digit for digit."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import snnfw_tasks
from snnfw.simulate import Accuracy, merge_state, state_of
from snnfw.values import Scorer
from snnfw_tasks.detection.batches import Truth
from snnfw_tasks.detection.scores import MeanAveragePrecision
from snnfw_tasks.pointcloud.scores import CategoryScores, PartScores
from snnfw_tasks.samples.confusions import Confusions
from snnfw_tasks.samples.palette import VOID
from snnfw_tasks.segmentation.scores import PixelScores
from snnfw_tasks.text.scores import TextScores

K = 7
SIZES = (4, 3, 1, 4, 2)
Seen = list[tuple[Any, Any]]


def draw(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def classes(seed: int, n: int) -> tuple[Tensor, Tensor]:
    logits = draw(n, K, seed=seed)
    return logits, (logits + draw(n, K, seed=seed + 100)).argmax(1)


def pixels(seed: int, n: int) -> tuple[Tensor, Tensor]:
    labels = draw(n, K, 6, 5, seed=seed + 100).argmax(1)
    labels[:, 0] = VOID
    return draw(n, K, 6, 5, seed=seed), labels


def parts(seed: int, n: int) -> tuple[Tensor, Tensor]:
    category = draw(n, 2, seed=seed + 200).argmax(1, keepdim=True)
    return draw(n, 4, 9, seed=seed), torch.cat([category, category * 2 + draw(n, 2, 9, seed=seed + 100).argmax(1)], 1)


def boxes(seed: int, n: int) -> tuple[Tensor, tuple[Truth, ...]]:
    """Return what a detector says of images [N, 4 + K, anchors], near the truth; one image holds nothing."""
    truths, found = [], []
    for index in range(n):
        count = (seed + index) % 4
        place = 0.2 + 0.6 * torch.rand(count, 2, generator=torch.Generator().manual_seed(seed * 10 + index))
        box = torch.cat([place, torch.full((count, 2), 0.2)], 1)
        kind = (torch.arange(count) + seed) % K
        truths.append(Truth(kind.float(), box, (64, 64), (64, 64), ((1.0, 1.0), (0.0, 0.0)), f"{seed}-{index}.png"))
        said = torch.zeros(4 + K, 12)
        said[:4, :count] = (box.T + 0.02 * draw(4, count, seed=seed + index)) * 64
        said[4 + kind, torch.arange(count)] = 0.3 + 0.05 * torch.arange(count)
        said[4 + (seed + index) % K, 11], said[:4, 11] = 0.4, torch.tensor([20.0, 20.0, 9.0, 9.0])
        found.append(said if seed + index != 5 else torch.zeros_like(said))
    return torch.stack(found), tuple(truths)


CASES: dict[str, tuple[Callable[[], Scorer], Callable[[int, int], tuple[Any, Any]]]] = {
    "Accuracy": (partial(Accuracy, K), classes),
    "Confusions": (lambda: Confusions(Accuracy(K)), classes),
    "TextScores": (partial(TextScores, K), classes),
    "PixelScores": (partial(PixelScores, "abcdefg"), pixels),
    "CategoryScores": (partial(CategoryScores, K), classes),
    "PartScores": (partial(PartScores, ("cup", "rod"), [0, 0, 1, 1]), parts),
    "MeanAveragePrecision": (partial(MeanAveragePrecision, tuple("abcdefg"), end2end=False, most=6), boxes),
}


def scored(make: Callable[[], Scorer], seen: Seen) -> Scorer:
    scorer = make()
    for output, target in seen:
        scorer.update(output, target)
    return scorer


def test_the_table_holds_every_scorer_of_a_task() -> None:
    modules = [
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(snnfw_tasks.__path__, "snnfw_tasks.")
        if found.name.rpartition(".")[2] in ("scores", "confusions")
    ]
    scorers = {
        name
        for module in modules
        for name, kind in inspect.getmembers(module, inspect.isclass)
        if hasattr(kind, "update") and hasattr(kind, "compute")
    }
    assert scorers - {"Counter"} - {name for name in scorers if name.startswith("Multiclass")} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_halves_make_the_whole(name: str, tmp_path: Path) -> None:
    make, data = CASES[name]
    seen = [data(seed, n) for seed, n in enumerate(SIZES)]
    whole = scored(make, seen)
    scores = whole.compute()
    assert set(scores.values()) - {0.0, 1.0}, "scores that would tell nothing"
    assert whole.compute() == scores
    assert all(value.device.type == "cpu" for value in state_of(whole).values())
    for cut in range(len(SIZES) + 1):
        together = make()
        for half in (seen[:cut], seen[cut:]):
            save_file(state_of(scored(make, half)), tmp_path / "state")
            merge_state(together, load_file(tmp_path / "state"))
        assert together.compute() == scores
        assert vars(together).get("answers") == vars(whole).get("answers")
