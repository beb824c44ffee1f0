from __future__ import annotations

import pytest
import torch
from torch import Tensor

from networks import ConvNet, captured, noise
from snnfw.capture.graph import Graph
from snnfw.conversion.activations import activations
from snnfw.errors import SnnfwError
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.planning.placement import place
from snnfw.planning.rules import Quantiser, Rule
from snnfw.spiking.model import SpikingModel
from snnfw.values import Resources, Site
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.calibration import Calibration
from snnfw_plugins.calibration.thresholds import (
    CANDIDATES,
    LeastSquaresThreshold,
    PercentileThreshold,
    ThresholdSearch,
    threshold_observer,
)
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.tracking import Tracking

SITE = Site("s", "s", "relu", torch.relu, (None, 3, 4), channel=1)
T = 8


def brute_force(neuron: Quantiser, rows: Tensor, timesteps: int) -> list[float]:
    """Return the best threshold of each row, one candidate and one row at a time."""
    best = []
    for row in rows:
        scored = []
        for index in range(CANDIDATES):
            theta = float(row.abs().max()) * (1 - 0.01 * index)
            error = float(((neuron.quantise(row, torch.tensor(theta).to(row), timesteps) - row) ** 2).sum())
            scored.append((error, -theta))
        best.append(-min(scored)[1])
    return best


@pytest.mark.parametrize("neuron", [IntegrateAndFire(), AdaFire(), AdaFire(phi=2), Tracking()])
@pytest.mark.parametrize("channel_wise", [False, True])
def test_least_squares_equals_brute_force(neuron: Quantiser, channel_wise: bool) -> None:
    activation = noise(6, 3, 4, seed=3).relu()
    observer = LeastSquaresThreshold(neuron, SITE, T, channel_wise, momentum=0.9)
    observer.update(activation)
    rows = activation.movedim(1, 0).flatten(1) if channel_wise else activation.reshape(1, -1)
    assert observer.stats().threshold.flatten().tolist() == pytest.approx(brute_force(neuron, rows, T), rel=1e-12)


def test_equally_good_thresholds_are_decided_for_the_largest() -> None:
    observer = LeastSquaresThreshold(IntegrateAndFire(), SITE, 1, False, None)
    observer.update(torch.zeros(2, 3, 4).double().index_fill_(1, torch.tensor([0]), 0.0))
    assert observer.stats().threshold.item() == 1.0  # nothing is active: a neuron that never fires


@pytest.mark.parametrize(("momentum", "wanted"), [(0.9, 0.9 * 2.0 + 0.1 * 4.0), (None, 4.0), (0.0, 4.0)])
def test_batches_are_merged_by_a_running_mean_or_their_maximum(momentum: float | None, wanted: float) -> None:
    observer = PercentileThreshold(SITE, 100.0, False, momentum)
    for peak in (2.0, 4.0):
        observer.update(torch.full((1, 3, 4), peak).double())
    assert observer.stats().threshold.item() == pytest.approx(wanted)


def test_a_neuron_without_a_closed_form_finds_its_own_threshold() -> None:
    class Opaque:
        name, activations = "opaque", ()

        def observer(self, site: Site) -> str:
            return f"own observer at {site.name}"

        def build(self, *_: object) -> None: ...

    assert threshold_observer(ThresholdSearch("mse", 99.9, False, 0.9), Opaque(), SITE, T) == "own observer at s"  # type: ignore[arg-type, comparison-overlap]  # a toy


@pytest.fixture(scope="module")
def convnet() -> tuple[Graph, Tensor]:
    x = noise(24, 3, 8, 8)
    return captured(ConvNet, x), x


def calibrated(case: tuple[Graph, Tensor], options: Calibration) -> SpikingModel:
    graph, x = case
    return options.convert(graph, place(graph, (Rule("*", AdaFire(phi=2)),)), [(x,)], T, Resources())


def mean_errors(case: tuple[Graph, Tensor], model: SpikingModel, per_neuron: bool) -> list[float]:
    """Return each layer's mean absolute error of the mean output, averaged over the batch per channel or per neuron."""
    graph, x = case
    wanted = {site.name: activation for site, activation in activations(graph, (x,))}
    errors = []

    def visit(site: Site, neuron: SpikingNeuron, drive: Tensor) -> Tensor:
        output: Tensor = neuron(drive)
        over = (0,) if per_neuron else (0, 2, 3)
        errors.append(float((wanted[site.name] - output.mean(0)).mean(over).abs().mean()))
        return output

    model.begin((x,))
    model.advance(T, visit)
    return errors


def test_bias_correction_reduces_each_layers_mean_error_per_channel(convnet: tuple[Graph, Tensor]) -> None:
    before = mean_errors(convnet, calibrated(convnet, Calibration(bias=False)), per_neuron=False)
    after = mean_errors(convnet, calibrated(convnet, Calibration(bias=True)), per_neuron=False)
    assert all(corrected < 0.5 * uncorrected for corrected, uncorrected in zip(after, before, strict=True))


def test_potential_correction_reduces_each_layers_mean_error_per_neuron(
    convnet: tuple[Graph, Tensor],
) -> None:
    before = mean_errors(convnet, calibrated(convnet, Calibration(bias=False)), per_neuron=True)
    after = mean_errors(convnet, calibrated(convnet, Calibration(bias=False, potential=True)), per_neuron=True)
    assert all(corrected < 0.8 * uncorrected for corrected, uncorrected in zip(after, before, strict=True))


def test_one_pass_equals_correcting_one_layer_after_the_other(convnet: tuple[Graph, Tensor]) -> None:
    """The reference: for each layer in order, run the whole network, then correct that layer alone."""
    graph, x = convnet
    one_pass = calibrated(convnet, Calibration())
    layer_by_layer = calibrated(convnet, Calibration(bias=False))
    wanted = {site.name: activation for site, activation in activations(graph, (x,))}
    for site, neuron in layer_by_layer.site_neurons():
        means: dict[str, Tensor] = {}

        def visit(at: Site, node: SpikingNeuron, drive: Tensor, means: dict[str, Tensor] = means) -> Tensor:
            output: Tensor = node(drive)
            means[at.name] = output.mean(0)
            return output

        layer_by_layer.begin((x,))
        layer_by_layer.advance(T, visit)
        neuron.offset = (wanted[site.name] - means[site.name]).mean((0, 2, 3), keepdim=True)
    for (_, ours), (_, theirs) in zip(one_pass.site_neurons(), layer_by_layer.site_neurons(), strict=True):
        torch.testing.assert_close(ours.offset, theirs.offset, rtol=1e-12, atol=1e-12)


def test_calibration_changes_no_weight(convnet: tuple[Graph, Tensor]) -> None:
    graph, _ = convnet
    before = [value.clone() for value in graph.module.state_dict().values()]
    calibrated(convnet, Calibration(potential=True))
    assert all(torch.equal(a, b) for a, b in zip(before, graph.module.state_dict().values(), strict=True))


def test_samples_that_memory_does_not_hold_are_left_out_aloud(
    convnet: tuple[Graph, Tensor], caplog: pytest.LogCaptureFixture
) -> None:
    graph, x = convnet
    plan = place(graph, (Rule("*", AdaFire()),))
    Calibration(samples=24).convert(graph, plan, [(x,)], T, Resources())
    assert not caplog.messages
    Calibration(samples=24).convert(graph, plan, [(x,)], T, Resources(memory=1))
    assert caplog.messages == [
        "snnfw: the correction uses 2 samples instead of 24, which memory=1 bytes does not hold: give more memory, or say "
        "converter.samples=2."
    ]


def test_nan_in_calibration_data_is_refused(convnet: tuple[Graph, Tensor]) -> None:
    graph, x = convnet
    bad = x.clone()
    bad[3, 1, 2, 2] = float("nan")
    with pytest.raises(SnnfwError) as caught:
        calibrated((graph, bad), Calibration())
    assert str(caught.value) == "calibration batch 0 holds NaN or infinite values: clean the data."


def test_missing_calibration_data_is_refused(convnet: tuple[Graph, Tensor]) -> None:
    graph, _ = convnet
    with pytest.raises(SnnfwError, match="^there is no calibration data: give at least one batch.$"):
        Calibration().convert(graph, place(graph, (Rule("*", AdaFire()),)), [], T, Resources())
