"""Scorers of parts make one of the whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torchmetrics
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torchmetrics import classification as of_classes
from torchmetrics import regression as of_numbers
from torchmetrics.wrappers import ClasswiseWrapper

from snnfw.errors import SnnfwError
from snnfw.network.judging import MeanScorer, MetricScorer
from snnfw.simulate.accuracy import Accuracy
from snnfw.simulate.states import join_states, merge_metric_state, merge_state, metric_state, part_of_state, state_of
from snnfw.values import Scorer

K = 7
BATCHES = 5


def metric(make: Callable[[], Any]) -> MetricScorer:
    return MetricScorer(make(), "found")


def collection() -> torchmetrics.MetricCollection:
    return torchmetrics.MetricCollection(
        {"f1": of_classes.MulticlassF1Score(K), "recall": of_classes.MulticlassRecall(K, average="micro")}
    )


def classes() -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    sizes = (4, 4, 1, 4, 3)
    return [
        (torch.randn(n, K, generator=generator), torch.randint(K, (n,), generator=generator)) for n in sizes[:BATCHES]
    ]


def numbers() -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return [(torch.randn(n, generator=generator), torch.randn(n, generator=generator)) for n in (4, 4, 1, 4, 3)]


CASES: dict[str, tuple[Callable[[], Scorer], Callable[[], list[tuple[Tensor, Tensor]]]]] = {
    "accuracy": (partial(Accuracy, K), classes),
    "function for a batch": (partial(MeanScorer, nn.functional.cross_entropy, "loss"), classes),
    "function for samples": (
        partial(MeanScorer, partial(nn.functional.cross_entropy, reduction="none"), "loss"),
        classes,
    ),
    "counts": (partial(metric, partial(of_classes.MulticlassAccuracy, K)), classes),
    "confusions": (partial(metric, partial(of_classes.MulticlassCohenKappa, K)), classes),
    "lists": (partial(metric, partial(of_classes.MulticlassAUROC, K)), classes),
    "collection": (partial(metric, collection), classes),
    "inside another": (
        partial(metric, lambda: ClasswiseWrapper(of_classes.MulticlassRecall(K, average="none"))),
        classes,
    ),
    "sum of floats": (partial(metric, of_numbers.MeanSquaredError), numbers),
    "sum of errors": (partial(metric, of_numbers.MeanAbsoluteError), numbers),
    "largest": (partial(metric, partial(of_numbers.SpearmanCorrCoef)), numbers),
}


def scored(make: Callable[[], Scorer], seen: list[tuple[Tensor, Tensor]]) -> Scorer:
    scorer = make()
    for output, target in seen:
        scorer.update(output, target)
    return scorer


@pytest.mark.parametrize("case", CASES)
def test_parts_make_the_whole(case: str, tmp_path: Path) -> None:
    make, data = CASES[case]
    whole = scored(make, data()).compute()
    assert whole
    for cuts in [(3,), (0,), (5,), (1, 2, 2, 4)]:
        together = make()
        for begin, end in zip((0, *cuts), (*cuts, BATCHES), strict=True):
            save_file(state_of(scored(make, data()[begin:end])), tmp_path / "state")
            merge_state(together, load_file(tmp_path / "state"))
        assert together.compute() == whole
    scored_before = scored(make, data()[:3])
    merge_state(scored_before, state_of(scored(make, data()[3:])))
    assert scored_before.compute() == whole


@pytest.mark.parametrize("case", CASES)
def test_one_that_was_put_together_goes_on(case: str) -> None:
    make, data = CASES[case]
    going = make()
    merge_state(going, state_of(scored(make, data()[:2])))
    for output, target in data()[2:]:
        going.update(output, target)
    assert going.compute() == scored(make, data()).compute()


def test_a_state_is_a_copy() -> None:
    make, data = CASES["counts"]
    scorer = scored(make, data()[:1])
    state = state_of(scorer)
    before = {name: value.clone() for name, value in state.items()}
    scorer.update(*data()[1])
    assert all(torch.equal(before[name], value) for name, value in state.items())


class Plain:
    def update(self, output: Any, target: Any) -> None: ...

    def compute(self) -> Mapping[str, float]:
        return {}


@pytest.mark.parametrize(
    ("scorer", "said"),
    [
        (
            Plain(),
            "the scorer Plain has no state() and merge(state), so that scores of several processes, or of a run that is "
            "gone on with, cannot be put together: give it both, see snnfw.MergeableScorer, or score in one process.",
        ),
        (
            metric(of_numbers.PearsonCorrCoef),
            "torchmetrics cannot put the metric PearsonCorrCoef together from parts of the data: score it in one process "
            "and in one go, or give another metric.",
        ),
    ],
)
def test_what_cannot_be_put_together_says_so(scorer: Scorer, said: str) -> None:
    for asked in (lambda: state_of(scorer), lambda: merge_state(scorer, {})):
        with pytest.raises(SnnfwError) as caught:
            asked()
        assert str(caught.value) == said


def test_what_cannot_be_put_together_is_scored_in_one_go() -> None:
    whole = scored(partial(metric, of_numbers.PearsonCorrCoef), numbers()).compute()
    assert set(whole) == {"found"}


def test_a_metric_that_keeps_more_than_tensors_says_so() -> None:
    class Words(torchmetrics.Metric):
        full_state_update = False

        words: list[Any]

        def __init__(self) -> None:
            super().__init__()
            self.add_state("words", default=[], dist_reduce_fx=None)

        def update(self, words: Any) -> None:
            self.words += [words]

        def compute(self) -> Tensor:
            return torch.tensor(len(self.words))

    words = Words()
    words.update("one")
    with pytest.raises(SnnfwError, match="the metric Words keeps more than tensors in 'words'"):
        metric_state(words)


def test_large_sums_are_not_kept_for_each_batch() -> None:
    class Sums(torchmetrics.Metric):
        full_state_update = False

        total: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.add_state("total", default=torch.zeros(100, 100), dist_reduce_fx="sum")

        def update(self, output: Tensor, target: Tensor) -> None:
            self.total += output.sum() * target.sum()

        def compute(self) -> Tensor:
            return self.total.sum()

    one = scored(lambda: MetricScorer(Sums(), "sum"), numbers()[:2])
    assert state_of(one)["metric.total"].shape == (100, 100)
    other = Sums()
    merge_metric_state(other, state_of(one))
    assert float(other.compute()) == one.compute()["sum"]


def test_joined_states_come_apart() -> None:
    states = {"a": {"x": torch.ones(1), "y.z": torch.zeros(2)}, "ab": {"x": torch.ones(3)}}
    joined = join_states(**states)
    assert all(part_of_state(joined, name).keys() == state.keys() for name, state in states.items())
    assert part_of_state(joined, "ab")["x"].shape == (3,)
