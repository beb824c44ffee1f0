"""A training step through one layer of neurons: forward and backward through time, against SpikingJelly's LIFNode."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from spikingjelly.activation_based import neuron as spikingjelly
from spikingjelly.activation_based import surrogate

from benchmarks.neurons import VARIANTS, Settings, Variant, build, drive
from benchmarks.result import Cell, Section
from benchmarks.timing import Candidates, Measured, seconds
from snnfw_plugins.lif import LeakyIntegrateAndFire

OURS, REFERENCE = "snnfw lif", "snnfw lif: reference"
EAGER, COMPILED = "SpikingJelly LIF eager", "SpikingJelly LIF compiled"


def measure(settings: Settings) -> Iterator[Section]:
    """Yield one table per kind of tensor that networks are trained on."""
    for variant in VARIANTS:
        if not variant.per_channel:
            found = seconds(candidates(settings, variant), settings.repetitions, settings.calls, settings.device)
            yield _section(settings, variant, found)


def candidates(settings: Settings, variant: Variant) -> Candidates:
    """Return a training step of each: soft reset, τ = 2, the arc tangent's surrogate gradient, the same equations."""
    found = {EAGER: step(settings, variant, theirs())}
    if settings.compiled:
        node = theirs()
        found[COMPILED] = step(settings, variant, node, torch.compile(node))
    reference, ours = (build(LeakyIntegrateAndFire(), variant, settings) for _ in range(2))
    ours.backend, ours.insists = settings.backend, True
    return {**found, REFERENCE: step(settings, variant, reference), OURS: step(settings, variant, ours)}


def theirs() -> Any:
    """Return SpikingJelly's neuron with the equations of ours."""
    return spikingjelly.LIFNode(tau=2.0, v_reset=None, surrogate_function=surrogate.ATan(), step_mode="m")


def step(settings: Settings, variant: Variant, node: Any, call: Callable[..., Any] | None = None) -> Callable[[], None]:
    """Return what runs all timesteps and takes a gradient back through them to the input."""
    x = drive(settings, variant).requires_grad_()
    gradient = torch.ones_like(x)

    def run() -> None:
        node.reset()
        (node if call is None else call)(x).backward(gradient)  # torch's compiled module has no truth value
        x.grad = None

    return run


def _section(settings: Settings, variant: Variant, found: Measured) -> Section:
    columns = ("", "ms", "this / snnfw lif")
    rows: list[tuple[Cell, ...]] = [
        (name, f"{1e3 * found.median(name):.1f}", found.ratio(name, OURS)) for name in found.values
    ]
    shape = "[T, N, C, H, W] = " + str(list(settings.shape))
    title = f"{variant.title}, {shape}, forward and backward, {settings.backend}"
    return Section(title, columns, tuple(rows), found)
