"""Convert with each neuron's own idea of its threshold, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from snnfw.errors import SnnfwError, wrong_kind_error
from snnfw.values import Keep

if TYPE_CHECKING:
    from snnfw.capture.graph import Graph
    from snnfw.planning.placement import Plan
    from snnfw.spiking.model import SpikingModel
    from snnfw.values import Batches, Inputs, Resources, SiteStats


@dataclass(frozen=True, slots=True)
class Direct:
    """Show the network's activations to each neuron's own observer and build the neuron from what it found."""

    name: ClassVar[str] = "direct"

    def convert(
        self, graph: Graph, plan: Plan, calibration: Batches[Inputs], timesteps: int, resources: Resources
    ) -> SpikingModel:
        """Return the spiking model, uncorrected."""
        from snnfw.conversion.activations import observe

        observers = {
            placement.site.name: placement.neuron.observer(placement.site)
            for placement in plan.placements
            if not isinstance(placement.neuron, Keep)
        }
        return build_spiking_model(graph, plan, observe(graph, observers, calibration, resources), timesteps, resources)


def build_spiking_model(
    graph: Graph, plan: Plan, stats: Mapping[str, SiteStats], timesteps: int, resources: Resources
) -> SpikingModel:
    """Return the spiking model whose neurons are built from each site's statistics and run on the backend chosen."""
    from snnfw.kernels.choice import choose_backend
    from snnfw.neurons.spiking_neuron import SpikingNeuron
    from snnfw.spiking.model import SpikingModel

    neurons = {
        placement.site.name: placement.neuron.build(placement.site, stats[placement.site.name], timesteps)
        for placement in plan.placements
        if not isinstance(placement.neuron, Keep)
    }
    backend = choose_backend(resources.backend, resources.device)
    for site, neuron in neurons.items():
        if not isinstance(neuron, SpikingNeuron):
            raise wrong_kind_error(f"what the neuron at '{site}' builds", neuron, "a snnfw.SpikingNeuron")
        if neuron.coding != plan.coding:
            raise SnnfwError(
                f"the neuron at '{site}' is {plan.coding} coded and builds a module that is {neuron.coding} coded: "
                "derive it from snnfw.neurons.DeltaNeuron for delta coding, from snnfw.SpikingNeuron for rate coding."
            )
        neuron.backend, neuron.insists = backend.name, not backend.automatic
    model = SpikingModel(graph, plan, neurons, timesteps)
    model.stats = {site: stats[site] for site in neurons}  # a file builds the neurons from them again
    return model
