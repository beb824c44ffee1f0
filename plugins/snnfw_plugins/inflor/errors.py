"""Measure the quantisation error of membrane potentials, as they are and rectified."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from snnfw import Bundle, Chart, Curve, Measurement, Resources
from snnfw.simulate import evaluation_inputs, watch_neurons
from snnfw_plugins.inflor.node import RectifiedNeuron
from snnfw_plugins.inflor.rectifier import rectify

if TYPE_CHECKING:
    from snnfw import Site, SpikingModel, SpikingNeuron

LOW, HIGH, BINS = -1.0, 2.0, 60
"""The range of the histograms of potentials, in spikes, and how many bins they have."""


@dataclass(slots=True)
class _SiteError:
    """Sums over timesteps, neurons and samples of one site: squared errors, and histograms of u and φ(u)."""

    original: float = 0.0
    rectified: float = 0.0
    count: int = 0
    histograms: list[Tensor] = field(default_factory=lambda: [torch.zeros(BINS), torch.zeros(BINS)])

    def add(self, potential: Tensor) -> None:
        """Add relative potentials u = H/θ before firing."""
        spike = (potential >= 0.5).to(potential.dtype)
        shown = rectify(potential)
        self.original += float((potential - spike).double().square().sum())
        self.rectified += float((shown - spike).double().square().sum())
        self.count += potential.numel()
        for histogram, values in zip(self.histograms, (potential, shown), strict=True):
            histogram += torch.histc(values.float().cpu(), BINS, LOW, HIGH)


def potentials(neuron: RectifiedNeuron, currents: Tensor, before: Tensor, output: Tensor) -> Tensor:
    """Return H(t) for a chunk of timesteps, [T, *shape], from the potential before it and what was fired."""
    found, potential = [], before
    for current, spikes in zip(currents, output, strict=True):
        charged = neuron.leak * potential + current + neuron.offset
        found.append(charged)
        fired = spikes / neuron.threshold
        potential = charged * (1 - fired) if neuron.reset_by == "hard" else charged - spikes
    return torch.stack(found)


def measure_errors(model: SpikingModel, bundle: Bundle, resources: Resources) -> Measurement:
    """Return the mean of (u - o)² with o = 1[u >= 1/2], for u = H/θ and for φ(u), of every site, on evaluation samples.

    Guo et al. (2022), InfLoR, sections 3.2 and 4.3: Table 3 is that of the first neuron of the second block, Fig. 5
    the distribution of u and φ(u) there.
    """
    found: dict[str, _SiteError] = {}

    def visit(site: Site, neuron: SpikingNeuron, currents: Tensor) -> Tensor:
        before = None if neuron.emitted is None else neuron.potential
        output: Tensor = neuron(currents)
        if isinstance(neuron, RectifiedNeuron):
            started = neuron.begin(currents[0] + neuron.offset)[0] if before is None else before
            charged = potentials(neuron, currents, started, output)
            found.setdefault(site.name, _SiteError()).add(charged / neuron.threshold)
        return output

    for inputs in evaluation_inputs(bundle, resources):
        watch_neurons(model, inputs, model.timesteps, visit, resources.memory)
    if not found:
        return Measurement()
    numbers = {f"quantisation error/{name}": site.original / site.count for name, site in found.items()}
    numbers |= {f"rectified quantisation error/{name}": site.rectified / site.count for name, site in found.items()}
    return Measurement(numbers, tuple(charts(found)))


def charts(found: Mapping[str, _SiteError]) -> Iterable[Chart]:
    """Yield the errors layer by layer, and the distribution of potentials in the middle layer."""
    places = tuple(float(number) for number in range(1, len(found) + 1))
    yield Chart(
        caption="Quantisation error of the membrane potential, as it is and rectified, layer by layer",
        x="layer",
        y="mean of (u - o)²",
        curves=(
            Curve("u", places, tuple(site.original / site.count for site in found.values())),
            Curve("φ(u)", places, tuple(site.rectified / site.count for site in found.values())),
        ),
        kind="bars",
    )
    name = list(found)[len(found) // 2]
    centres = torch.linspace(LOW, HIGH, 2 * BINS + 1)[1::2].tolist()
    curves = [
        Curve(label, tuple(centres), tuple((histogram / found[name].count).tolist()))
        for label, histogram in zip(("u", "φ(u)"), found[name].histograms, strict=True)
    ]
    yield Chart(
        caption=f"Membrane potentials before firing in the layer '{name}', in spikes, as they are and rectified",
        x="potential",
        y="share",
        curves=tuple(curves),
    )
