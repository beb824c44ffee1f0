"""Show a diagnosis in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from snnfw.diagnosis.findings import Diagnosis, SiteError, telling_parts
from snnfw.diagnosis.verdict import explain
from snnfw.report.selecting import keep_largest
from snnfw.report.tables import plain_table

MOST_SITES = 24
"""Sites that the terminal shows; of more, those with the largest errors of their own."""

SHORT = {"quantisation": "quantis.", "operators": "operat."}
"""What parts are called where there is little room."""


def show_diagnosis(found: Diagnosis, console: Console) -> None:
    """Print what is wrong first and what mends it, then site by site where the error comes from."""
    for number, sentence in enumerate(explain(found)):
        console.print(Text(sentence, style="" if number else "bold"))
    console.print(Text("relative error, site by site", style="italic"), _sites(found))
    if len(found.sites) > MOST_SITES:
        left = f"the {MOST_SITES} of {len(found.sites)} sites with the largest errors of their own; the page has all"
        console.print(Text(left, style="dim"))
    if found.tried:
        console.print(Text(f"tried at '{found.bad.site if found.bad else ''}'", style="italic"), _tried(found))


def _sites(found: Diagnosis) -> Table:
    table = plain_table()
    parts = telling_parts(found.sites)
    table.add_column("site", no_wrap=True, overflow="ellipsis")
    for heading in ("error", *(SHORT.get(part, part) for part in parts), "dB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for site in keep_largest(found.sites, lambda site: site.own, MOST_SITES):
        table.add_row(*map(Text, _row(site, parts)), style="bold" if site is found.bad else None)
    return table


def _row(site: SiteError, parts: list[str]) -> list[str]:
    if site.is_silent:
        return [site.site, "silent", *["" for _ in parts], ""]
    return [site.site, f"{site.error:.3f}", *(f"{site.parts[part]:.3f}" for part in parts), f"{site.snr:.1f}"]


def _tried(found: Diagnosis) -> Table:
    table = plain_table()
    table.add_column("what", overflow="fold")
    for heading in ("error", "output", "events"):
        table.add_column(heading, justify="right", no_wrap=True)
    for trial in found.tried:
        row = (trial.words, f"{trial.error:.3f}", f"{trial.output:.3f}", f"{trial.events:,.0f}")
        table.add_row(*map(Text, row), style="bold" if trial is found.cure else None)
    return table
