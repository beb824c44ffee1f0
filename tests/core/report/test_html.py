from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any, Literal
from xml.etree import ElementTree

import pytest

from snnfw.energy.charges import Energy
from snnfw.report.html import report_page
from snnfw.report.report import Checkpoint, Layer, Network, Operator, Report
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


class Reader(HTMLParser):
    """Collect what a page shows and what it would load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.captions: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        self.loaded += [values[key] or "" for key in ("src", "href", "srcset", "data") if key in values]
        if tag == "img":
            self.captions.append(values["alt"] or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def energy(total: float) -> Energy:
    return Energy(total, {"accumulations": total}, 10.0, 0.0, 100.0, 50.0, 100.0, None, 5e-4, 6)


def report(count: int = 2, about: Mapping[str, Any] | None = None, **values: Any) -> Report:
    given: dict[str, Any] = {
        "schema": 1,
        "headline": "accuracy",
        "about": {
            "task": "classification",
            "plugin": "adafire",
            "command": "snnfw run task=classification",
            "versions": {"torch": "2.0"},
            "config": {"model": {"name": "digits-vgg"}, "seed": 7},
            **(about or {}),
        },
        "network": Network({"accuracy": 0.9}, 1000, 2e-3, 0.5, 1),
        "checkpoints": tuple(
            Checkpoint(t, min(t, 1.5), 1.0, {"accuracy": 0.8 - 0.1 / t}, energy(t * 1e-3), t / 2) for t in (1, 2)
        ),
        "layers": tuple(
            Layer(f"act{i}", "relu", "adafire", "adafire(phi=2)", {}, "*", 100, 30.0, 0.15, 2, 60.0, 0.0)
            for i in range(count)
        ),
        "operators": tuple(
            Operator(
                f"conv_{i}",
                "conv2d",
                f"conv{i}",
                "linear",
                500,
                bool(i),
                not i,
                100.0,
                1e-3,
                0.2 if i else None,
                0.1 if i else None,
            )
            for i in range(count)
        ),
        "uncharged": (),
        "spiking_share": 0.9,
        "multiplied_share": 0.25,
        "energy_model": "horowitz",
        "event_rate": 0.2,
        "break_even_rate": 0.1,
        "exits": {},
        "samples": 10,
        "seconds": 1.0,
        "chunk": 2,
        "search": None,
        "exit": None,
        "pictures": {},
    }
    return Report(**{**given, **values})


def read(given: Report, files: Mapping[str, str | bytes] | None = None) -> Reader:
    return Reader(report_page(given, files or {}))


def picture(page: str, caption: str) -> str:
    """Return the text of a chart, which is a well-formed SVG."""
    found = re.search(rf'<img alt="{re.escape(caption)}" src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert found
    svg = base64.b64decode(found[1]).decode()
    ElementTree.fromstring(svg)  # noqa: S314  # matplotlib's own
    return svg


def test_the_page_needs_nothing_beside_it() -> None:
    page = read(report(search=SEARCH, exit=EXIT, exits={1: 5, 2: 5}))
    assert [address[:40] for address in page.loaded if not address.startswith("data:")] == []
    assert {"script", "link", "iframe"} & set(page.tags) == {"link"}  # the empty icon, so that none is asked for
    assert "@import" not in page.text
    assert "url(" not in page.text


def test_a_plain_run_has_its_numbers_and_four_charts() -> None:
    page = read(report())
    assert page.captions == [
        "accuracy over timesteps",
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
    page = report_page(report(), {})
    assert "<!-- energy per sample (µJ) -->" in picture(page, "Energy over timesteps")
    assert "<!-- timesteps -->" in picture(page, "Energy over timesteps")
    assert "<!-- events per neuron and timestep -->" in picture(page, "Firing rates")
    assert "<!-- accumulations of events -->" in picture(page, "Energy of each operator")


def test_what_users_name_is_shown_as_it_is() -> None:
    nasty = "$x^{2$ <script>alert(1)</script>"
    layers = (
        Layer(nasty, "relu", "keep", nasty, {}, nasty, 1, 0.0, 0.0, 1, 0.0, 0.0),
        Layer(nasty, "relu", "if", "if", {}, "*", 1, 1, 1, 1, 1, 0.0),
    )
    page = read(
        report(
            about={"plugin": nasty, "note": nasty}, layers=layers, search={"budget": nasty, "chosen": {nasty: nasty}}
        )
    )
    assert "script" not in page.tags
    assert page.text.count(nasty) >= 6


def test_a_hundred_and_fifty_layers_fit() -> None:
    page = report_page(report(150), {})
    assert "<!-- act149 -->" in picture(page, "Firing rates")


def test_what_a_search_found_is_drawn_and_told() -> None:
    given = report(search={**SEARCH, "cost_unit": "millijoules"})
    page, frontier = read(given), "The frontier: the least sensitivity that each cost can have, on calibration data"
    assert page.captions[2] == frontier
    assert "<!-- cost (millijoules) -->" in picture(report_page(given, {}), frontier)
    assert "budget 0.5, cost 0.4, sensitivity 0.2" in page.text
    assert "stages:" in page.text


def test_what_a_search_drew_itself_takes_the_place_of_the_chart() -> None:
    page = read(report(search=SEARCH), {"search/more.png": b"\x89PNG", "search/table.csv": "a", "other.png": b""})
    assert page.captions[2:4] == ["more", "Firing rates"]
    assert f"data:image/png;base64,{base64.b64encode(bytes([0x89]) + b'PNG').decode()}" in page.loaded


KINDS: tuple[Literal["lines", "bars"], ...] = ("lines", "bars")


def test_what_methods_measured_is_drawn_and_listed() -> None:
    curves = (Curve("t = 1", (1.0, 2.0), (0.1, 0.2)), Curve("t = 2", (1.0, 2.0), (0.3, 0.4)))
    charts = tuple(Chart(f"As {kind}", "layer", "share", curves, kind) for kind in KINDS)
    page = read(report(measured={"SIN/relu": 0.25}, charts=charts))
    assert {"As lines", "As bars"} <= set(page.captions)
    assert "SIN/relu" in page.text
    assert "What the methods measured" in page.text
    assert "What the methods measured" not in read(report()).text


def test_exits_are_drawn_and_told() -> None:
    page = read(report(exit=EXIT, exits={1: 4, 2: 6}))
    assert page.captions[2:5] == [
        "Exits",
        "The exit rule's threshold over time",
        "accuracy against mean timesteps, for a sweep of thresholds",
    ]
    assert "0.25" in page.text
    assert "60.0%" in page.text


@pytest.mark.parametrize("record", [{"tried": 2}, {"frontier": "none", "chosen": 3, "sweep": [1], "thresholds": {}}])
def test_records_of_any_shape_are_shown_as_they_are(record: dict[str, Any]) -> None:
    page = read(report(search=record, exit=record, exits={1: 10}))
    assert "Exits" in page.captions
    assert f"{next(iter(record))}: " in page.text


def test_what_stays_analog_or_uncharged_is_said() -> None:
    layers = (Layer("act", "silu", "keep", "keep", {}, "*", 1, 0.0, 0.0, 1, 0.0, 0.0),)
    operators = (Operator("softmax_1", "softmax", "head", "analog", 0, False, False, 0.0, 0.0, None, None),)
    page = read(report(layers=layers, operators=operators, uncharged=("softmax_1",)))
    assert "Analog: silu at 'act', softmax at 'head'." in page.text
    assert "nothing is charged for them although they cost: softmax_1." in page.text
    assert page.captions == ["accuracy over timesteps", "Energy over timesteps"]


def test_what_multiplies_at_every_timestep_is_said_and_nothing_is_called_spiking() -> None:
    page = read(report())
    assert "Multiplied at every timestep, 25.0% of the MACs: conv2d at 'conv0'." in page.text
    assert "Nothing stays analog" not in page.text
    spiking = replace(report().operators[1], repeats=False)
    assert "Nothing stays analog between" in read(report(operators=(spiking,))).text


def test_a_score_that_is_no_number_is_a_dash_with_the_reason() -> None:
    first, last = report().checkpoints
    points = (replace(first, scores={"accuracy": math.nan}), replace(last, scores={"mIoU/5": math.inf}))
    given = report(network=replace(report().network, scores={"accuracy": 0.9, "mIoU/5": 0.5}), checkpoints=points)
    text = read(given, {}).text
    assert [text.count(f"- ({word})") for word in ("NaN", "inf", "missing")] == [1, 1, 3]  # a card, a cell and a part


def test_the_passes_of_a_network_over_frames_stand_beside_its_number() -> None:
    text = read(report(network=replace(report().network, passes=10))).text
    assert "network (10 frames)" in text
    assert "The network is scored on 10 frames of each sample and charged for all of them." in text


def test_what_the_task_drew_is_shown_with_its_captions() -> None:
    given = report(pictures={"pictures/boxes.png": "T = 2, mAP 0.5", "pictures/lost.png": "not there"})
    page = read(given, {"pictures/boxes.png": b"\x89PNG", "pictures/other.png": b"\x89PNG"})
    assert "T = 2, mAP 0.5" in page.captions
    assert "What they see" in page.text
    assert not {"not there", "other"} & set(page.captions)
    assert "What they see" not in read(report()).text


def test_a_metric_of_many_parts_has_a_table_of_its_own() -> None:
    scores = {"accuracy": 0.9, "IoU/chair": 0.7071, "IoU/mug/handle": 0.1234}
    point = replace(report().checkpoints[0], scores=scores)
    given = report(network=Network(scores, 1000, 2e-3, 0.5, 1), checkpoints=(point,))
    assert given.metrics == ("accuracy",)
    assert given.parts == {"IoU": ("IoU/chair", "IoU/mug/handle")}
    text = read(given).text
    assert "IoU, part by part" in text
    assert "mug/handle" in text
    assert "IoU/" not in text
    assert text.count("0.7071") == 2
