from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch

import snnfw
from networks import ConvNet, seeded
from snnfw import Registry
from snnfw.report.html import report_page
from snnfw.report.records import explained
from snnfw.report.report import Report
from snnfw_plugins.exits import Confidence, Entropy, Fixed, Stability
from snnfw_plugins.optuna_search import OptunaSearch
from snnfw_plugins.pareto import AdaptiveCalibration, Pareto, Ssc

IMAGES = torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(0))

STAGE = (
    r"ooked for phi of each of 2 sites, on calibration samples: how much each choice changes the output \(its "
    r"sensitivity\), and what its events cost\."
)
FOUND = r"Found \d+ plans? that no other one beats in both; chose number \d+, "
COST = (
    r"Its events cost \S+ (µJ|events) a sample instead of \S+ \1(, [+-][\d.]+%)?; it changes the output by \S+ instead "
    r"of \S+\.|That is the plan as given: its events cost \S+ (µJ|events) a sample\."
)

SEARCHES: dict[str, tuple[Any, list[str]]] = {
    "pareto": (
        Pareto(space={"phi": (1, 2, 4)}),
        [
            "L" + STAGE,
            FOUND + "the least change of the output among those that cost at most what the plan as given costs",
            COST,
        ],
    ),
    "pareto, saving energy": (
        Pareto(space={"phi": (1, 2, 4)}, sensitivity_budget=1.5, cost="spikes"),
        [
            "L" + STAGE,
            FOUND + "the cheapest among those that change the output at most 1.5 times as much as the plan",
            COST,
        ],
    ),
    "pareto, for a loss": (
        Pareto(space={"phi": (1, 2, 4)}, loss=1.0, tries=3),
        [
            "L" + STAGE,
            FOUND + "the cheapest whose score, tried as a whole plan, is within 1 of the network's",
            COST
            + r" \d of the plans were scored whole on samples to fit on: the chosen one has \S+, and the network \S+\.",
        ],
    ),
    "pareto, a point": (
        Pareto(space={"phi": (1, 2, 4)}, point=0),
        ["", FOUND + "the point that was asked for, number 0", COST],
    ),
    "ssc": (
        Ssc(ratios=(1.0, 2.0)),
        ["Looked for rho of each of 2 sites", FOUND + "the cheapest among those that change", COST],
    ),
    "adafire": (
        AdaptiveCalibration(phi=Pareto(space={"phi": (1, 2, 4)}), ssc=Ssc(ratios=(1.0, 2.0))),
        ["Stage 1, phi: l" + STAGE, FOUND, COST, "Stage 2, rho: looked for rho of each of 2 sites", FOUND, COST],
    ),
    "optuna": (
        OptunaSearch(space={"phi": (1, 2)}, trials=2),
        [
            r"Looked for the best accuracy for at most the energy of the plan as given: Optuna \(tpe\) tried 2 whole",
            r"Found \d that no other one beats in accuracy and energy at once; chose the best within the budget",
            r"It has accuracy \S+ for \S+ µJ a sample; the plan as given has \S+ for \S+ µJ\.",
        ],
    ),
}
"""Every search that is bundled, with what it says: what it looked for, found and chose and why, and what that costs."""

EXPECTED = r"On calibration samples they leave after \S+ timesteps on average, with \S+% right\."
EXITS: dict[str, tuple[Any, list[str]]] = {
    "entropy": (
        Entropy(),
        [
            r"A sample leaves as soon as the entropy .* above a threshold between \S+ and \S+, one for each timestep\.",
            EXPECTED,
        ],
    ),
    "entropy, within timesteps": (
        Entropy(latency=4.0),
        [
            "",
            r"The thresholds were searched on calibration samples: of \d+ that were tried, \d+ let samples leave",
            EXPECTED,
        ],
    ),
    "confidence": (
        Confidence(threshold=0.3, minimum=2),
        [
            r"A sample leaves as soon as the likeliest class .* of 0\.3\.",
            r"Nobody leaves before timestep 2\.",
            EXPECTED,
        ],
    ),
    "stability": (
        Stability(threshold=0.5),
        [
            r"A sample leaves as soon as its output has stopped changing: .* of 0\.5\.",
            "Nobody leaves before timestep 2",
            EXPECTED,
        ],
    ),
    "fixed": (
        Fixed(2),
        [r"Every sample leaves after 2 timesteps, in a network that was made for more: nothing was fitted\."],
    ),
}
"""Every exit that is bundled, with what it says."""


def labelled() -> tuple[torch.Tensor, torch.Tensor]:
    with torch.no_grad():
        return IMAGES, seeded(ConvNet).float().eval()(IMAGES).argmax(1)


@cache
def calm() -> snnfw.Judgement:
    """Return the judgement of a classifier that also says how far two outputs are apart."""
    from snnfw.simulate.accuracy import Accuracy, is_correct, require_logits

    return snnfw.Judgement(
        lambda: Accuracy(labels()),
        "accuracy",
        require_logits,
        is_correct,
        lambda of, to: (of - to).abs().amax(1).clamp(max=1),
    )


def labels() -> int:
    with torch.no_grad():
        return int(seeded(ConvNet).float().eval()(IMAGES).shape[1])


def searched(search: Any, leaving: Any) -> Report:
    registry = Registry()
    snn = snnfw.convert(
        seeded(ConvNet).float().eval(),
        labelled(),
        method="adafire",
        search=search or False,
        exit=False,
        converter="direct",
        timesteps=4,
        metric=calm(),
        registry=registry,
    )
    return snnfw.evaluate(snn, labelled(), calm(), exit=leaving, registry=registry)


def holds(said: list[str], wanted: list[str]) -> None:
    assert len(said) == len(wanted), said
    for sentence, pattern in zip(said, wanted, strict=True):
        assert re.match(pattern, sentence), sentence


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_says_in_words_what_it_did(name: str) -> None:
    search, wanted = SEARCHES[name]
    report = searched(search, None)
    holds(explained(report.search or {}), wanted)


@pytest.mark.parametrize("name", EXITS)
def test_an_exit_says_in_words_what_it_does(name: str) -> None:
    leaving, wanted = EXITS[name]
    report = searched(None, leaving)
    holds(explained(report.exit or {}), wanted)
    if name == "fixed":
        page = report_page(replace(report, search={"kept": 1}), {})
        assert "<details><summary>The exit rule&#39;s record</summary>" in page
        assert "<details><summary>The search&#39;s record</summary>" in page


def test_everything_that_is_bundled_is_tried() -> None:
    registry = Registry()
    for kind, tried in (("searches", SEARCHES), ("exit_policies", EXITS)):
        assert {name.partition(",")[0] for name in tried} == set(registry.all(kind))
