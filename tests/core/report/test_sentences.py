from __future__ import annotations

import io
import math
from dataclasses import replace

import pytest
import torch
from rich.console import Console

import snnfw
from networks import ConvNet, seeded
from snnfw.report.html import report_page
from snnfw.report.notebook import report_table
from snnfw.report.report import Report
from snnfw.report.sentences import (
    describe_break_even,
    describe_payload,
    describe_quantised,
    describe_rise,
    quantised_cell,
)
from snnfw.report.tables import show_report
from snnfw_plugins.yan import Yan

IMAGES = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def report() -> Report:
    """Return a run of two timesteps of signed spikes, which takes less than the network itself."""
    net = seeded(ConvNet).float().eval()
    snn = snnfw.convert(net, IMAGES, method="tracking", timesteps=2)
    return snnfw.evaluate(snn, (IMAGES, torch.zeros(4, dtype=torch.long)))


def rising(report: Report) -> Report:
    *before, final = report.checkpoints
    return replace(report, checkpoints=(*before, replace(final, energy_ratio=2.5)))


def printed(report: Report) -> str:
    console = Console(file=io.StringIO(), width=200)
    show_report(report, console)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]  # the StringIO


RISE = (
    "The spiking network takes more energy than the network itself: 250.0% of it after 2 timesteps, by the energy model "
    "horowitz."
)


def test_a_network_whose_energy_rises_says_so_in_the_first_lines(report: Report) -> None:
    assert describe_rise(rising(report)) == RISE
    assert f"! {RISE}" in printed(rising(report)).partition("results, per sample")[0]
    page = report_page(rising(report), {})
    assert page.index(RISE) < page.index('class="cards"')
    assert report_table(rising(report)).index(RISE) < report_table(rising(report)).index("<table")


@pytest.mark.parametrize("ratio", [0.5, 1.0, math.nan])
def test_one_that_takes_no_more_says_nothing_of_it(report: Report, ratio: float) -> None:
    final = replace(report.checkpoints[-1], energy_ratio=ratio)
    same = replace(report, checkpoints=(final,))
    assert describe_rise(same) == ""
    assert "takes more energy" not in printed(same) + report_page(same, {}) + report_table(same)


def test_the_quantised_network_stands_beside_every_total(report: Report) -> None:
    cells = [quantised_cell(point.energy) for point in report.checkpoints]
    assert [cell.partition(", ")[2] for cell in cells] == ["b=3", "b=4"]  # of 1 · 4 + 1 and 2 · 4 + 1 levels
    for text in (printed(report), report_page(report, {}), report_table(report)):
        assert all(cell in text for cell in cells)
    final = report.checkpoints[-1].energy
    assert final.quantised == pytest.approx(report.network.energy * 4 / 32)
    said = describe_quantised(report)
    assert f"quantised to b = 4 bits, which tell as much, takes {cells[-1].partition(', ')[0]};" in said
    assert f"takes {final.total / (final.quantised or 1):.1%} of that." in said


def test_where_nothing_spikes_nothing_is_compared(report: Report) -> None:
    final = report.checkpoints[-1]
    none = replace(final, energy=replace(final.energy, quantised=None, quantised_bits=None))
    assert quantised_cell(none.energy) == describe_quantised(replace(report, checkpoints=(none,))) == ""
    assert describe_break_even(replace(report, event_rate=0.0)) == ""


def test_layers_below_their_break_even_rate_are_counted(report: Report) -> None:
    reading = [each for each in report.operators if each.event_rate is not None]
    assert len(reading) == 2  # the second convolution and the head
    assert all(each.event_rate == pytest.approx(each.accumulations / each.macs / 2) for each in reading)
    assert [each.break_even_rate for each in reading] == pytest.approx([4.6 * 4 / 32 / 0.9 / 2] * 2)
    changed = [replace(each, event_rate=rate) for each, rate in zip(reading, (0.1, 0.9), strict=True)]
    said = describe_break_even(replace(report, operators=tuple(changed)))
    assert said.endswith("1 of 2 such layers are below their own break-even rate.")
    page = report_page(replace(report, operators=tuple(changed)), {})
    assert '<td class="n">0.100</td><td class="n">0.319</td>' in page


def test_events_are_told_in_bits_where_they_carry_more_than_one(report: Report) -> None:
    final = report.checkpoints[-1].energy
    assert final.bits == 2 * final.spikes
    assert [layer.bits for layer in report.layers] == [2 * layer.spikes for layer in report.layers]
    assert " bits; each is charged as accumulations." in describe_payload(report)
    plain = replace(report.checkpoints[-1], energy=replace(final, bits=final.spikes))
    assert describe_payload(replace(report, checkpoints=(plain,))) == ""


def test_neurons_that_cost_have_their_energy_in_the_layers() -> None:
    snn = snnfw.convert(
        seeded(ConvNet).float().eval(),
        IMAGES,
        method="if",
        timesteps=2,
        energy=Yan(),
        registry=snnfw.Registry(),
    )
    report = snnfw.evaluate(snn, (IMAGES, torch.zeros(4, dtype=torch.long)))
    assert report.energy_model == "yan"
    charged = [*(each.energy for each in report.operators), *(each.energy for each in report.layers)]
    assert sum(charged) == pytest.approx(report.checkpoints[-1].energy.total)
    assert all(layer.energy > 0 for layer in report.layers)
    assert "neurons" in report_page(report, {})
