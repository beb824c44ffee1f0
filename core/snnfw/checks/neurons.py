"""Hold a neuron against the contract: what ``snnfw plugins check`` and the contract tests run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

import torch
from torch import Tensor

from snnfw.capture.graph import BatchDim
from snnfw.capture.sites import ACTIVATIONS, GATES
from snnfw.checks.codings import delta_faults
from snnfw.checks.faults import error_text, pickle_faults
from snnfw.checks.trial import LAYOUTS, TIMESTEPS, Layout, Trial, trial_of
from snnfw.errors import describe_type, did_you_mean
from snnfw.kernels.choice import choose_backend
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.neurons.timefold import select
from snnfw.planning.rules import Neuron, Quantiser

KNOWN = sorted({*ACTIVATIONS.values(), *GATES.values()})
ANY = ("relu", "silu")
"""Where a neuron for every activation is tried: one without negative values and one with."""


def check_neuron(method: Neuron | type[Neuron]) -> list[str]:
    """Return the faults of a neuron, of a class at its default parameters, in sentences; empty when it has none.

    It is tried at every activation that it stands in for, in two layouts, up to the first trial with a fault.
    """
    try:
        neuron = method() if isinstance(method, type) else method
        return [*pickle_faults(neuron), *_faults(neuron)]
    except Exception as error:  # whatever a stranger's code raises
        return [f"it cannot be made with its defaults: {error_text(error)}."]


def _faults(neuron: Neuron) -> Iterator[str]:
    for kind in neuron.activations:
        if kind not in KNOWN and not hasattr(neuron, "example"):
            yield f"it stands in for '{kind}', which no site is.{did_you_mean(kind, KNOWN)} Known: {', '.join(KNOWN)}."
            return
    for number, (kind, layout) in enumerate(product(neuron.activations or ANY, LAYOUTS)):
        where = f" (at a {kind} {layout.words})" if number else ""
        faults = list(_faults_or_failure(neuron, kind, layout))
        yield from (f"{fault}{where}." for fault in faults)
        if faults:
            return


def _faults_or_failure(neuron: Neuron, kind: str, layout: Layout) -> Iterator[str]:
    try:
        yield from _faults_at(neuron, kind, layout)
    except Exception as error:  # whatever a stranger's code raises
        yield f"it cannot be observed, built and run with its defaults: {error_text(error)}"


def _faults_at(neuron: Neuron, kind: str, layout: Layout) -> Iterator[str]:
    trial = trial_of(neuron, kind, layout)
    drive = trial.noise(1, TIMESTEPS)
    for examine in (_stats_faults, _module_faults, _step_faults, _output_faults, _event_faults, delta_faults):
        faults = list(examine(trial, drive))
        yield from faults
        if faults:  # what comes next would only say the same again
            return
    yield from _state_faults(trial, drive)
    yield from _kernel_faults(trial, drive)
    yield from _calibration_faults(trial, drive)
    yield from _closed_form_faults(trial)


def _stats_faults(trial: Trial, drive: Tensor) -> Iterator[str]:
    del drive
    for name in ("threshold", "initial", "offset"):
        value: Tensor | None = getattr(trial.stats, name)
        if value is not None and not _broadcasts(value, trial.layout):
            yield (
                f"its observer finds {name} of shape {_shape_of(value)}, which does not broadcast against one sample, "
                f"[{', '.join(map(str, trial.layout.one_sample))}]"
            )
    threshold = trial.stats.threshold
    if not bool((threshold > 0).all() & torch.isfinite(threshold).all()):
        yield "its observer finds thresholds that are not positive and finite"


def _broadcasts(value: Tensor, layout: Layout) -> bool:
    try:
        return tuple(torch.broadcast_shapes(value.shape, layout.one_sample)) == layout.one_sample
    except RuntimeError:
        return False


def _module_faults(trial: Trial, drive: Tensor) -> Iterator[str]:
    del drive
    built: object = trial.build_fresh()
    if not isinstance(built, SpikingNeuron):
        yield f"build() returns {describe_type(built)}: it must return a snnfw.SpikingNeuron"
        return
    for module in built.modules():
        for name in (name for name, value in vars(module).items() if isinstance(value, Tensor)):
            yield f"its tensor '{name}' is no buffer, so it stays behind when the network moves: use register_buffer"


def _step_faults(trial: Trial, drive: Tensor) -> Iterator[str]:
    built = trial.build_fresh()
    begun: object = built.begin(drive[0])
    if not isinstance(begun, tuple) or len(begun) != len(built.states):
        yield f"begin() does not return a tuple of its states ({', '.join(built.states)})"
        return
    given, states = drive[0].clone(), tuple(state.clone() for state in begun)
    before = [state.clone() for state in states]
    built.step(given, states)
    if not torch.equal(given, drive[0]):
        yield "step() changes its input in place"
    if not all(map(torch.equal, states, before)):
        yield "step() changes its states in place"
    for current in (drive[0], drive[0].float()):
        built = trial.build_fresh().to(current.dtype)
        output, after = built.step(current, built.begin(current))
        kinds = {tensor.dtype for tensor in (output, *after) if tensor.is_floating_point()}
        if others := kinds - {current.dtype}:
            yield f"step() returns {others.pop()} for an input of {current.dtype}"


def _output_faults(trial: Trial, drive: Tensor) -> Iterator[str]:
    given = drive.clone()
    whole = trial.build_fresh()(given)
    if not torch.equal(given, drive):
        yield "it changes its input in place"
    if whole.shape != drive.shape:
        yield f"its output has shape {_shape_of(whole)} for an input of shape {_shape_of(drive)}"
    elif not bool(torch.isfinite(whole).all()):
        yield "its output holds NaN or infinite values"


def _event_faults(trial: Trial, drive: Tensor) -> Iterator[str]:
    built = trial.build_fresh()
    whole = built(drive)
    events = built.events(whole)
    if events.shape != whole.shape:
        yield f"events() returns shape {_shape_of(events)} for an output of shape {_shape_of(whole)}"
    elif not torch.equal(events, events.round()) or bool((events < 0).any()):
        yield "events() returns numbers that are negative or not whole"
    elif not torch.equal(events == 0, whole == 0):
        yield "events() counts events where the output is zero, or none where it is not"


def _state_faults(trial: Trial, drive: Tensor) -> Iterator[str]:
    whole = trial.build_fresh()(drive)
    place = BatchDim(trial.layout.batch)
    keep = torch.tensor([0, 2])

    def kept(sequence: Tensor) -> Tensor:
        return select(sequence, BatchDim(place.dim + 1), keep)

    def again() -> Tensor:
        built = trial.build_fresh()
        built(drive)
        built.reset()
        return torch.as_tensor(built(drive))

    def chunked() -> Tensor:
        built = trial.build_fresh()
        return torch.cat([built(drive[:3]), built(drive[3:])])

    def compacted() -> Tensor:
        built = trial.build_fresh()
        before = kept(built(drive[:3]))
        built.keep(place, keep)
        return torch.cat([before, built(kept(drive[3:]))])

    yield from _differs(again, whole, "after reset() the same input gives another output")
    yield from _differs(chunked, whole, "in chunks of timesteps it gives another output than in one run")
    alone = "a sample's output changes with the other samples in the batch"
    yield from _differs(lambda: trial.build_fresh()(kept(drive)), kept(whole), alone)
    left = "when samples leave in the middle of a run, the output of those that stay changes"
    yield from _differs(compacted, kept(whole), left)


def _kernel_faults(trial: Trial, drive: Tensor) -> Iterator[str]:
    """Compare a neuron's kernel with its step, where it has one and this machine can compile it."""
    reference, native = trial.build_fresh(), trial.build_fresh()
    if native.kernel() is None or choose_backend("auto", "cpu").name != "native":
        return
    native.backend, native.insists = "native", True
    whole = reference(drive)

    def chunked() -> Tensor:
        return torch.cat([native(drive[:3]), native(drive[3:])])

    yield from _differs(chunked, whole, "its kernel computes something else than its step()")
    if native.emitted is None or not torch.equal(native.emitted, torch.as_tensor(reference.emitted)):
        yield "its kernel counts other events than events() does"


def _differs(run: Callable[[], Tensor], wanted: Tensor, fault: str) -> Iterator[str]:
    """Yield the fault where a run gives another output than the one wanted, or fails."""
    try:
        if not torch.equal(run(), wanted):
            yield fault
    except Exception as error:  # whatever a stranger's code raises
        yield f"{fault}: {error_text(error)}"


def _calibration_faults(trial: Trial, drive: Tensor) -> Iterator[str]:
    """See that an initial potential and an offset of two thresholds change something."""
    if not trial.build_fresh().calibrated:
        return
    whole = trial.build_fresh()(drive)
    for name in ("initial", "offset"):
        moved = replace(trial.stats, **{name: 2 * trial.stats.threshold})
        if torch.equal(trial.neuron.build(trial.site, moved, TIMESTEPS)(drive), whole):
            yield f"its output ignores '{name}', which calibration corrects: use it or set calibrated = False"


def _closed_form_faults(trial: Trial) -> Iterator[str]:
    """Compare the mean output for a constant input with ``quantise``; a shift may round where the form floors."""
    if not isinstance(trial.neuron, Quantiser):
        return
    constant = trial.noise(2)
    threshold = trial.stats.threshold
    mean = trial.build_fresh()(constant.expand(TIMESTEPS, *constant.shape)).mean(0)
    wanted = trial.neuron.quantise(trial.site.function(constant), threshold, TIMESTEPS)
    if wanted.shape != mean.shape:
        yield f"quantise() returns shape {_shape_of(wanted)} for an activation of shape {_shape_of(mean)}"
    elif bool(((mean - wanted).abs() > 1.001 * threshold / TIMESTEPS).any()):
        yield "for a constant input its mean output is more than one threshold / T from quantise()"


def _shape_of(tensor: Tensor) -> str:
    return str(list(tensor.shape))
