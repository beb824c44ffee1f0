"""What is kept of a search as plain data: every candidate with its evidence, and which of them nothing beats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from snnfw.config.tuning import Aim
from snnfw.tuning.values import Choice, Finding, Minimised


def frontier(findings: Sequence[Finding], minimise: Minimised) -> list[Finding]:
    """Return the findings that no other one beats in cost and score at once, the cheapest first."""
    known = [(each, each.evidence) for each in findings if each.evidence]
    front: list[Finding] = []
    best = float("-inf")
    for found, evidence in sorted(known, key=lambda each: (each[1].cost(minimise), -each[1].score)):
        if evidence.score > best:
            front.append(found)
            best = evidence.score
    return front


def candidate_rows(choice: Choice, minimise: Minimised) -> list[dict[str, Any]]:
    """Return a row for each candidate, those on all samples first, from cheap to dear; energy in millijoules."""
    front = {found.candidate.name for found in frontier(choice.finalists, minimise)}
    return [
        _row(found, choice, found.candidate.name in front) for found in sorted(choice.findings, key=_order(minimise))
    ]


def _order(minimise: Minimised) -> Any:
    def order(found: Finding) -> tuple[Any, ...]:
        evidence = found.evidence
        if evidence is None:
            return 2, 0.0, 0.0
        return int(not found.confirmed), *evidence.cost(minimise)

    return order


def _row(found: Finding, choice: Choice, undominated: bool) -> dict[str, Any]:
    evidence = found.evidence
    row: dict[str, Any] = {"candidate": found.candidate.name, "method": found.candidate.family}
    if evidence is None:
        return {**row, "samples": 0, "error": found.error}
    return {
        **row,
        "samples": evidence.samples,
        "confirmed": found.confirmed,
        "score": evidence.score,
        "network": evidence.own,
        "drop": evidence.drop,
        "sure": found.sure,
        "energy": evidence.energy,
        "spikes": evidence.spikes,
        "steps": evidence.steps,
        "frontier": undominated,
        "chosen": found is choice.chosen,
    }


def record_of(
    choice: Choice, aim: Aim, left_out: Mapping[str, str], verdict: Sequence[str], explained: Sequence[str]
) -> dict[str, Any]:
    """Return the record of the search for the report: ``verdict`` is said first, ``explained`` further down."""
    return {
        "name": "tune",
        "verdict": list(verdict),
        "explained": list(explained),
        "asked": {"drop": aim.drop, "minimise": aim.minimise, "confidence": aim.confidence},
        "met": choice.met,
        "sure": choice.chosen.sure,
        "samples": choice.full,
        "tried": len(choice.findings),
        "candidates": candidate_rows(choice, aim.minimise),
        "left_out": dict(left_out),
    }
