from __future__ import annotations

import io
import json
import math
from dataclasses import replace

import pytest
import torch
from rich.console import Console
from torch import Tensor, nn

from networks import ConvNet, captured, converted, noise
from snnfw.conversion.direct import Direct
from snnfw.energy.horowitz import Horowitz
from snnfw.energy.inventory import take_inventory
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.report.folder import as_json
from snnfw.report.plans import show_plan
from snnfw.report.report import Report
from snnfw.report.summary import describe_method, make_report, summarise_network
from snnfw.report.tables import show_report
from snnfw.report.units import format_joules, format_si, scale_to_unit
from snnfw.simulate.run import simulate
from snnfw.values import Batch, Keep, Resources
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
    network = summarise_network(take_inventory(graph, plan), Horowitz(), {"batches": 1.0}, 0.5, frames=None)
    return make_report(graph, plan, trace, network, Horowitz(), "batches", {"task": "toy"})


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


def test_samples_that_leave_early_are_held_against_the_mean_timestep() -> None:
    x = noise(4, 3, 8, 8)
    graph = captured(ConvNet, x)
    plan = place(graph, (Rule("*", AdaFire(phi=2)),))
    model = Direct().convert(graph, plan, [(x,)], 8, Resources())
    costs = Horowitz()
    network = summarise_network(take_inventory(graph, plan), costs, {"batches": 1.0}, 0.5, frames=None)

    class AfterTwo:
        earliest = 2

        def done(self, output: Tensor, timestep: int, timesteps: int) -> Tensor:
            return torch.ones(len(output), dtype=torch.bool)

        def record(self) -> dict[str, object]:
            return {}

    trace = simulate(model, [Batch((x,), None)], [8], Count, Resources(), AfterTwo())
    made = make_report(graph, plan, trace, network, costs, "batches", {})
    assert (made.checkpoints[-1].timestep, made.checkpoints[-1].steps, made.checkpoints[-1].reads) == (8, 2.0, 1.0)
    assert made.break_even_rate == pytest.approx(4.6 * 3 / 32 / 0.9 / 2)  # 3 bits tell 2 · 2 + 1 levels apart
    macs = sum(operator.macs for operator in made.operators if operator.events)
    assert made.event_rate * macs * 2 == pytest.approx(made.checkpoints[-1].energy.accumulations)


def test_a_network_of_frames_is_charged_for_each(report: Report) -> None:
    graph = captured(ConvNet, noise(2, 3, 8, 8))
    plan = place(graph, (Rule("*", AdaFire()),), temporal=True)
    once, often = (summarise_network(take_inventory(graph, plan), Horowitz(), {}, 0.0, frames) for frames in (None, 10))
    assert (often.macs, often.passes) == (10 * once.macs, 10)
    assert often.energy == pytest.approx(10 * once.energy)
    said = "The network is scored on 10 frames of each sample and charged for all of them."
    assert said in printed(show_report, replace(report, network=replace(report.network, passes=10)))
    assert "frames" not in printed(show_report, report)


def test_a_score_that_is_no_number_is_shown_as_a_dash_and_why(report: Report) -> None:
    first, last = report.checkpoints
    points = (replace(first, scores={"batches": math.nan}), replace(last, scores={}, energy_ratio=math.nan))
    text = printed(show_report, replace(report, checkpoints=points))
    assert [text.count(f"- ({word})") for word in ("NaN", "missing")] == [2, 1]
    written = json.loads(as_json(replace(report, checkpoints=points).plain()))
    assert [point["scores"] for point in written["checkpoints"]] == [{"batches": None}, {}]


def test_a_metric_that_only_a_checkpoint_has_is_shown_too(report: Report) -> None:
    first, last = report.checkpoints
    given = replace(report, checkpoints=(first, replace(last, scores={"late": 0.125, "IoU/5": 0.5})))
    assert (given.metrics, given.parts) == (("batches", "late"), {"IoU": ("IoU/5",)})
    assert "0.1250" in printed(show_report, given)


def test_operators_energy_adds_up_to_the_total(report: Report) -> None:
    total = report.checkpoints[-1].energy.total
    assert sum(operator.energy for operator in report.operators) == pytest.approx(total)
    assert report.checkpoints[-1].energy_ratio == pytest.approx(total / report.network.energy)


def test_a_method_is_described_by_what_is_unusual_about_it() -> None:
    assert describe_method(AdaFire()) == "adafire"
    assert describe_method(AdaFire(phi=2, shift=False)) == "adafire(phi=2, shift=False)"
    assert describe_method(Keep()) == "keep"


def test_the_numbers_of_a_chart_share_the_unit_of_the_largest() -> None:
    assert scale_to_unit([0.25e-6, 2e-3]) == ([0.25e-3, 2.0], "m")
    assert scale_to_unit([0.0]) == ([0.0], "")
    assert scale_to_unit([]) == ([], "")


def test_energies_are_counted_in_millijoules() -> None:
    assert format_joules(4.6e-3) == "4.6 µJ"


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 "), (412e-9, "412 n"), (1.5e-3, "1.5 m"), (3.21, "3.21 "), (1814e6, "1.81 G")]
)
def test_numbers_are_shown_with_three_digits_and_a_prefix(number: float, text: str) -> None:
    assert format_si(number) == text


def printed(show: object, *args: object) -> str:
    console = Console(file=io.StringIO(), width=140)
    show(args[0], console, *args[1:])  # type: ignore[operator]  # show_plan or show_report
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]  # the StringIO above


def test_the_terminal_shows_the_network_beside_every_checkpoint_and_every_layer(report: Report) -> None:
    text = printed(show_report, report)
    for expected in ("network", "adafire(phi=2)", "relu#2", "100%", "J", "batches"):
        assert expected in text


def test_the_terminal_shows_what_search_and_exit_found(report: Report) -> None:
    found = replace(report, search={"cost": 0.25, "frontier": [[1, 2]]}, exit={"at": 1}, exits={1: 1, 4: 3})
    lines = [" ".join(line.replace("│", " ").split()) for line in printed(show_report, found).splitlines()]
    for line in (
        "It kept of itself: cost 0.25.",
        "It kept of itself: at 1.",
        "On evaluation samples they left after 4.00 timesteps on average, of 4 at most; 75.0% left after timestep 4.",
    ):
        assert line in lines


def test_the_plan_shows_neuron_rule_macs_and_the_share_that_will_be_spiking() -> None:
    x = noise(2, 3, 8, 8)
    plan = converted(captured(ConvNet, x), AdaFire(phi=3), x, 2).plan
    text = printed(show_plan, plan)
    for expected in ("relu#2", "adafire is adafire(phi=3).", "conv2d", "once", "events", "50.7 kMACs", "72.7% become"):
        assert expected in text
    assert "* (relu)" in printed(show_plan, plan, True)
    assert "Nothing stays analog." in text


def test_the_plan_counts_what_multiplies_at_every_timestep() -> None:
    """A layer that reads a layer multiplies, though nothing is called analog."""
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 6), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2))
    x = noise(3, 3)
    text = " ".join(printed(show_plan, converted(captured(lambda: net, x), AdaFire(), x, 2).plan).split())
    macs = 12 + 24 + 30 + 10
    for said in (
        f"{34 / macs:.1%} become accumulations of events (2 operators)",
        f"{12 / macs:.1%} are multiplied once (1 operator)",
        f"{30 / macs:.1%} are multiplied at every timestep (1 operator)",
    ):
        assert said in text
    assert "stays analog" not in text
