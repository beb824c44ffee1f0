from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any, Literal
from xml.etree import ElementTree

import pytest

from made_reports import made_report
from snnfw.report.html import report_page
from snnfw.report.report import Layer, Network, Operator, Report
from snnfw.values import Chart, Curve

SEARCH = {
    "budget": 0.5,
    "cost": 0.4,
    "sensitivity": 0.2,
    "uniform": [[0.4, 0.3]],
    "frontier": [[0.1, 0.9], [0.4, 0.2], [0.8, 0.001]],
    "chosen": {"relu": "adafire(phi=2)"},
    "stages": [{"name": "frontier"}],
}
EXIT = {
    "thresholds": [0.1, 0.25],
    "sweep": [{"threshold": 0.1, "mean_steps": 1.5, "score": 0.7}, {"threshold": 0.2, "mean_steps": 2.5, "score": 0.8}],
}


SCORES = "Score (accuracy) over timesteps, as the error, 1 - score, on a logarithmic axis"


class Reader(HTMLParser):
    """Collect what a page shows and what it would load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.captions: list[str] = []
        self.alts: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        self.loaded += [values[key] or "" for key in ("src", "href", "srcset", "data") if key in values]
        if tag == "img":
            self.alts.append(values["alt"] or "")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.tags[-1:] == ["figcaption"] and data.strip():
            self.captions.append(data.strip())


def read(given: Report, files: Mapping[str, str | bytes] | None = None) -> Reader:
    return Reader(report_page(given, files or {}))


def picture(page: str, caption: str) -> str:
    """Return the text of a chart, which is a well-formed SVG."""
    found = re.search(rf'src="data:image/svg\+xml;base64,([^"]+)"><figcaption>{re.escape(caption)}<', page)
    assert found
    svg = base64.b64decode(found[1]).decode()
    ElementTree.fromstring(svg)  # noqa: S314  # matplotlib's own
    return svg


def test_the_page_needs_nothing_beside_it() -> None:
    page = read(made_report(search=SEARCH, exit=EXIT, exits={1: 5, 2: 5}))
    assert [address[:40] for address in page.loaded if not address.startswith("data:")] == []
    assert {"script", "link", "iframe"} & set(page.tags) == {"link"}  # the empty icon, so that none is asked for
    assert "@import" not in page.text
    assert "url(" not in page.text


def test_a_plain_run_has_its_numbers_and_four_charts() -> None:
    page = read(made_report())
    assert page.captions == [
        SCORES,
        "Energy over timesteps",
        "Firing rates",
        "Energy of each operator",
    ]
    for text in (
        "classification · adafire · digits-vgg",
        "0.9000",
        "0.7500",
        "100.0%",
        "2 (mean 1.50)",
        "act1",
        "adafire(phi=2)",
        "snnfw run task=classification",
        "seed: 7",
    ):
        assert text in page.text
    assert {"Search", "Early exit"} & set(page.text.splitlines()) == set()


def test_charts_are_labelled_with_units() -> None:
    page = report_page(made_report(), {})
    assert "<!-- energy per sample (µJ) -->" in picture(page, "Energy over timesteps")
    assert "<!-- timesteps -->" in picture(page, "Energy over timesteps")
    assert "<!-- events per neuron and timestep -->" in picture(page, "Firing rates")
    assert "<!-- accumulations of events -->" in picture(page, "Energy of each operator")


def test_a_run_of_nothing_that_has_a_name_has_a_heading_all_the_same() -> None:
    page = report_page(made_report(about={"task": None, "plugin": None, "config": {"model": None}}), {})
    assert "<h1>Spiking network</h1>" in page
    assert "<title>Spiking network</title>" in page


def test_headings_are_in_order_and_what_scrolls_can_be_reached() -> None:
    page = report_page(made_report(search=SEARCH, exit=EXIT, exits={1: 5, 2: 5}, measured={"SIN": 1.0}), {})
    levels = [int(level) for level in re.findall(r"<h(\d)", page)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.count("<main>") == 1
    assert all(
        'tabindex="0" role="region" aria-label=' in found for found in re.findall(r'<div class="wide[^>]*>', page)
    )
    assert len(re.findall(r"<table>", page)) == len(re.findall(r'<div class="wide', page))
    assert all(read(made_report()).alts)


def test_what_users_name_is_shown_as_it_is() -> None:
    nasty = "$x^{2$ <script>alert(1)</script>"
    layers = (
        Layer(nasty, "relu", "keep", nasty, {}, nasty, 1, 0.0, 0.0, 1, 0.0, 0.0),
        Layer(nasty, "relu", "if", "if", {}, "*", 1, 1, 1, 1, 1, 0.0),
    )
    page = read(
        made_report(
            about={"plugin": nasty, "note": nasty}, layers=layers, search={"budget": nasty, "chosen": {nasty: nasty}}
        )
    )
    assert "script" not in page.tags
    assert page.text.count(nasty) >= 6


def test_a_thousand_layers_give_a_page_that_can_be_read() -> None:
    layers = tuple(replace(layer, rate=number / 1000) for number, layer in enumerate(made_report(1000).layers))
    page = report_page(made_report(1000, layers=layers), {})
    rates = picture(page, "Firing rates (the 24 highest of 1000)")
    assert "<!-- act999 -->" in rates
    assert "<!-- act9 -->" not in rates
    costs = picture(page, "Energy of each operator (the 24 dearest; the other 976 take 97.6%)")
    assert costs.count("<!-- conv") == 24
    assert len(page) < 1_200_000
    assert re.search(r'<details><summary>Sites \(1000\)</summary>\s*<div class="wide tall" tabindex="0"', page)
    assert page.count("act500") == 1
    assert "conv2d at &#39;conv0&#39;" in page


def test_what_a_search_found_is_drawn_and_told() -> None:
    given = made_report(search={**SEARCH, "cost_unit": "millijoules"})
    page, frontier = read(given), "The frontier: the least sensitivity that each cost can have, on calibration data"
    assert page.captions[2] == frontier
    assert "<!-- cost (millijoules) -->" in picture(report_page(given, {}), frontier)
    assert "It kept of itself: budget 0.5, cost 0.4, sensitivity 0.2, cost_unit millijoules." in page.text
    assert "stages:" in page.text


def test_what_a_search_drew_itself_takes_the_place_of_the_chart() -> None:
    page = read(made_report(search=SEARCH), {"search/more.png": b"\x89PNG", "search/table.csv": "a", "other.png": b""})
    assert page.captions[2:4] == ["more", "Firing rates"]
    assert f"data:image/png;base64,{base64.b64encode(bytes([0x89]) + b'PNG').decode()}" in page.loaded


KINDS: tuple[Literal["lines", "bars"], ...] = ("lines", "bars")


def test_what_methods_measured_is_drawn_and_listed() -> None:
    curves = (Curve("t = 1", (1.0, 2.0), (0.1, 0.2)), Curve("t = 2", (1.0, 2.0), (0.3, 0.4)))
    charts = tuple(Chart(f"As {kind}", "layer", "share", curves, kind) for kind in KINDS)
    page = read(made_report(measured={"SIN/relu": 0.25}, charts=charts))
    assert {"As lines", "As bars"} <= set(page.captions)
    assert "SIN/relu" in page.text
    assert "What the methods measured" in page.text
    assert "What the methods measured" not in read(made_report()).text


def test_exits_are_drawn_and_told() -> None:
    page = read(made_report(exit=EXIT, exits={1: 4, 2: 6}))
    assert page.captions[2:5] == [
        "When evaluation samples leave",
        "The exit rule's threshold over time, fitted on calibration samples",
        "Score (accuracy) against mean timesteps, as the error, 1 - score, on a logarithmic axis: a sweep of constant "
        "thresholds on calibration samples, this run on evaluation samples",
    ]
    assert "0.25" in page.text
    assert "60.0% left after timestep 2" in page.text


def test_calibration_and_evaluation_samples_are_told_apart_in_one_chart() -> None:
    """Calibration data, on which a rule is fitted, says more of itself than of anything else."""
    page = report_page(made_report(exit=EXIT, exits={1: 4, 2: 6}), {})
    sweep = picture(page, read(made_report(exit=EXIT, exits={1: 4, 2: 6})).captions[4])
    for label in ("constant thresholds, calibration samples", "this run, evaluation samples"):
        assert f"<!--  {label} -->" in sweep


def test_a_column_that_says_the_same_everywhere_is_left_out() -> None:
    report = made_report()
    plain = tuple(replace(layer, energy=0.0, bits=layer.spikes, rule="*", activation="relu") for layer in report.layers)

    def heads(layers: Sequence[Layer]) -> list[str]:
        page = report_page(replace(report, layers=tuple(layers)), {})
        return re.findall(r'<th scope="col"[^>]*>([^<]*)</th>', page.split("<summary>Sites")[1].split("</thead>")[0])

    assert heads(plain) == ["site", "neuron", "neurons", "events", "rate"]
    odd = replace(plain[0], site="other", energy=1e-6, bits=2 * plain[0].spikes + 1, rule="x", activation="silu")
    assert heads([*plain, odd]) == [
        *("site", "activation", "neuron", "rule", "neurons", "events", "bits", "rate", "energy")
    ]


@pytest.mark.parametrize("record", [{"tried": 2}, {"frontier": "none", "chosen": 3, "sweep": [1], "thresholds": {}}])
def test_records_of_any_shape_are_shown_as_they_are(record: dict[str, Any]) -> None:
    page = read(made_report(search=record, exit=record, exits={1: 10}))
    assert "On evaluation samples they left after 1.50 timesteps" in page.text
    assert f"{next(iter(record))}: " in page.text


def test_what_stays_analog_or_uncharged_is_said() -> None:
    layers = (Layer("act", "silu", "keep", "keep", {}, "*", 1, 0.0, 0.0, 1, 0.0, 0.0),)
    operators = (Operator("softmax_1", "softmax", "head", "analog", 0, False, False, 0.0, 0.0, None, None),)
    page = read(made_report(layers=layers, operators=operators, uncharged=("softmax_1",)))
    assert "Analog: silu at 'act', softmax at 'head'." in page.text
    assert "nothing is charged for them although they cost: softmax_1." in page.text
    assert page.captions == [SCORES, "Energy over timesteps"]


def test_what_multiplies_at_every_timestep_is_said_and_nothing_is_called_spiking() -> None:
    page = read(made_report())
    assert "Multiplied at every timestep, 25.0% of the MACs: conv2d at 'conv0'." in page.text
    assert "Nothing stays analog" not in page.text
    spiking = replace(made_report().operators[1], repeats=False)
    assert "Nothing stays analog between" in read(made_report(operators=(spiking,))).text


def test_a_score_that_is_no_number_is_a_dash_with_the_reason() -> None:
    first, last = made_report().checkpoints
    points = (replace(first, scores={"accuracy": math.nan}), replace(last, scores={"mIoU/5": math.inf}))
    given = made_report(
        network=replace(made_report().network, scores={"accuracy": 0.9, "mIoU/5": 0.5}), checkpoints=points
    )
    text = read(given, {}).text
    assert [text.count(f"- ({word})") for word in ("NaN", "inf", "missing")] == [1, 1, 3]  # a card, a cell and a part


def test_the_passes_of_a_network_over_frames_stand_beside_its_number() -> None:
    text = read(made_report(network=replace(made_report().network, passes=10))).text
    assert "network (10 frames)" in text
    assert "The network is scored on 10 frames of each sample and charged for all of them." in text


def test_what_the_task_drew_is_shown_with_its_captions() -> None:
    given = made_report(pictures={"pictures/boxes.png": "T = 2, mAP 0.5", "pictures/lost.png": "not there"})
    page = read(given, {"pictures/boxes.png": b"\x89PNG", "pictures/other.png": b"\x89PNG"})
    assert "T = 2, mAP 0.5" in page.captions
    assert "What they see" in page.text
    assert not {"not there", "other"} & set(page.captions)
    assert "What they see" not in read(made_report()).text


def test_a_metric_of_many_parts_has_a_table_of_its_own() -> None:
    scores = {"accuracy": 0.9, "IoU/chair": 0.7071, "IoU/mug/handle": 0.1234}
    point = replace(made_report().checkpoints[0], scores=scores)
    given = made_report(network=Network(scores, 1000, 2e-3, 0.5, 1), checkpoints=(point,))
    assert given.metrics == ("accuracy",)
    assert given.parts == {"IoU": ("IoU/chair", "IoU/mug/handle")}
    text = read(given).text
    assert "IoU, part by part" in text
    assert "mug/handle" in text
    assert "IoU/" not in text
    assert text.count("0.7071") == 2
