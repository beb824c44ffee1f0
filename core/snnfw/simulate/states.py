"""What a scorer has seen, as tensors by name: put together again from parts of the data, or from an interrupted run."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from snnfw.errors import SnnfwError, has_attributes
from snnfw.values import Scorer

State = dict[str, Tensor]
UPDATES = "updates"
"""Where the state of a metric of torchmetrics keeps how often it was updated."""
FEW = 4096
"""Numbers of a state that are kept for each batch: of more, a covariance say, the last digit depends on the parts."""


def state_of(scorer: Scorer) -> State:
    """Return what a scorer has seen, as tensors on the CPU.

    Raises:
        SnnfwError: it cannot say.

    """
    if not has_attributes(scorer, "state", "merge"):
        raise SnnfwError(
            f"the scorer {type(scorer).__name__} has no state() and merge(state), so that scores of several processes, "
            "or of a run that is gone on with, cannot be put together: give it both, see snnfw.MergeableScorer, or "
            "score in one process."
        )
    return dict(scorer.state())  # type: ignore[attr-defined]  # which is what was asked


def is_mergeable(scorer: Scorer) -> bool:
    """Tell whether scorers of this kind can be put together from parts of the data."""
    try:
        state_of(scorer)
    except SnnfwError:
        return False
    return True


def merge_state(scorer: Scorer, state: Mapping[str, Tensor]) -> None:
    """Let a scorer go on as if it had seen, behind what it has, what another one of its kind saw."""
    state_of(scorer)  # which says what is missing
    scorer.merge(state)  # type: ignore[attr-defined]


def join_states(**states: Mapping[str, Tensor]) -> State:
    """Return several states as one, from which ``part_of_state`` takes each by its name."""
    return {f"{part}.{name}": value for part, state in states.items() for name, value in state.items()}


def part_of_state(state: Mapping[str, Tensor], part: str) -> State:
    """Return one of the states that were joined."""
    lead = f"{part}."
    return {name.removeprefix(lead): value for name, value in state.items() if name.startswith(lead)}


def metric_state(metric: Any) -> State:
    """Return what a metric of torchmetrics, a collection of them or one around others has seen."""
    states = {path: _own_state(part) for path, part in _metrics(metric)}
    return {f"{path}.{name}": value for path, state in states.items() for name, value in state.items()}


def merge_metric_state(metric: Any, state: Mapping[str, Tensor]) -> None:
    """Let a metric of torchmetrics go on behind what it has seen with what another one of its kind saw.

    Raises:
        SnnfwError: torchmetrics has no way to put this metric together exactly.

    """
    for path, part in _metrics(metric):
        _merge_own_state(part, part_of_state(state, path))


def sums_floats(metric: Any) -> bool:
    """Tell whether a metric adds up a few floating-point numbers, whose sum depends on which are added first."""
    values = [part.metric_state[name] for _, part in _metrics(metric) for name in _own_names(part)]
    floats = [value.numel() for value in values if isinstance(value, Tensor) and value.is_floating_point()]
    return 0 < sum(floats) <= FEW


def _metrics(metric: Any) -> Iterator[tuple[str, Any]]:
    """Yield the metric and those inside it, by path."""
    from torchmetrics import Metric

    for path, module in metric.named_modules():
        if isinstance(module, Metric):
            _require_mergeable(module)
            yield path.replace(".", "/") or "metric", module


def _require_mergeable(metric: Any) -> None:
    """Refuse a metric whose parts do not make the whole."""
    from torchmetrics.utilities import dim_zero_mean

    reductions = {name: metric._reductions[name] for name in _own_names(metric)}  # told nowhere else
    stacked = any(
        reduction is dim_zero_mean or (reduction is None and isinstance(metric.metric_state[name], Tensor))
        for name, reduction in reductions.items()
    )
    if stacked or (reductions and (metric.full_state_update is not False or metric.dist_sync_on_step)):
        raise SnnfwError(
            f"torchmetrics cannot put the metric {type(metric).__name__} together from parts of the data: score it in "
            "one process and in one go, or give another metric."
        )


def _own_names(metric: Any) -> Sequence[str]:
    """Return the names of a metric's states; one around others has none, though it may show theirs."""
    from torchmetrics.wrappers.abstract import WrapperMetric

    return () if isinstance(metric, WrapperMetric) else tuple(metric.metric_state)


def _own_state(metric: Any) -> State:
    found: State = {UPDATES: torch.tensor(metric.update_count)}
    for name in _own_names(metric):
        value = metric.metric_state[name]
        entries = {name: value} if isinstance(value, Tensor) else {f"{name}.{i:08}": v for i, v in enumerate(value)}
        if not all(isinstance(entry, Tensor) for entry in entries.values()):
            raise SnnfwError(
                f"the metric {type(metric).__name__} keeps more than tensors in '{name}', which cannot be put together "
                "from parts of the data: score it in one process and in one go."
            )
        found |= {key: entry.detach().cpu().clone() for key, entry in entries.items()}
    return found


def _merge_own_state(metric: Any, state: State) -> None:
    if names := _own_names(metric):
        # torchmetrics puts what comes in before what is there: so that is merged into a copy that holds what comes in.
        other = copy.deepcopy(metric)
        for name in names:
            entries = [state[key] for key in sorted(state) if key.startswith(f"{name}.")]
            setattr(other, name, state[name] if isinstance(metric.metric_state[name], Tensor) else entries)
        other.merge_state(metric)
        for name in names:
            setattr(metric, name, getattr(other, name))
    metric._update_count += int(state[UPDATES])  # without it compute() warns that nothing was seen
    metric._computed = None  # what it remembers of an earlier compute()
