"""What methods measure of a run, held against loops over timesteps, samples and neurons of a tiny network."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn

from networks import captured, noise
from snnfw.conversion.direct import Direct
from snnfw.errors import SnnfwError
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.report.figures import chart_figure
from snnfw.simulate.measuring import measure_methods
from snnfw.values import Batch, Measurement, Resources
from snnfw_plugins.ibra import IntegerBinaryRangeAlignment, IntegerLeakyIntegrateAndFire
from snnfw_plugins.inflor import SoftResetIntegrateAndFire
from snnfw_plugins.inflor.rectifier import rectify
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.msat import MSAT, SpikeConfidence

if TYPE_CHECKING:
    from snnfw.planning.rules import Neuron
    from snnfw.spiking.model import SpikingModel

TIMESTEPS = 20
SITES = ("1", "3")


class Tiny(nn.Sequential):
    """Two hidden layers of twelve and nine neurons."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(3, 12), nn.ReLU(), nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, 2))


INPUTS = noise(12, 3, seed=4)
PARTS = (INPUTS[:7], INPUTS[7:])


def bundle() -> Any:
    """Return what a method may see of a bundle: two evaluation batches."""
    batches = [Batch((part,), torch.zeros(len(part), dtype=torch.long)) for part in PARTS]
    return SimpleNamespace(data=SimpleNamespace(evaluation=batches))


def converted(neuron: Neuron, timesteps: int = TIMESTEPS) -> SpikingModel:
    graph = captured(Tiny, INPUTS)
    plan = place(graph, (Rule("*", neuron),))
    return Direct().convert(graph, plan, [(noise(8, 3, seed=9),)], timesteps, Resources())


def run_by_hand(model: SpikingModel, sample: Tensor, timesteps: int) -> dict[str, list[tuple[Tensor, Tensor]]]:
    """Return each layer's currents and outputs at every timestep for one sample, step after step."""
    weights = dict(model.network.named_parameters())
    layers = [(weights[f"{name}.weight"], weights[f"{name}.bias"]) for name in ("0", "2")]
    neurons = {site.name: neuron for site, neuron in model.site_neurons()}
    states: dict[str, Any] = {}
    found: dict[str, list[tuple[Tensor, Tensor]]] = {name: [] for name in SITES}
    for _ in range(timesteps):
        values = sample[None]
        for name, (weight, bias) in zip(SITES, layers, strict=True):
            currents, neuron = values @ weight.T + bias, neurons[name]
            if name not in states:
                states[name] = neuron.begin(currents)
            values, states[name] = neuron.step(currents, states[name])
            found[name].append((currents[0], values[0]))
    return found


def activations_by_hand(model: SpikingModel, sample: Tensor) -> dict[str, Tensor]:
    weights = dict(model.network.named_parameters())
    first = torch.relu(sample @ weights["0.weight"].T + weights["0.bias"])
    return {"1": first, "3": torch.relu(first @ weights["2.weight"].T + weights["2.bias"])}


@torch.no_grad()
@pytest.mark.parametrize("neuron", [IntegrateAndFire(rho=0.3), MSAT()], ids=["if", "msat"])
@pytest.mark.parametrize("memory", [2**30, 1])
def test_sin_over_time_is_what_loops_count(neuron: Neuron, memory: int) -> None:
    model = converted(neuron)
    resources = Resources(memory=memory)
    found = SpikeConfidence(early=16).measure(model, bundle(), resources)
    for name in SITES:
        silent = fired = senders = spikes = 0
        by_step = dict.fromkeys((1, 2, 4, 8, 16, TIMESTEPS), 0)
        for sample in INPUTS:
            outputs = [output for _, output in run_by_hand(model, sample, TIMESTEPS)[name]]
            wanted = activations_by_hand(model, sample)[name]
            for at in range(len(wanted)):
                if wanted[at] > 0:
                    continue
                silent += 1
                when = [t for t, output in enumerate(outputs, 1) if output[at] > 0]
                fired += bool(when)
                for step in by_step:
                    by_step[step] += bool(when) and when[0] <= step
                early = [t for t in when if t <= 16]
                senders += bool(early)
                spikes += len(early)
        assert silent > 0
        assert found.numbers[f"SIN/{name}"] == fired / silent
        assert found.numbers[f"ANS/{name}"] == pytest.approx(spikes / senders if senders else 0.0)
        over_time = {curve.label: curve for curve in found.charts[1].curves}
        if name in over_time:
            assert over_time[name].xs == tuple(by_step)
            assert over_time[name].ys == tuple(count / silent for count in by_step.values())
    assert found.numbers["SIN"] == found.numbers["SIN/3"]
    assert any(found.numbers[f"SIN/{name}"] > 0 for name in SITES)
    assert [curve.label for curve in found.charts[0].curves] == ["t = 2", "t = 4", "t = 8", "t = 16", "t = 20"]


@torch.no_grad()
@pytest.mark.parametrize(
    ("neuron", "steps"),
    [(IntegerBinaryRangeAlignment(n=10, d=1.5), 10), (IntegerLeakyIntegrateAndFire(d=15), 1)],
    ids=["ibra", "ilif"],
)
def test_the_integers_are_what_loops_count(neuron: Any, steps: int) -> None:
    model = converted(neuron, 3)
    found = neuron.measure(model, bundle(), Resources())
    largest = 0
    for name in SITES:
        sent: list[int] = []
        for sample in INPUTS:
            for _, output in run_by_hand(model, sample, 3)[name]:
                sent += [round(float(value) * steps) for value in output]
        largest = max(largest, *sent)
        assert found.numbers[f"largest integer/{name}"] == max(sent)
        assert found.numbers[f"share of the range/{name}"] == len(set(sent)) / 16
        (bars,) = (curve for curve in found.charts[0].curves if curve.label == name)
        active = [value for value in sent if value]
        assert bars.ys == pytest.approx(
            [active.count(value) / len(active) * bool(value) for value in range(max(sent) + 1)]
        )
    assert found.numbers["largest integer"] == largest > 0


@torch.no_grad()
@pytest.mark.parametrize("reset", ["soft", "hard"])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_the_quantisation_error_is_what_loops_sum_up(reset: Any, scale: float) -> None:
    neuron = SoftResetIntegrateAndFire(reset=reset, leak=0.75, scale=scale)
    model = converted(neuron, 6)
    found = neuron.measure(model, bundle(), Resources())
    for name in SITES:
        errors, rectified = [], []
        for sample in INPUTS:
            potential = None
            for currents, output in run_by_hand(model, sample, 6)[name]:
                potential = torch.zeros_like(currents) if potential is None else potential
                charged = 0.75 * potential + currents
                for value in (charged / scale).tolist():
                    spike = 1.0 if value >= 0.5 else 0.0
                    errors.append((value - spike) ** 2)
                    rectified.append((float(rectify(torch.tensor(value, dtype=torch.float64))) - spike) ** 2)
                potential = charged - output if reset == "soft" else charged * (output == 0)
        assert found.numbers[f"quantisation error/{name}"] == pytest.approx(sum(errors) / len(errors))
        assert found.numbers[f"rectified quantisation error/{name}"] == pytest.approx(sum(rectified) / len(rectified))
        assert sum(rectified) < sum(errors)
    assert [curve.label for curve in found.charts[0].curves] == ["u", "φ(u)"]
    inside = [sum(curve.ys) for curve in found.charts[1].curves]
    assert all(0 < share <= 1.0 + 1e-5 for share in inside)


def test_the_rectifier_makes_two_peaks_of_a_gaussian() -> None:
    """Draw InfLoR's Figure 4: 100,000 values around the threshold, before and after."""
    values = 0.5 + noise(100_000, seed=4)
    shown = rectify(values)
    spike = (values >= 0.5).to(values.dtype)
    assert ((shown - spike) ** 2).mean() < 0.5 * ((values - spike) ** 2).mean()
    counts = torch.histc(shown, 30, -1.0, 2.0)
    middle = counts[13:17].mean()
    assert counts[8:12].max() > 2 * middle
    assert counts[18:22].max() > 2 * middle
    assert torch.histc(values, 30, -1.0, 2.0).argmax() in range(12, 18)


def test_every_kind_of_method_is_asked_once_and_must_measure() -> None:
    model = converted(IntegrateAndFire(), 2)

    class Counted:
        name = "counted"

        def measure(self, *_: object) -> Measurement:
            return Measurement({"asked": 1.0})

    class Wrong(Counted):
        name = "wrong"

        def measure(self, *_: object) -> Any:
            return 3

    assert measure_methods([None, IntegrateAndFire(), Counted()], model, bundle(), Resources()).numbers == {"asked": 1}
    with pytest.raises(SnnfwError) as caught:
        measure_methods([Counted(), Wrong()], model, bundle(), Resources())
    assert str(caught.value) == "what 'wrong' measures is an int: give a snnfw.Measurement."


@pytest.mark.parametrize("neuron", [SoftResetIntegrateAndFire(), IntegerLeakyIntegrateAndFire()], ids=["srif", "ilif"])
def test_every_chart_can_be_drawn(neuron: Any) -> None:
    model = converted(neuron, 2)
    found = (neuron.measure(model, bundle(), Resources()), SpikeConfidence().measure(model, bundle(), Resources()))
    for measurement in found:
        for chart in measurement.charts:
            (axes,) = chart_figure(chart).axes
            assert axes.get_xlabel() == chart.x
            legend = axes.get_legend()
            assert legend is not None
            assert len(legend.get_texts()) == len(chart.curves)
