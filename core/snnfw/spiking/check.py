"""Hold a neuron against the contract: what ``snnfw plugins check`` and the contract tests run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from snnfw.contracts import Neuron, Quantiser, Site, SiteStats
from snnfw.spiking.neuron import SpikingNeuron
from snnfw.spiking.timefold import select
from snnfw.capture.graph import BatchDim

SHAPE = (4, 3, 5, 5)
TIMESTEPS = 8
FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "relu6": F.relu6,
    "silu": F.silu,
    "gelu": F.gelu,
}


def check_neuron(method: type[Neuron]) -> list[str]:
    """Return what is wrong with a neuron at its default parameters, in sentences; empty when nothing is."""
    try:
        neuron = method()
        site = example_site(neuron)
        stats = observed(neuron, site)
        return list(_faults(neuron, site, stats))
    except Exception as error:
        return [f"it cannot be observed, built and run with its defaults: {type(error).__name__}: {error}"]


def example_site(neuron: Neuron) -> Site:
    """Return a site of an activation that the neuron stands in for."""
    kind = next((name for name in neuron.activations or ("relu",) if name in FUNCTIONS), "relu")
    return Site("site", "site", kind, FUNCTIONS[kind], (None, *SHAPE[1:]), channel=1)


def observed(neuron: Neuron, site: Site) -> SiteStats:
    """Return what the neuron's observer learns from two batches of random activations."""
    observer = neuron.observer(site)
    generator = torch.Generator().manual_seed(0)
    for _ in range(2):
        observer.update(site.function(_random(generator, SHAPE)))
    return observer.stats()


def _faults(neuron: Neuron, site: Site, stats: SiteStats) -> Iterator[str]:
    if not bool((stats.threshold > 0).all() & torch.isfinite(stats.threshold).all()):
        yield "its observer finds thresholds that are not positive and finite."
        return
    drive = _random(torch.Generator().manual_seed(1), (TIMESTEPS, *SHAPE))
    built = neuron.build(site, stats, TIMESTEPS)
    given = drive.clone()
    whole = built(drive)
    if whole.shape != drive.shape:
        yield f"its output has shape {tuple(whole.shape)} for an input of shape {tuple(drive.shape)}."
        return
    if not bool(torch.isfinite(whole).all()):
        yield "its output holds NaN or infinite values."
    if not torch.equal(drive, given):
        yield "it changes its input in place."
    yield from _state_faults(built, drive, whole)
    yield from _event_faults(built, whole)
    if isinstance(neuron, Quantiser):
        yield from _closed_form_faults(neuron, site, stats)


def _state_faults(built: SpikingNeuron, drive: Tensor, whole: Tensor) -> Iterator[str]:
    built.reset()
    if not torch.equal(built(drive), whole):
        yield "after reset() the same input gives another output."
    built.reset()
    if not torch.equal(torch.cat([built(drive[:3]), built(drive[3:])]), whole):
        yield "in chunks of timesteps it gives another output than in one run."
    keep = torch.tensor([0, 2])
    built.reset()
    if not torch.equal(built(drive[:, keep]), whole[:, keep]):
        yield "a sample's output changes with the other samples in the batch."
    built.reset()
    built(drive[:3])
    for name, value in built.named_memories():
        if isinstance(value, Tensor) and value.dim():
            setattr(built, name, select(value, BatchDim(0), keep))
    if not torch.equal(built(drive[3:, keep]), whole[3:, keep]):
        yield "when samples leave in the middle of a run, the output of those that stay changes."


def _event_faults(built: SpikingNeuron, whole: Tensor) -> Iterator[str]:
    events = built.events(whole)
    if events.shape != whole.shape:
        yield f"events() returns shape {tuple(events.shape)} for an output of shape {tuple(whole.shape)}."
    elif not torch.equal(events, events.round()) or bool((events < 0).any()):
        yield "events() returns numbers that are negative or not whole."
    elif not torch.equal(events == 0, whole == 0):
        yield "events() counts events where the output is zero, or none where it is not."


def _closed_form_faults(neuron: Quantiser, site: Site, stats: SiteStats) -> Iterator[str]:
    """Compare the mean output for a constant input with ``quantise``; a shift may round where the form floors."""
    constant = _random(torch.Generator().manual_seed(2), SHAPE)
    built = neuron.build(site, stats, TIMESTEPS)
    mean = built(constant.expand(TIMESTEPS, *SHAPE)).mean(0)
    error = (mean - neuron.quantise(site.function(constant), stats.threshold, TIMESTEPS)).abs()
    if bool((error > 1.001 * stats.threshold / TIMESTEPS).any()):
        yield "for a constant input its mean output is more than one threshold / T from quantise()."


def _random(generator: torch.Generator, shape: tuple[int, ...]) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)
