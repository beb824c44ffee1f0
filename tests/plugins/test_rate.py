from __future__ import annotations

import torch

import snnfw
from networks import ConvNet, captured, noise
from snnfw.capture.graph import Graph
from snnfw.config import resolve
from snnfw.conversion.activations import activations
from snnfw.planning.placement import place
from snnfw.spiking.model import SpikingModel
from snnfw.values import Resources
from snnfw_plugins import rate
from snnfw_plugins.integrate_and_fire.node import SoftResetNeuron


def converted(graph: Graph, *words: str) -> SpikingModel:
    registry = snnfw.Registry(plugins=[] if "rate" in snnfw.Registry().presets else [rate])
    config = resolve(["task=classification", "plugin=rate", *words], registry)
    calibration = [(noise(6, 3, 8, 8, seed=1),), (noise(6, 3, 8, 8, seed=2),)]
    return config.converter.convert(graph, place(graph, config.layers), calibration, config.timesteps, Resources())


def test_thresholds_are_the_largest_activations_and_nothing_is_corrected() -> None:
    graph = captured(ConvNet, noise(4, 3, 8, 8))
    model = converted(graph)
    both = torch.cat([noise(6, 3, 8, 8, seed=1), noise(6, 3, 8, 8, seed=2)])
    seen = {site.name: value for site, value in activations(graph, (both,))}
    for site, neuron in model.site_neurons():
        activation = seen[site.name]
        assert isinstance(neuron, SoftResetNeuron)
        torch.testing.assert_close(neuron.threshold.flatten(), activation.amax().reshape(1), rtol=1e-12, atol=0)
        assert float(neuron.initial.abs().max()) == float(neuron.offset.abs().max()) == neuron.shift == 0


def test_a_percentile_lowers_every_threshold() -> None:
    graph = captured(ConvNet, noise(4, 3, 8, 8))
    highest, lower = (
        [float(neuron.threshold.max()) for _, neuron in converted(graph, *words).site_neurons()]
        for words in ([], ["neuron.percentile=99"])
    )
    assert all(low < high for low, high in zip(lower, highest, strict=True))


def test_the_output_approaches_the_networks() -> None:
    graph = captured(ConvNet, noise(4, 3, 8, 8))
    inputs = noise(6, 3, 8, 8, seed=1)
    wanted = graph(inputs)
    errors = []
    for timesteps in (16, 64, 256):
        output = converted(graph, f"timesteps={timesteps}")(inputs)
        errors.append(float((output - wanted).norm() / (wanted - wanted.mean(0)).norm()))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.1
