"""See whether a neuron keeps to the coding that it speaks."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from snnfw.checks.trial import Trial
from snnfw.errors import describe_type
from snnfw.neurons.delta_neuron import DeltaNeuron
from snnfw.planning.coding import coding_of
from snnfw.values import DELTA

SLACK = 1 + 1e-9


def delta_faults(trial: Trial, drive: Tensor) -> Iterator[str]:
    """Yield what a neuron of delta coding lacks: its module's kind, what it says is unsent, and how it settles."""
    built = trial.build_fresh()
    coding = coding_of(trial.neuron)
    if built.coding != coding:
        yield f"it is {coding} coded and builds a module that is {built.coding} coded: derive it from the right class"
    elif coding == DELTA and not isinstance(built, DeltaNeuron):
        yield f"it is delta coded and builds {describe_type(built)}: it must be a snnfw.neurons.DeltaNeuron"
    elif isinstance(built, DeltaNeuron):
        yield from _following_faults(trial, built, drive)


def _following_faults(trial: Trial, built: DeltaNeuron, drive: Tensor) -> Iterator[str]:
    wanted, threshold = trial.site.function(drive.sum(0)), trial.stats.threshold
    lacking = (wanted - built(drive).sum(0)).abs()
    if bool((lacking > threshold * (built.unsent().abs() + 1) * SLACK).any()):
        yield "what it has sent is further from the activation of the sum of its input than unsent() says"
    everything = trial.build_fresh()
    everything.sends_all = True
    output = everything(drive)
    if bool(everything.unsent().any()):
        yield "it leaves something unsent although sends_all is set"
    elif bool(((wanted - output.sum(0)).abs() > threshold * SLACK).any()):
        yield "with sends_all it ends more than a threshold from the activation of the sum of its input"
    settled = getattr(trial.neuron, "settled", None)
    if settled is None:
        yield "it is delta coded and has no settled(), which returns the same neuron with nothing held back"
    elif not torch.equal(settled().build(trial.site, trial.stats, len(drive))(drive), output):
        yield "the neuron that settled() returns sends something else than its own module with sends_all"
