from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from made_reports import made_report
from snnfw.report.answers import describe_answers, first_within, is_chance
from snnfw.report.cautions import CAUTIONS, describe_cautions
from snnfw.report.report import Report
from snnfw.report.units import describe_share, format_count, format_rate
from snnfw.values import DELTA


def scored(own: float, *scores: float, **values: Any) -> Report:
    """Return a report with a checkpoint for each score, at 1, 2, 4 ... timesteps, with nobody leaving early."""
    base = made_report(**values)
    points = tuple(
        replace(base.checkpoints[-1], timestep=2**n, steps=2.0**n, scores={"accuracy": score}, energy_ratio=0.5)
        for n, score in enumerate(scores)
    )
    return replace(base, checkpoints=points, network=replace(base.network, scores={"accuracy": own}))


def test_what_came_out_is_said_in_plain_words() -> None:
    report = made_report()
    report = replace(report, network=replace(report.network, eight_bit=1e-3))
    assert describe_answers(report) == (
        "The spiking network reaches accuracy 75.0% after 2 timesteps (1.50 on average), on 10 samples; the network "
        "itself 90.0%, 15 points more.",
        "It does not come within a point of the network in the 2 timesteps that were run.",
        "A sample takes 2 µJ, about as much as the network's 2 µJ (100.0%). Quantised to 8 bits the network would take "
        "about half of that; to 6 bits, which tell as much as its events, about a quarter of that.",
        "What costs most is conv2d 'conv0', with 50.0% of the energy.",
    )


@pytest.mark.parametrize(
    ("own", "scores", "first", "said"),
    [
        (
            0.9,
            (0.1, 0.895, 0.9),
            2,
            "It is within a point of the network from timestep 2 on (of those that were scored: 1, 2, 4).",
        ),
        (0.9, (0.9, 0.1, 0.95), 4, "from timestep 4 on"),  # it was near before, and left again
        (0.9, (0.1, 0.2), None, "It does not come within a point of the network in the 2 timesteps that were run."),
        (0.9, (0.1, 0.95, 0.8), None, "It was within a point of the network at timestep 2, but is not at the last, 4."),
        (0.9, (0.1,), None, "in the one timestep."),
        (0.9, (0.9,), 1, "That is within a point of the network; no other timestep was scored."),
        (30.0, (29.0, 29.8), 2, "It is within 1% of the network from timestep 2 on"),
        (math.nan, (0.9,), None, ""),
    ],
)
def test_the_timestep_from_which_on_it_is_within_a_point(
    own: float, scores: tuple[float, ...], first: int | None, said: str
) -> None:
    report = scored(own, *scores)
    assert first_within(report) == first
    assert said in " ".join(describe_answers(report))


@pytest.mark.parametrize("headline", [math.nan, math.inf])
def test_a_score_that_is_no_number_is_not_compared(headline: float) -> None:
    said = " ".join(describe_answers(scored(0.9, headline)))
    assert "reaches" not in said
    assert "A sample takes" in said


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.33, "about a third of"),
        (0.105, "about a tenth of"),
        (0.57, "57% of"),
        (0.0004, "0.04% of"),
        (0.97, "about as much as"),
        (1.05, "about as much as"),
        (1.74, "1.74 times"),
        (12.0, "12 times"),
    ],
)
def test_shares_are_said_as_people_say_them(share: float, words: str) -> None:
    assert describe_share(share) == words


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (0.0023, "0.0023"), (0.5, "0.5"), (21_294, "21.3 k"), (3, "3"), (999.7, "1 k"), (math.nan, "- (NaN)")],
)
def test_there_are_no_thousandths_of_spikes(count: float, text: str) -> None:
    assert format_count(count) == text


@pytest.mark.parametrize(
    ("ours", "said"),
    [(0.9, ", the same."), (0.8878, "1.2 points less."), (0.0, "90 points less."), (1.0, "10")],
)
def test_a_difference_is_said_in_points(ours: float, said: str) -> None:
    assert said.replace("less", "more") in describe_answers(scored(0.9, ours))[0].replace("less", "more")
    assert "e+" not in describe_answers(scored(1.0, 0.0))[0]


def test_a_score_without_an_error_is_no_guess_however_few_the_classes_or_samples() -> None:
    assert not is_chance(1.0, 1.0, 64)
    assert not is_chance(1.0, 0.5, 2)
    assert is_chance(0.5, 0.5, 2)


def test_a_small_rate_is_not_zero() -> None:
    assert [format_rate(rate) for rate in (0.0, 2e-5, 0.25)] == ["0.000", "2e-05", "0.250"]


TOLD = {"warnings": ["plugin=inflor is for networks that are trained with it."]}
TRAINED = {"trained": {"plugin": "lif", "timesteps": "4"}}

WARNED: dict[str, tuple[Report, str]] = {
    "no_number": (
        scored(0.9, math.nan),
        "accuracy of the spiking network is no number (nan): nothing can be said of how good it is.",
    ),
    "network_by_chance": (
        scored(0.12, 0.11, chance=0.1, samples=100),
        "The network itself scores 12.0%, no better than guessing (10.0%): it is not trained for this data, or gets "
        "inputs that are prepared in another way than those it was trained on.",
    ),
    "spiking_by_chance": (
        scored(0.9, 0.11, chance=0.1, samples=100),
        "The score is that of guessing (10.0%): give it more timesteps or another method; 'snnfw diagnose' says which "
        "layer loses the signal.",
    ),
    "spiking_by_chance, which was told before": (
        scored(0.9, 0.11, about=TOLD, chance=0.1, samples=100),
        "The score is that of guessing (10.0%).",
    ),
    "told_before": (
        scored(0.9, 0.11, about=TOLD, chance=0.1, samples=100),
        "plugin=inflor is for networks that are trained with it.",
    ),
    "describe_rise": (
        replace(scored(0.9, 0.9), checkpoints=(replace(scored(0.9, 0.9).checkpoints[0], energy_ratio=2.5),)),
        "The spiking network takes more energy than the network itself: 250.0% of it after 1 timestep, by the energy "
        "model horowitz.",
    ),
    "other_timesteps": (
        scored(0.9, 0.1, 0.9, about=TRAINED),
        "The network was trained for 4 timesteps and is read after 2: its readout is made for 4. Run it with "
        "timesteps=4.",
    ),
    "read_too_soon": (
        scored(0.9, 0.1, 0.5, 0.9),
        "Scores before timestep 4 are read off a network that is made for 4. One that is made for fewer may do better: "
        "timesteps=2.",
    ),
    "fitted_on_calibration": (
        scored(0.9, 0.9, about={"fitting": {"own": False, "samples": 64}}),
        "Search and exit are fitted on the calibration samples that the conversion saw too, on which it does better.",
    ),
    "few_samples": (
        scored(0.9, 0.9, chance=0.1, samples=100),
        "On 100 samples a score may be 6 points off by luck alone.",
    ),
}
"""A report for each condition, and what it says of it."""


@pytest.mark.parametrize("condition", WARNED)
def test_each_condition_has_its_sentence(condition: str) -> None:
    report, said = WARNED[condition]
    assert said in describe_cautions(report)


def test_every_condition_is_tried() -> None:
    assert {name.partition(",")[0] for name in WARNED} == {caution.__name__ for caution in CAUTIONS}


@pytest.mark.parametrize(
    "report",
    [
        scored(0.9, 0.9, chance=0.1, samples=10_000),
        scored(0.9, 0.9, 0.9),
        scored(0.9, 0.1),  # nobody knows what guessing gives
        scored(0.9, 0.1, 0.1, 0.9, about={"trained": {"plugin": "ann"}}, coding=DELTA),
        scored(0.9, 0.5, about={"warnings": "none"}),
        scored(30.0, 25.0, chance=None),
    ],
)
def test_where_nothing_is_wrong_nothing_is_warned_of(report: Report) -> None:
    assert describe_cautions(report) == ()
