"""Hold a policy of early exit against its contract, on a small network."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from snnfw.checks.faults import are_same, faults_or_failure, pickle_faults, record_faults
from snnfw.checks.toy import TIMESTEPS, Accuracy, Toy, ToyNeuron, make_toy
from snnfw.contracts import ExitPolicy, Rule
from snnfw.conversion.direct import Direct
from snnfw.errors import describe_type
from snnfw.planning.placement import place
from snnfw.simulate.run import simulate
from snnfw.spiking.model import SpikingModel
from snnfw.values import Batch, ExitRule, Resources


def check_exit(policy: ExitPolicy) -> list[str]:
    """Return the faults of a policy of early exit, in sentences; empty when it has none."""
    return [*pickle_faults(policy), *faults_or_failure(lambda: _faults(policy), "running a small network")]


def _faults(policy: ExitPolicy) -> Iterator[str]:
    trial = make_toy()
    plan = place(trial.graph, (Rule("*", ToyNeuron()),))
    model = Direct().convert(trial.graph, plan, trial.bundle.data.calibration, TIMESTEPS, Resources())
    output = model(*trial.bundle.example)
    rule = policy.prepare(model, trial.bundle, TIMESTEPS, Resources())
    if trial.sealed.read:
        yield "prepare() reads evaluation data: a rule is shaped by calibration data alone."
    if not are_same(model(*trial.bundle.example), output):
        yield "prepare() changes the spiking model: run again it gives another output."
    if lacking := [name for name in ("done", "record") if not callable(getattr(rule, name, None))]:
        yield f"prepare() returns {describe_type(rule)} without {lacking[0]}: see snnfw.ExitRule."
        return
    if not isinstance(getattr(policy, "fits", True), bool):
        yield "its 'fits' is neither True nor False."
    yield from record_faults(rule.record(), "the rule's record")
    yield from _rule_faults(policy, trial, model)


def _rule_faults(policy: ExitPolicy, trial: Toy, model: SpikingModel) -> Iterator[str]:
    """Ask a rule after each timestep, as a run does, and another one, and let a run with a third decide by itself."""
    batch = trial.sealed.batches[0]
    answers = _ask_rule(policy.prepare(model, trial.bundle, TIMESTEPS, Resources()), model, batch)
    faults = list(_answer_faults(answers))
    yield from faults
    if faults:  # a run would fail, or say the same again
        return
    again = _ask_rule(policy.prepare(model, trial.bundle, TIMESTEPS, Resources()), model, batch)
    if not are_same([answer for _, answer, _ in answers], [answer for _, answer, _ in again]):
        yield "a rule prepared again lets other samples leave: it keeps something of an earlier run, or draws."
    rule = policy.prepare(model, trial.bundle, TIMESTEPS, Resources())
    simulate(model, [batch], [TIMESTEPS], Accuracy, Resources(), rule)  # in which nothing may fail


def _ask_rule(rule: ExitRule, model: SpikingModel, batch: Batch) -> list[tuple[Tensor, Tensor, bool]]:
    """Return the output that a rule is shown at each timestep, its answer, and whether it left the output as it was."""
    asked = []
    model.begin(batch.inputs)
    for timestep in range(1, TIMESTEPS + 1):
        model.advance(1)
        output = model.read()
        if timestep < getattr(rule, "earliest", 1):
            continue
        shown = output.clone()
        answer = rule.done(output, timestep, TIMESTEPS)
        asked.append((shown, answer, are_same(output, shown)))
        if not isinstance(answer, Tensor) or answer.dtype != torch.bool or answer.shape != (len(output),):
            break
        if answer.all():
            break
        if answer.any():
            model.keep((~answer).nonzero().flatten())
    model.forget()
    return asked


def _answer_faults(answers: list[tuple[Tensor, Tensor, bool]]) -> Iterator[str]:
    for output, answer, untouched in answers:
        kind: object = answer
        if not isinstance(kind, Tensor):
            yield f"done() returns {describe_type(kind)}: it must return a boolean tensor [N]."
        elif kind.dtype != torch.bool or kind.shape != (len(output),):
            yield (
                f"done() returns {kind.dtype} of shape {list(kind.shape)} for {len(output)} samples: it must return "
                "torch.bool of shape [N]."
            )
        if not untouched:
            yield "done() changes the output that it is shown."
            return
