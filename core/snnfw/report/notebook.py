"""Show plans, reports and networks in notebooks, as small tables of HTML with everything escaped, and in text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape

from snnfw.planning.placement import Plan
from snnfw.report.answers import describe_answers
from snnfw.report.cautions import describe_cautions
from snnfw.report.plans import HEADINGS, describe_neurons, describe_shares, plan_rows
from snnfw.report.report import Report
from snnfw.report.summary import describe_method
from snnfw.report.tables import checkpoint_headings, checkpoint_rows, layer_rows
from snnfw.values import Keep

MOST_ROWS = 60
"""Rows that a table in a notebook shows."""

LAYERS = ("site", "activation", "neuron", "neurons", "spikes", "rate")
STYLE = "text-align:left;padding:1px 10px 1px 0;white-space:nowrap"


def describe_network(plan: Plan, timesteps: int) -> str:
    """Return in a line how many sites have which neuron, for how many timesteps."""
    spiking = [placement.neuron for placement in plan.placements if not isinstance(placement.neuron, Keep)]
    named = Counter(map(describe_method, spiking)).most_common()
    shown = ", ".join(f"{count} x {name}" for name, count in named[:4]) + ", ..." * (len(named) > 4)
    kept = len(plan.placements) - len(spiking)
    return f"timesteps={timesteps}, neurons: {shown}{f', {kept} kept analog' if kept else ''}"


def network_table(plan: Plan, timesteps: int) -> str:
    """Return a spiking network: its neurons, site by site."""
    return f"<div><b>SpikingNetwork</b> ({escape(describe_network(plan, timesteps))})</div>{plan_table(plan)}"


def plan_table(plan: Plan) -> str:
    """Return a plan: every site, and every operator that costs, what repeats folded."""
    said = [*describe_neurons(plan), *describe_shares(plan)]
    return f"{table(HEADINGS, plan_rows(plan))}<div>{'<br>'.join(map(escape, said))}</div>"


def report_text(report: Report) -> str:
    """Return what came out of a run in sentences, its warnings behind."""
    return "\n".join([*describe_answers(report), *(f"! {sentence}" for sentence in describe_cautions(report))])


def plan_text(plan: Plan) -> str:
    """Return how a plan's MACs are charged, and what stays analog, in lines."""
    return "\n".join(describe_shares(plan))


def report_table(report: Report) -> str:
    """Return a report: the checkpoints beside the network itself, then each layer's rate."""
    said = "".join(f"<div>{escape(sentence)}</div>" for sentence in describe_answers(report))
    warned = "".join(f"<div><b>{escape(sentence)}</b></div>" for sentence in describe_cautions(report))
    layers = table(LAYERS, layer_rows(report))
    return (
        f"{said}{warned}"
        f"{table(checkpoint_headings(report), checkpoint_rows(report))}"
        f"<details><summary>{len(report.layers)} layers, at the last checkpoint</summary>{layers}</details>"
        f"<div>{report.samples} samples in {report.seconds:.1f} s</div>"
    )


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of text, as many rows as a notebook should hold."""
    filled = list(rows)
    head = "".join(f'<th style="{STYLE}">{escape(heading)}</th>' for heading in headings)
    body = "".join(_row(row) for row in filled[:MOST_ROWS])
    left = len(filled) - MOST_ROWS
    more = f"<div>... and {left} rows more</div>" if left > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _row(cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f'<td style="{STYLE}">{escape(cell)}</td>' for cell in cells) + "</tr>"
