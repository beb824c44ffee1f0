from __future__ import annotations

import torch

import snnfw
from networks import ConvNet, captured, noise
from snnfw.capture.graph import Graph
from snnfw.config import resolve
from snnfw.conversion.activations import activations
from snnfw.neurons.observers import magnitude_percentile
from snnfw.planning.placement import place
from snnfw.spiking.model import SpikingModel
from snnfw.values import Resources
from snnfw_plugins import burst
from snnfw_plugins.integrate_and_fire.node import BurstNeuron


def converted(graph: Graph, *words: str) -> SpikingModel:
    registry = snnfw.Registry(plugins=[] if "burst" in snnfw.Registry().presets else [burst])
    config = resolve(["task=classification", "plugin=burst", *words], registry)
    calibration = [(noise(6, 3, 8, 8, seed=1),)]
    return config.converter.convert(graph, place(graph, config.layers), calibration, config.timesteps, Resources())


def test_one_spike_is_worth_the_percentile_and_five_of_them_fit_in_a_timestep() -> None:
    graph = captured(ConvNet, noise(4, 3, 8, 8))
    seen = {site.name: value for site, value in activations(graph, (noise(6, 3, 8, 8, seed=1),))}
    for site, neuron in converted(graph).site_neurons():
        activation = seen[site.name]
        assert isinstance(neuron, BurstNeuron)
        wanted = magnitude_percentile(activation.reshape(1, -1), 99.9)
        torch.testing.assert_close(neuron.threshold.flatten(), wanted, rtol=1e-12, atol=0)
        assert (neuron.burst, neuron.shift) == (5, 0)
        assert float(neuron.offset.abs().max()) == 0


def test_a_drive_of_many_thresholds_leaves_five_a_timestep() -> None:
    graph = captured(ConvNet, noise(4, 3, 8, 8))
    neuron = next(neuron for _, neuron in converted(graph).site_neurons())
    output = neuron(7 * neuron.threshold.expand(3, 6, 8, 8, 8))
    assert torch.equal(neuron.events(output), torch.full_like(output, 5))


def test_bursts_are_closer_to_the_network_than_single_spikes_after_a_few_timesteps() -> None:
    graph = captured(ConvNet, noise(4, 3, 8, 8))
    inputs = noise(6, 3, 8, 8, seed=1)
    wanted = graph(inputs)
    bursts, single = (
        float((converted(graph, "timesteps=16", *words)(inputs) - wanted).norm()) for words in ([], ["neuron.phi=1"])
    )
    assert bursts < single
