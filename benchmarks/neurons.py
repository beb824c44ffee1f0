"""Each neuron alone: its kernel against its reference, against SpikingJelly's neurons and against copying a tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from spikingjelly.activation_based import neuron as spikingjelly
from torch import Tensor

from benchmarks.result import Cell, Section
from benchmarks.timing import Candidates, Measured, seconds
from snnfw import Site, SiteStats
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.planning.rules import Neuron
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.lif import LeakyIntegrateAndFire
from snnfw_plugins.tracking import Tracking

NEURONS: Mapping[str, Neuron] = {
    "if": IntegrateAndFire(),
    "adafire φ=4": AdaFire(phi=4),
    "tracking relu": Tracking(phi=4),
    "lif": LeakyIntegrateAndFire(),
}
THEIRS = {"IF": spikingjelly.IFNode, "LIF": spikingjelly.LIFNode}
COLUMNS = ("reference", "IF eager", "IF compiled", "LIF eager", "LIF compiled")


@dataclass(frozen=True, slots=True)
class Settings:
    """What is measured: ``shape`` is [T, N, C, H, W], ``compiled`` adds SpikingJelly under torch.compile."""

    shape: tuple[int, ...] = (16, 32, 64, 16, 16)
    repetitions: int = 11
    calls: int = 3
    compiled: bool = True
    device: str = "cpu"
    backend: str = "native"


@dataclass(frozen=True, slots=True)
class Variant:
    """One kind of tensor: its type and memory layout, and whether thresholds and offsets are one per channel."""

    title: str
    dtype: torch.dtype = torch.float32
    channels_last: bool = False
    per_channel: bool = False


VARIANTS = (
    Variant("float32"),
    Variant("float32, channels_last", channels_last=True),
    Variant("float32, channels_last, one threshold and offset per channel", channels_last=True, per_channel=True),
    Variant("bfloat16", dtype=torch.bfloat16),
    Variant("bfloat16, channels_last", dtype=torch.bfloat16, channels_last=True),
)


@torch.no_grad()
def measure(settings: Settings) -> Iterator[Section]:
    """Yield one table per kind of tensor."""
    for variant in VARIANTS:
        found = seconds(candidates(settings, variant), settings.repetitions, settings.calls, settings.device)
        yield _section(settings, variant, found)


def candidates(settings: Settings, variant: Variant) -> Candidates:
    """Return everything that is compared on one kind of tensor, each on a state that begins anew."""
    x = drive(settings, variant)
    y = x.clone()
    found: dict[str, Callable[[], object]] = {"clone": x.clone, "copy": lambda: y.copy_(x)}
    for name, make in THEIRS.items():
        eager = make(v_reset=None, step_mode="m")
        found[f"{name} eager"] = _after_reset(eager, eager, x)
        if settings.compiled:
            node = make(v_reset=None, step_mode="m")
            found[f"{name} compiled"] = _after_reset(node, torch.compile(node), x)
    for name, method in NEURONS.items():
        reference, ours = (build(method, variant, settings) for _ in range(2))
        ours.backend, ours.insists = settings.backend, True
        found[f"{name}: reference"] = _after_reset(reference, reference, x)
        found[f"{name}: fresh output"] = _after_reset(ours, ours, x)
        found[f"{name}: output reused"] = _after_reset(ours, ours, x.clone(), in_place=True)
    return found


def drive(settings: Settings, variant: Variant) -> Tensor:
    """Return random currents [T, N, C, H, W]."""
    x = torch.randn(settings.shape, generator=torch.Generator().manual_seed(0))
    layout = torch.channels_last if variant.channels_last else torch.contiguous_format
    folded = x.to(settings.device, variant.dtype).flatten(0, 1).contiguous(memory_format=layout)
    return folded.reshape(settings.shape)


def build(method: Neuron, variant: Variant, settings: Settings) -> SpikingNeuron:
    """Return a neuron as calibration leaves it, with an initial potential and an offset; θ = 1."""
    steps, _, channels, *space = settings.shape
    site = Site("site", "site", "relu", torch.relu, (None, channels, *space), 1)
    threshold = torch.ones(1, channels if variant.per_channel else 1, *(1 for _ in space))
    stats = SiteStats(threshold, initial=0.5 * threshold, offset=0.01 * threshold)
    neuron = method.build(site, stats, steps)
    neuron.to(settings.device)
    return neuron


def _after_reset(node: Any, call: Callable[..., Tensor], x: Tensor, **options: bool) -> Callable[[], Tensor]:
    def run() -> Tensor:
        node.reset()
        return call(x, **options)

    return run


def _section(settings: Settings, variant: Variant, found: Measured) -> Section:
    others = [name for name in COLUMNS if name == "reference" or name in found.values]
    columns = ("", "ms", *(f"{name} / this" for name in others), "this / clone")
    rows: list[tuple[Cell, ...]] = []
    for neuron in NEURONS:
        for kind in ("fresh output", "output reused"):
            name = f"{neuron}: {kind}"
            faster = (found.ratio(f"{neuron}: reference" if o == "reference" else o, name) for o in others)
            rows.append((name, f"{1e3 * found.median(name):.1f}", *faster, found.ratio(name, "clone")))
    for name in (*others[1:], "clone", "copy"):
        label = {"clone": "torch.clone", "copy": "copy_ into a buffer"}.get(name, f"SpikingJelly {name}")
        blank = [""] * len(others)
        rows.append((label, f"{1e3 * found.median(name):.1f}", *blank, found.ratio(name, "clone")))
    shape = "[T, N, C, H, W] = " + str(list(settings.shape))
    return Section(f"{variant.title}, {shape}, {settings.backend}", columns, tuple(rows), found)
