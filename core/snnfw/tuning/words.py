"""Say what a search found: how it was looked for, how sure the choice is, and the sentence for a paper."""

from __future__ import annotations

import re
from importlib.metadata import version

from snnfw.config.tuning import Aim
from snnfw.report.answers import headline_of, point_of, say_score
from snnfw.report.report import Report
from snnfw.report.units import describe_share, format_count, format_joules, format_percent, plural
from snnfw.tuning.record import frontier
from snnfw.tuning.values import Choice, Finding, Minimised

COSTS = {"energy": "least energy", "timesteps": "fewest timesteps", "spikes": "fewest spikes"}


def explain(choice: Choice, aim: Aim, headline: str, apart: str = "held-out calibration samples") -> list[str]:
    """Return in sentences what was looked for, what was found, and how sure that is.

    ``apart`` says in words what candidates were judged on.
    """
    front = frontier(choice.finalists, aim.minimise)
    return [
        f"Looked for the {COSTS[aim.minimise]} at which {headline} drops by no more than {_allowed(aim.drop)}: of "
        f"{plural(len(choice.findings), 'candidate')}, {len(choice.finalists)} were confirmed on {choice.full} "
        f"{apart}, and {len(front)} of those are beaten by no other.",
        verdict(choice, aim),
    ]


def verdict(choice: Choice, aim: Aim) -> str:
    """Return in a sentence what was chosen and how sure it is; where nothing will do, what comes nearest."""
    found = choice.chosen
    name, samples = (
        found.candidate.name,
        f"on {choice.full} samples that nothing was picked by (one is {100 / choice.full:.2g} points)",
    )
    has = f"drops {_points(found)} at {describe_cost(found, aim.minimise)} {samples}"
    if choice.sure:
        return f"Chose {name}: it {has}; that it is no more than {_allowed(aim.drop)} is {found.sure:.0%} sure."
    if choice.met:
        told = f" at {choice.full} samples it could be {choice.attainable:.0%} at most" * (
            choice.attainable < aim.confidence
        )
        return (
            f"Chose {name}: it {has}, but that it is no more than {_allowed(aim.drop)} is only {found.sure:.0%} sure, "
            f"and {aim.confidence:.0%} was asked for:{told or ' none of the finalists is surer'}."
        )
    return (
        f"Nothing that was tried drops by no more than {_allowed(aim.drop)}. {name} comes nearest: it {has} "
        f"({found.sure:.0%} sure to be within)."
    )


def describe_cost(found: Finding, minimise: Minimised) -> str:
    """Return what a candidate costs, in words."""
    evidence = found.evidence
    if evidence is None:
        return "an unknown cost"
    cost = {
        "energy": f"{format_joules(evidence.energy)} a sample",
        "timesteps": f"{evidence.steps:.3g} timesteps a sample",
        "spikes": f"{format_count(evidence.spikes)} spikes a sample",
    }
    return cost[minimise]


def _for_readers(name: str) -> str:
    """Return a candidate's name without the numbers of the rounds that mixed its neurons."""
    return re.sub(r"(, layer by layer \([\d.]+\))+", ", neurons chosen layer by layer", name)


def _allowed(drop: float) -> str:
    return f"{drop:g} point{'s' * (drop != 1)}"


def _points(found: Finding) -> str:
    drop = found.evidence.drop if found.evidence else 0.0
    return (
        f"by {drop:.2f} points" if drop > 0 else f"by nothing ({-drop:.2f} points more)" if drop < 0 else "by nothing"
    )


def describe_test(report: Report, drop: float) -> str:
    """Return in a sentence whether the drop is met on test data, which nothing was chosen by."""
    own = headline_of(report, report.network)
    lost = (own - headline_of(report, report.checkpoints[-1])) / point_of(own)
    met = "meets" if lost <= drop + 1e-9 else "does not meet"
    said = f"a drop of {lost:.2f} points" if lost > 0 else "no drop"
    return f"On {plural(report.samples, 'test sample')}, looked at once and at the end, it {met} the drop: {said}."


def paper_sentence(report: Report, choice: Choice, aim: Aim) -> str:
    """Return the sentence that somebody would write into a paper: method, choice, data, scores and cost."""
    final, found = report.checkpoints[-1], choice.chosen
    ours, own = headline_of(report, final), headline_of(report, report.network)
    steps = f" ({final.steps:.2f} on average)" if final.steps != final.timestep else ""
    return (
        f"The network was converted with {_for_readers(found.candidate.name)} (snnfw {version('snnfw')}), chosen among "
        f"{len(choice.findings)} candidates as the one of {COSTS[aim.minimise]} whose {report.headline} drops by at "
        f"most {_allowed(aim.drop)} on {choice.full} held-out samples ({found.sure:.0%} sure); on {report.samples} "
        f"test samples it reaches {report.headline} {say_score(ours)} (the network {say_score(own)}) after "
        f"{plural(final.timestep, 'timestep')}{steps} for {format_joules(final.energy.total)} a sample, "
        f"{describe_share(final.energy_ratio)} the network's ({format_percent(final.energy_ratio)}; "
        f"{report.energy_model.partition('(')[0]})."
    )
