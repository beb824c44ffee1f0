"""Calibrate weights layer by layer, as changes that lie beside the spiking network while its own weights stay."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, fx

from snnfw import Inputs, Quantiser, Site, SnnfwError
from snnfw.capture import Graph, evaluate, get_attribute
from snnfw.neurons import select
from snnfw.spiking import first_frames, frames_in, mean_frame, mean_over_frames, single_frames
from snnfw_plugins.calibration.layers import Layer, find_layers
from snnfw_plugins.calibration.walk import Walk

if TYPE_CHECKING:
    from snnfw import SpikingModel, SpikingNeuron

BATCH = 32
"""Samples in one step of the optimiser."""

BEYOND = 2.0**20
"""An activation of so many thresholds is beyond every burst."""

Close = Callable[[Tensor], Tensor]
"""From a layer's mean current to its mean output, with a gradient."""


@dataclass(frozen=True, slots=True)
class Descent:
    """How Adam goes down: its steps for each layer, the rate of the first, and the seed of its batches."""

    iterations: int
    rate: float
    seed: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One layer's least squares: the mean of (close(x + Σ op(a; ΔW, Δb)) - o)².

    ``inputs`` are the operators' mean inputs a, ``current`` is the mean current x that unchanged weights give, and
    ``wanted`` the network's own value o.
    """

    graph: Graph
    layer: Layer
    samples: int
    inputs: Mapping[fx.Node, Tensor]
    current: Tensor
    wanted: Tensor
    close: Close

    def loss(self, changes: Mapping[fx.Node, Tensor], samples: Tensor | None = None) -> Tensor:
        """Return the mean squared error over some samples ([K], long; default: all)."""
        wanted = self._chosen(self.wanted, self.layer.total, samples)
        return (self.close(self.current_after(changes, samples)) - wanted).square().mean()

    def current_after(self, changes: Mapping[fx.Node, Tensor], samples: Tensor | None = None) -> Tensor:
        """Return the mean current after changes: an operator is linear in its weight and bias together."""
        total = self._chosen(self.current, self.layer.total, samples)
        for operator in self.layer.operators:
            source = operator.all_input_nodes[0]
            given = {**changes, source: self._chosen(self.inputs[source], source, samples)}
            total = total + evaluate(self.graph.module, operator, given.__getitem__)
        return total

    def _chosen(self, value: Tensor, node: fx.Node, samples: Tensor | None) -> Tensor:
        return value if samples is None else select(value, self.graph.where[node.name], samples)


def fit_changes(problem: Problem, descent: Descent) -> dict[fx.Node, Tensor]:
    """Return the changes of a layer's weights that Adam finds, its rate falling as a cosine; none if none helps."""
    module = problem.graph.module
    generator = torch.Generator().manual_seed(descent.seed)
    with torch.enable_grad():
        changes = {
            node: torch.zeros_like(get_attribute(module, str(node.target))).requires_grad_()
            for node in problem.layer.weights
        }
        optimiser = torch.optim.Adam(list(changes.values()), lr=descent.rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, descent.iterations)
        for _ in range(descent.iterations):
            chosen = torch.randperm(problem.samples, generator=generator)[:BATCH].to(problem.current.device)
            optimiser.zero_grad()
            problem.loss(changes, chosen).backward()
            optimiser.step()
            schedule.step()
    found = {node: change.detach() for node, change in changes.items()}
    unchanged = {node: torch.zeros_like(change) for node, change in found.items()}
    return found if problem.loss(found) < problem.loss(unchanged) else unchanged


def straight_through(method: Quantiser, neuron: SpikingNeuron, site: Site, timesteps: int) -> Close:
    """Return the neuron's closed form of its mean current; its gradient is that of the activation, clipped."""
    threshold = neuron.threshold
    low, high = (method.quantise(sign * BEYOND * threshold, threshold, timesteps) for sign in (-1.0, 1.0))

    def close(current: Tensor) -> Tensor:
        activation = site.function(current + neuron.offset).clamp(low, high)
        return activation + (method.quantise(activation.detach(), threshold, timesteps) - activation).detach()

    return close


class Sweep:
    """One run of the spiking network in which each layer is fitted before its first timestep is computed.

    A layer's mean inputs are known once the neurons before it have fired for all timesteps, see ``Walk``.
    """

    def __init__(self, model: SpikingModel, inputs: Inputs, descent: Descent) -> None:
        self.model, self.descent = model, descent
        self.layers = deque(find_layers(model))
        for node in (weight for layer in self.layers for weight in layer.weights):
            model.deltas[node.name] = torch.zeros_like(get_attribute(model.network, str(node.target)))
        self.neurons = {site.node: neuron for site, neuron in model.site_neurons()}
        seen = first_frames(model.graph, inputs, model.timesteps)
        self.frames = frames_in(model.graph, seen)
        self.own = Walk(model.graph, single_frames(model.graph, seen))
        self.mean = Walk(model.graph, mean_frame(model.graph, seen), model.deltas, self.neurons)
        self.places = {node.name: index for index, node in enumerate(model.graph.nodes)}
        self.ends = deque(sorted(self.places[name] for name in self.neurons))

    def visit(self, site: Site, neuron: SpikingNeuron, drive: Tensor) -> Tensor:
        """Run a neuron, then fit the layers up to the next one."""
        output: Tensor = neuron(drive)
        self.mean.values[self.model.graph.nodes[self.places[site.node]]] = output.mean(0)
        for node, change in self.fit_to_next_neuron().items():
            self.model.constant(node).add_(change)
        return output

    def fit_to_next_neuron(self) -> dict[fx.Node, Tensor]:
        """Fit every layer that comes before the next neuron; return all changes."""
        end = self.ends.popleft() if self.ends else len(self.places)
        changes: dict[fx.Node, Tensor] = {}
        while self.layers and self.places[self.layers[0].total.name] < end:
            layer = self.layers.popleft()
            problem = self._problem(layer)
            found = fit_changes(problem, self.descent)
            self.mean.values[layer.total] = problem.current_after(found)
            self.model.deltas.update({node.name: change for node, change in found.items()})
            changes.update(found)
            for walk in (self.own, self.mean):
                walk.forget_before(layer.total)
        return changes

    def _problem(self, layer: Layer) -> Problem:
        graph, site = self.model.graph, layer.site
        wanted = layer.total if site is None else graph.nodes[self.places[site.node]]
        current, sources = self.mean.value(layer.total), (node.all_input_nodes[0] for node in layer.operators)
        inputs = {source: self.mean.value(source) for source in sources}
        own = mean_over_frames(self.own.value(wanted), graph.where[wanted.name], self.frames)
        return Problem(graph, layer, self.mean.samples, inputs, current, own, self._close(site))

    def _close(self, site: Site | None) -> Close:
        if site is None:
            return lambda current: current
        placement = self.model.plan.fates[site.node].placement
        if placement is None or not isinstance(placement.neuron, Quantiser):
            raise SnnfwError(
                f"weights=true needs neurons with a closed form (quantise), and the one at '{site.name}' has none. "
                "Say converter.weights=false, or place another neuron there."
            )
        return straight_through(placement.neuron, self.neurons[site.node], site, self.model.timesteps)


@torch.no_grad()
def calibrate_weights(model: SpikingModel, inputs: Inputs, descent: Descent) -> None:
    """Put into ``model.deltas`` what brings each layer's mean output closer to the network's own, layer by layer."""
    sweep = Sweep(model, inputs, descent)
    sweep.fit_to_next_neuron()
    model.begin(inputs)
    model.advance(model.timesteps, sweep.visit)
    for name in [name for name, change in model.deltas.items() if not bool(change.any())]:
        del model.deltas[name]
