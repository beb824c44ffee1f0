"""Measure over time which inactivated neurons fire, layer by layer, and how many spikes they send (SIN and ANS)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from snnfw import Bundle, Chart, Curve, Inputs, Measurement, Resources
from snnfw.conversion import mean_activations
from snnfw.simulate import evaluation_inputs, watch_neurons

if TYPE_CHECKING:
    from snnfw import Site, SpikingModel, SpikingNeuron

MOST_CURVES = 5
"""Most moments that the chart over layers shows."""


@dataclass(slots=True)
class _SiteSin:
    """Sums over the samples of one site.

    ``fired`` are the inactivated neurons that have fired by each of the moments, ``inactivated`` all whose activation
    in the network is 0; ``senders`` those of them that have fired by the end of the early timesteps, ``spikes`` what
    these have sent until then.
    """

    fired: list[int]
    inactivated: int = 0
    senders: int = 0
    spikes: float = 0.0

    def share(self, moment: int) -> float:
        """Return the share of the inactivated neurons that have fired by a moment, of that number."""
        return self.fired[moment] / self.inactivated if self.inactivated else 0.0

    @property
    def average(self) -> float:
        """Return the spikes of a neuron with SIN, within the early timesteps (ANS)."""
        return self.spikes / self.senders if self.senders else 0.0


@dataclass(slots=True)
class _Firing:
    """When each neuron of a batch fired first, 0 for not yet, and its spikes in the early timesteps."""

    early: int
    elapsed: dict[str, int] = field(default_factory=dict)
    first: dict[str, Tensor] = field(default_factory=dict)
    spikes: dict[str, Tensor] = field(default_factory=dict)

    def __call__(self, site: Site, neuron: SpikingNeuron, currents: Tensor) -> Tensor:
        """Run a neuron and note what it did."""
        output: Tensor = neuron(currents)
        before = self.elapsed.get(site.name, 0)
        events = neuron.events(output)
        fired = events > 0
        first = torch.where(fired.any(0), fired.int().argmax(0) + before + 1, 0)
        known = self.first.get(site.name)
        self.first[site.name] = first if known is None else torch.where(known > 0, known, first)
        early = events[: max(0, self.early - before)].sum(0)
        self.spikes[site.name] = self.spikes.get(site.name, torch.zeros_like(early)) + early
        self.elapsed[site.name] = before + len(output)
        return output


def measure_sin(model: SpikingModel, bundle: Bundle, early: int, resources: Resources) -> Measurement:
    """Return SIN over time and ANS of every ReLU's neurons, on evaluation samples.

    SIN(t) is the share of the neurons with activation 0 in the network that have fired by timestep t; ANS are the
    spikes of such neurons within the ``early`` timesteps, by their number. He et al. (2023), MSAT, section 3.2.2,
    Fig. 2 and Table 6.
    """
    moments = moments_of(model.timesteps, early)
    sums: dict[str, _SiteSin] = {}
    for inputs in evaluation_inputs(bundle, resources):
        add_batch(sums, model, inputs, moments, early, resources.memory)
    if not sums:
        return Measurement()
    last = list(sums)[-1]
    numbers = {"SIN": sums[last].share(-1), "ANS": sums[last].average}
    numbers |= {f"SIN/{name}": found.share(-1) for name, found in sums.items()}
    numbers |= {f"ANS/{name}": found.average for name, found in sums.items()}
    return Measurement(numbers, tuple(charts(sums, moments)))


def moments_of(timesteps: int, early: int) -> tuple[int, ...]:
    """Return the timesteps that SIN is counted at: powers of two, the end of the early ones, and the last."""
    doublings = [2**n for n in range(timesteps.bit_length()) if 2**n <= timesteps]
    return tuple(sorted({*doublings, min(early, timesteps), timesteps}))


def add_batch(
    sums: dict[str, _SiteSin], model: SpikingModel, inputs: Inputs, moments: Sequence[int], early: int, memory: int
) -> None:
    """Run one batch and add it to every site's sums."""
    wanted = {site.name for site, _ in model.site_neurons() if site.activation == "relu"}
    activations = mean_activations(model.graph, inputs, model.timesteps)
    silent = {site.name: activation <= 0 for site, activation in activations if site.name in wanted}
    seen = _Firing(early)
    watch_neurons(model, inputs, model.timesteps, seen, memory)
    for name, first in seen.first.items():
        if name in silent:
            add_site(
                sums.setdefault(name, _SiteSin([0] * len(moments))),
                first,
                seen.spikes[name],
                silent[name],
                moments,
                early,
            )


def add_site(
    found: _SiteSin, first: Tensor, spikes: Tensor, silent: Tensor, moments: Sequence[int], early: int
) -> None:
    """Add one batch of one site."""
    wrong = silent & (first > 0)
    for number, moment in enumerate(moments):
        found.fired[number] += int((wrong & (first <= moment)).sum())
    senders = wrong & (first <= early)
    found.inactivated += int(silent.sum())
    found.senders += int(senders.sum())
    found.spikes += float(spikes[senders].sum())


def charts(sums: Mapping[str, _SiteSin], moments: Sequence[int]) -> Iterable[Chart]:
    """Yield SIN by layer at some moments, and over time in the last layer and in the worst."""
    numbers = tuple(float(number) for number in range(1, len(sums) + 1))
    shown = range(max(0, len(moments) - MOST_CURVES), len(moments))
    yield Chart(
        caption="Inactivated neurons that have fired (SIN), as a share of all inactivated ones, layer by layer",
        x="layer",
        y="share with SIN",
        curves=tuple(
            Curve(f"t = {moments[at]}", numbers, tuple(found.share(at) for found in sums.values())) for at in shown
        ),
        kind="bars",
    )
    last = list(sums)[-1]
    worst = max(sums, key=lambda name: sums[name].share(-1))
    steps = tuple(float(moment) for moment in moments)
    yield Chart(
        caption="The same over time, in the last layer and in the one with most",
        x="timesteps",
        y="share with SIN",
        curves=tuple(
            Curve(name, steps, tuple(sums[name].share(at) for at in range(len(moments))))
            for name in dict.fromkeys((last, worst))
        ),
        doublings=True,
    )
