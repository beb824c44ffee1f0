"""What is kept and said of a search follows from its findings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from snnfw.config.tuning import Aim
from snnfw.tuning.record import candidate_rows, frontier, record_of
from snnfw.tuning.values import Candidate, Choice, Evidence, Finding
from snnfw.tuning.words import explain, verdict

UNUSED: Any = None


def finding(
    name: str, score: float, energy: float, sure: float = 0.9, samples: int = 100, steps: float = 2.0
) -> Finding:
    seen = Evidence(samples, score, 0.95, energy, 100.0 * energy, steps, (0.0,), True)
    return Finding(Candidate(name, name, UNUSED), seen, sure, confirmed=samples == 100)


BEST = finding("best", 0.95, 2.0)
FOUND = (
    finding("dear", 0.95, 4.0),
    BEST,
    finding("few", 0.97, 1.0, samples=10),
    finding("poor", 0.5, 1.0, sure=0.0),
    Finding(Candidate("broken", "broken", UNUSED), None, error="no"),
    finding("beaten", 0.94, 3.0),
    finding("fine", 0.96, 5.0),
)


def choice(chosen: Finding = BEST, met: bool = True, sure: bool = True, attainable: float = 0.75) -> Choice:
    return Choice(FOUND, chosen, met, sure, 100, attainable)


def test_the_frontier_is_what_no_other_beats() -> None:
    front = [found.candidate.name for found in frontier(choice().finalists, "energy")]
    assert front == ["poor", "best", "fine"]
    whole = [found for found in choice().finalists if found.evidence]
    for found in whole:
        beaten = any(
            other.evidence.energy <= found.evidence.energy
            and other.evidence.score >= found.evidence.score
            and other is not found
            for other in whole
            if other.evidence and found.evidence
        )
        assert beaten == (found.candidate.name not in front)


def test_rows_go_from_cheap_to_dear_those_of_all_samples_first() -> None:
    rows = candidate_rows(choice(), "energy")
    assert [row["candidate"] for row in rows] == ["poor", "best", "beaten", "dear", "fine", "few", "broken"]
    assert [row["candidate"] for row in rows if row.get("chosen")] == ["best"]
    assert [row["candidate"] for row in rows if row.get("frontier")] == ["poor", "best", "fine"]
    assert rows[-1]["error"] == "no"
    assert rows[0]["drop"] == pytest.approx(45)


def test_the_record_holds_what_was_asked_and_found() -> None:
    record = record_of(choice(), Aim(drop=1.0), {"ann": "no"}, ["said"], ["explained"])
    assert record["asked"] == {"drop": 1.0, "minimise": "energy", "confidence": 0.75}
    assert (record["tried"], record["samples"], record["left_out"]) == (7, 100, {"ann": "no"})


@pytest.mark.parametrize(
    ("chosen", "met", "sure", "attainable", "said"),
    [
        (
            BEST,
            True,
            True,
            0.75,
            "Chose best: it drops by nothing at 2 mJ a sample on 100 samples that nothing was picked by (one is 1 points); ",
        ),
        (replace(BEST, sure=0.6), True, False, 0.75, "only 60% sure, and 75% was asked for: none of the finalists"),
        (replace(BEST, sure=0.6), True, False, 0.6, "at 100 samples it could be 60% at most"),
        (FOUND[3], False, False, 0.75, "Nothing that was tried drops by no more than 0.5 points. poor comes nearest"),
    ],
)
def test_what_was_chosen_is_said_with_how_sure_it_is(
    chosen: Finding, met: bool, sure: bool, attainable: float, said: str
) -> None:
    assert said in verdict(choice(chosen, met, sure, attainable), Aim())


def test_what_was_looked_for_is_said_first() -> None:
    looked, _ = explain(choice(), Aim(drop=1, minimise="timesteps"), "accuracy", "images")
    assert looked == (
        "Looked for the fewest timesteps at which accuracy drops by no more than 1 point: of 7 candidates, 5 were "
        "confirmed on 100 images, and 3 of those are beaten by no other."
    )
