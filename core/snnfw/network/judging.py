"""Judge outputs by what a user has: a metric of torchmetrics, a function, or labels alone."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from snnfw.errors import SnnfwError, describe_type, wrong_kind_error
from snnfw.simulate.accuracy import Accuracy, is_correct, require_logits
from snnfw.simulate.states import (
    is_mergeable,
    join_states,
    merge_metric_state,
    metric_state,
    part_of_state,
    sums_floats,
)
from snnfw.values import Batch, Judgement, Output, Scorer

WANTED = "a metric of torchmetrics, a function of (output, target), a snnfw.Judgement, or 'accuracy'"


class MetricScorer:
    """A metric of torchmetrics over all batches; one that returns several numbers tells them by name.

    Where it adds up floating-point numbers, what it sees of each batch is kept, so that they are always added in the
    order of the batches, whoever saw them.
    """

    def __init__(self, metric: Any, name: str) -> None:
        self.metric, self.name = metric, name
        self._batches: list[dict[str, Tensor]] = []
        self._batchwise = False
        self._batchwise = is_mergeable(self) and sums_floats(metric)

    def update(self, output: Output, target: Any) -> None:
        """Take one batch."""
        if not self._batchwise:
            self.metric.update(_to_cpu(output), _to_cpu(target))
            return
        self.metric.reset()
        self.metric.update(_to_cpu(output), _to_cpu(target))
        self._batches.append(metric_state(self.metric))

    def compute(self) -> Mapping[str, float]:
        """Return the numbers that the metric computes."""
        if self._batchwise:
            self.metric.reset()
            for state in self._batches:
                merge_metric_state(self.metric, state)
        found = self.metric.compute()
        named = found if isinstance(found, Mapping) else {self.name: found}
        return {str(name): _number(value, str(name)) for name, value in named.items()}

    def state(self) -> dict[str, Tensor]:
        """Return the metric's own state, or those of each batch."""
        if not self._batchwise:
            return metric_state(self.metric)
        return join_states(**{f"{index:08}": state for index, state in enumerate(self._batches)})

    def merge(self, state: Mapping[str, Tensor]) -> None:
        """Let the metric go on with what another one saw."""
        if not self._batchwise:
            merge_metric_state(self.metric, state)
            return
        batches = sorted({name.partition(".")[0] for name in state})
        self._batches += [part_of_state(state, batch) for batch in batches]


class MeanScorer:
    """A function of output and target, as the mean over samples of what it returns for each batch or sample."""

    def __init__(self, function: Callable[[Output, Any], Any], name: str) -> None:
        self.function, self.name = function, name
        self.totals: list[float] = []  # of each batch: added at the end, the sum is the same whoever saw them
        self.samples = 0

    def update(self, output: Output, target: Any) -> None:
        """Take one batch."""
        value = self.function(output, target)
        samples = _count_samples(output, target)
        each = value.detach().double().cpu() if isinstance(value, Tensor) else torch.tensor(float(value)).double()
        if each.dim() > 1 or (each.dim() and len(each) != samples):
            raise SnnfwError(
                f"metric '{self.name}' returns a tensor of shape {list(each.shape)} for {samples} samples: it must be "
                "one number for the batch, or one for each sample."
            )
        self.totals.append(float(each.sum()) if each.dim() else float(each) * samples)
        self.samples += samples

    def compute(self) -> Mapping[str, float]:
        """Return the mean over all samples seen."""
        return {self.name: sum(self.totals) / self.samples if self.samples else float("nan")}

    def state(self) -> dict[str, Tensor]:
        """Return every batch's sum, and how many samples there were."""
        return {"totals": torch.tensor(self.totals, dtype=torch.float64), "samples": torch.tensor(self.samples)}

    def merge(self, state: Mapping[str, Tensor]) -> None:
        """Put another one's batches behind its own."""
        self.totals += state["totals"].tolist()
        self.samples += int(state["samples"])


def read_metric(metric: Any, first: Batch, output: Output) -> Judgement:
    """Return how outputs are judged; ``first`` and the network's ``output`` for it tell what fits where none is named.

    Raises:
        SnnfwError: it is no metric, or none is named and the labels are not those of a classifier.

    """
    if isinstance(metric, Judgement):
        return metric
    metrics = sys.modules.get("torchmetrics")  # which takes seconds to import, and nobody has one of it before
    if metrics and isinstance(metric, type) and issubclass(metric, metrics.Metric):
        raise SnnfwError(f"metric is the class {metric.__name__}: give an instance of it, with its arguments.")
    if metrics and isinstance(metric, metrics.Metric | metrics.MetricCollection):
        name = type(metric).__name__
        headline = next(iter(metric.keys())) if isinstance(metric, metrics.MetricCollection) else name
        return _judgement(partial(_fresh, metric, name), str(headline), output)
    if metric is None or metric == "accuracy":
        if not is_classification(first, output):
            labels, samples = first.target, len(first.inputs[0])
            if isinstance(labels, Tensor) and labels.dim() == 1 and len(labels) != samples:
                raise SnnfwError(f"{samples} samples come with {len(labels)} labels: give one for each sample.")
            raise SnnfwError(
                f"nothing says how outputs are judged: give metric=..., {WANTED} for logits [N, K] with labels [N]."
            )
        judged = _judgement(partial(Accuracy, output.shape[1]), Accuracy.headline, output)
        return replace(judged, chance=1 / output.shape[1])
    if callable(metric):
        name = getattr(metric, "__name__", describe_type(metric).removeprefix("a ").removeprefix("an "))
        return _judgement(partial(MeanScorer, metric, name), name, output)
    raise wrong_kind_error("metric", metric, WANTED)


def is_classification(first: Batch, output: Output) -> bool:
    """Tell whether an output holds logits [N, K], and the target a label for each sample of its batch."""
    target = first.target
    return (
        isinstance(output, Tensor)
        and output.dim() == 2
        and isinstance(target, Tensor)
        and not target.is_floating_point()
        and target.shape == first.inputs[0].shape[:1]
    )


def judge_nothing(output: Output) -> Judgement:
    """Return the judgement of outputs without labels: stages that ask for a score say that there are none."""
    return _judgement(partial(MeanScorer, lambda *_: float("nan"), "score"), "score", output)


def _judgement(scorer: Callable[[], Scorer], headline: str, output: Output) -> Judgement:
    logits = isinstance(output, Tensor) and output.dim() == 2
    return Judgement(
        scorer, headline, logits=require_logits if logits else None, correct=is_correct if logits else None
    )


def _fresh(metric: Any, name: str) -> MetricScorer:
    made = copy.deepcopy(metric).cpu()
    made.reset()
    return MetricScorer(made, name)


def _number(value: Any, name: str) -> float:
    if isinstance(value, Tensor) and value.numel() != 1:
        raise SnnfwError(
            f"metric '{name}' returns a tensor of shape {list(value.shape)}: choose one that sums up to one number "
            "(average='macro', say)."
        )
    return float(value)


def _to_cpu(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if isinstance(value, Mapping):
        return {key: _to_cpu(entry) for key, entry in value.items()}
    return type(value)(map(_to_cpu, value)) if type(value) in (list, tuple) else value


def _count_samples(output: Output, target: Any) -> int:
    found = output if isinstance(output, Tensor) else target
    return len(found) if hasattr(found, "__len__") else 1
