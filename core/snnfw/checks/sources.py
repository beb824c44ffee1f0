"""Hold models and data sets against their contracts, through a task that they serve."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from snnfw.checks.faults import NotTriedError, are_finite, are_same, faults_or_failure, pickle_faults
from snnfw.contracts import DataSource, ModelSource, Task
from snnfw.contracts.sources import WrongReturnError
from snnfw.errors import SnnfwError, name_kind
from snnfw.values import Bundle, Inputs, Resources

FEW = {"limit": 24, "calibration": 24, "batch": 8, "workers": 0}
"""Options of a task, where it has them, that keep a check short."""


def check_model(model: ModelSource, task: Task, data: DataSource) -> list[str]:
    """Return the faults of a model, in sentences; empty when it has none. ``data`` are what it is tried with.

    Raises:
        NotTriedError: the task, or one of its sources, says why it cannot be loaded here.

    """
    return [
        *pickle_faults(model),
        *faults_or_failure(lambda: _model_faults(model, task, data), "building and running it"),
    ]


def check_data(data: DataSource, task: Task, model: ModelSource) -> list[str]:
    """Return the faults of a data set, in sentences; empty when it has none. ``model`` is what it is tried with.

    Raises:
        NotTriedError: the task, or one of its sources, says why it cannot be loaded here.

    """
    return [
        *pickle_faults(data),
        *faults_or_failure(
            lambda: _data_faults(load_bundle(task, model, data), task), "opening it and reading its samples"
        ),
    ]


def load_bundle(task: Task, model: ModelSource, data: DataSource) -> Bundle:
    """Return the bundle of a task, of a few samples, as a run would; or say why it brings none here."""
    named = {field.name for field in fields(cast("Any", task))}
    small = replace(cast("Any", task), **{name: value for name, value in FEW.items() if name in named})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            bundle: Bundle = small.load(model, data, Resources())
        except WrongReturnError:  # no want of files, but a fault
            raise
        except SnnfwError as error:
            raise NotTriedError(str(error)) from error
    return bundle


def _model_faults(model: ModelSource, task: Task, data: DataSource) -> Iterator[str]:
    bundle = load_bundle(task, model, data)
    network: object = bundle.model
    if not isinstance(network, nn.Module):
        yield f"its network is {name_kind(network)}: it must be a torch.nn.Module."
        return
    if network.training:
        yield "its network is in training mode."
    before = _weights(network)
    with torch.no_grad():
        output = network(*bundle.example)
        if not are_same(network(*bundle.example), output):
            yield "called again with the same samples the network gives another output."
    if not are_finite(output):
        yield "the network's output holds NaN or infinite values."
    if not are_same(_weights(network), before):
        yield "a call of the network changes its weights or buffers."
    if not are_same(_weights(load_bundle(task, model, data).model), before):
        yield "built again under the same seed the network has other weights: draw them with resources.seed."


def _weights(network: nn.Module) -> dict[str, Tensor]:
    """Return copies of all parameters and buffers."""
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def _data_faults(bundle: Bundle, task: Task) -> Iterator[str]:
    calibration = _samples(bundle.data.calibration)
    evaluation = _samples(batch.inputs for batch in bundle.data.evaluation)
    for split, samples in (("calibration", calibration), ("evaluation", evaluation)):
        if not samples:
            yield f"its {split} split holds no sample."
    if hasattr(task, "limit") and len(evaluation) > FEW["limit"]:
        yield f"the task asks for {FEW['limit']} samples to evaluate on, and it gives {len(evaluation)}."
    first, again = (_digest([batch.inputs, batch.target] for batch in bundle.data.evaluation) for _ in range(2))
    if first != again or _samples(bundle.data.calibration) != calibration:
        yield "gone through again it gives other samples, or gives them in another order."
    if shared := set(calibration) & set(evaluation):
        yield f"{len(shared)} of {len(evaluation)} samples to evaluate on are also among those to calibrate with."
    if bundle.training is not None and not len(bundle.training.batches(4, 0, 0)):
        yield "its training split holds no batch."


def _samples(batches: Iterable[Inputs]) -> list[bytes]:
    """Return a digest of each sample."""
    return [_digest([[tensor[index] for tensor in inputs]]) for inputs in batches for index in range(len(inputs[0]))]


def _digest(parts: Iterable[Any]) -> bytes:
    digest = hashlib.sha256()
    for leaf in pytree.tree_leaves(list(parts)):
        plain = leaf.detach().cpu().contiguous().numpy().tobytes() if isinstance(leaf, Tensor) else repr(leaf).encode()
        digest.update(plain)
    return digest.digest()
