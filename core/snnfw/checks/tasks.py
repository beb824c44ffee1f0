"""Hold a task against its contract, with a model and data that it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from snnfw.checks.faults import pickle_faults, record_faults
from snnfw.checks.sources import bundle_faults
from snnfw.contracts import DataSource, ModelSource, Task
from snnfw.errors import describe_type, has_attributes
from snnfw.simulate.states import merge_state, state_of
from snnfw.values import Batch, Bundle, Output


def check_task(task: Task, model: ModelSource, data: DataSource) -> list[str]:
    """Return the faults of a task, in sentences; empty when it has none.

    Raises:
        NotTriedError: the task, or one of its sources, says why it cannot be loaded here.

    """
    return [*pickle_faults(task), *bundle_faults(task, model, data, _faults, "scoring what the network says")]


def _faults(bundle: object) -> Iterator[str]:
    if not isinstance(bundle, Bundle):
        yield f"load() returns {describe_type(bundle)}: it must return a snnfw.Bundle."
        return
    batch = next(iter(bundle.data.evaluation), None)
    if batch is None:
        yield "it brings no batch to evaluate on."
        return
    samples = len(batch.inputs[0])
    output = _output(bundle, batch)
    yield from record_faults(dict(bundle.description), "its description")
    if (fewest := min(len(tensor) for tensor in bundle.example)) < 2:
        yield f"its example holds {fewest} sample: give at least 2."
    yield from _score_faults(bundle, batch, output)
    yield from _judge_faults(bundle, batch, output, samples)
    if bundle.gallery is not None and not isinstance(shown := bundle.gallery.batch(), Batch):
        yield f"its gallery shows {describe_type(shown)}: it must be a snnfw.Batch."


def _output(bundle: Bundle, batch: Batch) -> Output:
    """Return the output of the network for a batch, of frames for the first."""
    inputs = batch.inputs if bundle.data.frames is None else tuple(tensor[:, 0] for tensor in batch.inputs)
    with torch.no_grad():
        return bundle.model(*inputs)


def _score_faults(bundle: Bundle, batch: Batch, output: Output) -> Iterator[str]:
    scorer = bundle.judgement.scorer()
    scorer.update(output, batch.target)
    scores = scorer.compute()
    if not isinstance(scores, Mapping) or not all(isinstance(value, Real) for value in scores.values()):
        yield "its scorer's compute() returns no mapping of names to numbers."
        return
    if bundle.judgement.headline not in scores:
        yield f"its headline is '{bundle.judgement.headline}', which its scorer does not compute: {', '.join(scores)}."
    other = bundle.judgement.scorer()
    other.update(output, batch.target)
    if dict(other.compute()) != dict(scores):
        yield "a second scorer gives other scores for the same batch: each must start from nothing."
    elif has_attributes(scorer, "state", "merge"):
        merged = bundle.judgement.scorer()
        merge_state(merged, state_of(bundle.judgement.scorer()))
        merge_state(merged, state_of(scorer))
        if dict(merged.compute()) != dict(scores):
            yield "a scorer that merges another one's state computes other scores than that one."


def _judge_faults(bundle: Bundle, batch: Batch, output: Output, samples: int) -> Iterator[str]:
    """See that what the task says of single samples is about single samples."""
    alone = Batch(
        tuple(tensor[:1] for tensor in batch.inputs), bundle.judgement.target_of(batch.target, torch.arange(1))
    )
    bundle.judgement.scorer().update(_output(bundle, alone), alone.target)
    judges: dict[str, Any] = {"correct": bundle.judgement.correct and bundle.judgement.correct(output, batch.target)}
    judges["distance"] = bundle.judgement.distance and bundle.judgement.distance(output, output)
    for name, value in judges.items():
        if value is not None and (not isinstance(value, Tensor) or value.shape != (samples,)):
            yield f"its {name} gives no number for each of the {samples} samples."
    if isinstance(judges["distance"], Tensor) and bool((judges["distance"] != 0).any()):
        yield "its distance of an output to itself is not 0."
    logits = bundle.judgement.logits and bundle.judgement.logits(output)
    if logits is not None and (logits.ndim < 2 or len(logits) != samples):
        yield f"its logits have the shape {list(logits.shape)}: they must be [N, K, ...]."
