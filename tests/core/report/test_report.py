from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from networks import ConvNet, captured, converted, noise
from snnfw.contracts import Batch, Keep, Resources, Rule
from snnfw.convert.direct import Direct
from snnfw.plan.place import place
from snnfw.report.folder import as_json
from snnfw.report.report import Report, describe, make_report
from snnfw.report.tables import show_plan, show_report
from snnfw.report.units import joules, scaled, si
from snnfw.simulate.energy_model import EnergyModel
from snnfw.simulate.run import simulate
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.tracking import Tracking


class Count:
    def __init__(self) -> None:
        self.seen = 0

    def update(self, output: object, target: object) -> None:
        self.seen += 1

    def compute(self) -> dict[str, float]:
        return {"batches": float(self.seen)}


@pytest.fixture(scope="module")
def report() -> Report:
    x = noise(4, 3, 8, 8)
    graph = captured(ConvNet, x)
    plan = place(graph, (Rule("relu", AdaFire(phi=2)), Rule("*", Tracking())))
    model = Direct().convert(graph, plan, [(x,)], 4, Resources())
    trace = simulate(model, [Batch((x,), None)], [1, 4], Count, Resources())
    return make_report(graph, plan, trace, ({"batches": 1.0}, 0.5), EnergyModel(), "batches", {"task": "toy"})


def test_a_report_is_plain_data_that_survives_json(report: Report) -> None:
    read = json.loads(as_json(report.plain()))
    assert read["schema"] == 1
    assert [point["timestep"] for point in read["checkpoints"]] == [1, 4]
    assert read["checkpoints"][1]["scores"] == {"batches": 1.0}


def test_layers_say_which_method_they_use_and_which_rule_chose_it(report: Report) -> None:
    assert [(layer.site, layer.method, layer.rule) for layer in report.layers] == [
        ("relu", "adafire(phi=2)", "relu"),
        ("relu#2", "tracking", "*"),
    ]


def test_rates_are_events_per_neuron_and_timestep(report: Report) -> None:
    for layer in report.layers:
        assert layer.neurons == 8 * 8 * 8
        assert layer.rate == pytest.approx(layer.spikes / layer.neurons / 4)
    assert report.checkpoints[-1].energy.spikes == pytest.approx(sum(layer.spikes for layer in report.layers))


def test_the_event_rate_is_in_the_unit_of_the_break_even_rate(report: Report) -> None:
    """At the break-even rate, events cost what a quantised network pays: e_AC · rate · MACs · T = e_MAC · b / 32 · MACs."""
    macs = sum(operator.macs for operator in report.operators if operator.events)
    added = report.checkpoints[-1].energy.accumulations
    assert report.event_rate * macs * 4 == pytest.approx(added)


def test_operators_energy_adds_up_to_the_total(report: Report) -> None:
    total = report.checkpoints[-1].energy.total
    assert sum(operator.energy for operator in report.operators) == pytest.approx(total)
    assert report.checkpoints[-1].energy_ratio == pytest.approx(total / report.network.energy)


def test_a_method_is_described_by_what_is_unusual_about_it() -> None:
    assert describe(AdaFire()) == "adafire"
    assert describe(AdaFire(phi=2, shift=False)) == "adafire(phi=2, shift=False)"
    assert describe(Keep()) == "keep"


def test_the_numbers_of_a_chart_share_the_unit_of_the_largest() -> None:
    assert scaled([0.25e-6, 2e-3]) == ([0.25e-3, 2.0], "m")
    assert scaled([0.0]) == ([0.0], "")
    assert scaled([]) == ([], "")


def test_energies_are_counted_in_millijoules() -> None:
    assert joules(4.6e-3) == "4.6 µJ"


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 "), (412e-9, "412 n"), (1.5e-3, "1.5 m"), (3.21, "3.21 "), (1814e6, "1.81 G")]
)
def test_numbers_are_shown_with_three_digits_and_a_prefix(number: float, text: str) -> None:
    assert si(number) == text


def printed(show: object, *args: object) -> str:
    console = Console(file=io.StringIO(), width=140)
    show(*args, console)  # type: ignore[operator]  # show_plan or show_report
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]  # the StringIO above


def test_the_terminal_shows_the_network_beside_every_checkpoint_and_every_layer(report: Report) -> None:
    text = printed(show_report, report)
    for expected in ("network", "adafire(phi=2)", "relu#2", "100%", "J", "batches"):
        assert expected in text


def test_the_terminal_shows_what_search_and_exit_found(report: Report) -> None:
    found = replace(report, search={"cost": 0.25, "frontier": [[1, 2]]}, exit={"at": 1}, exits={1: 1, 4: 3})
    lines = [" ".join(line.replace("│", " ").split()) for line in printed(show_report, found).splitlines()]
    for line in ("search: cost 0.25", "1 1 25.0% 25.0%", "4 3 75.0% 100.0%"):
        assert line in lines


def test_the_plan_shows_neuron_rule_macs_and_the_share_that_will_be_spiking() -> None:
    x = noise(2, 3, 8, 8)
    plan = converted(captured(ConvNet, x), AdaFire(phi=3), x, 2).plan
    text = printed(show_plan, plan)
    for expected in ("relu#2", "adafire(phi=3)", "* (relu)", "conv2d", "MACs, once", "events", "72.7% of 50.7 k MACs"):
        assert expected in text
    assert "nothing stays analog" in text
