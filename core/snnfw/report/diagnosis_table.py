"""Show a diagnosis in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from snnfw.diagnosis.findings import PARTS, Diagnosis, SiteError
from snnfw.diagnosis.verdict import explain

MOST_SITES = 24
"""Sites that the terminal shows; of more, those with the largest errors of their own."""


def show_diagnosis(found: Diagnosis, console: Console) -> None:
    """Print what is wrong first and what mends it, then site by site where the error comes from."""
    for sentence in explain(found):
        console.print(Text(sentence))
    console.print(_sites(found))
    if found.tried:
        console.print(_tried(found))


def _sites(found: Diagnosis) -> Table:
    table = Table(title="relative error, site by site", title_justify="left", header_style="bold")
    parts = [part for part in PARTS if any(abs(site.parts[part]) > 1e-4 for site in found.sites)]
    table.add_column("site", no_wrap=True, overflow="ellipsis")
    for heading in ("error", *(_short(part) for part in parts), "dB"):
        table.add_column(heading, justify="right", no_wrap=True)
    worst = sorted(found.sites, key=lambda site: -site.own)[:MOST_SITES]
    for site in found.sites:
        if site in worst:
            table.add_row(*map(Text, _row(site, parts)), style="bold" if site is found.bad else None)
    if len(found.sites) > MOST_SITES:
        table.caption = f"the {MOST_SITES} of {len(found.sites)} sites with the largest errors of their own"
    return table


def _row(site: SiteError, parts: list[str]) -> list[str]:
    if site.is_silent:
        return [site.site, "silent", *["" for _ in parts], ""]
    return [site.site, f"{site.error:.3f}", *(f"{site.parts[part]:.3f}" for part in parts), f"{site.snr:.1f}"]


def _short(part: str) -> str:
    return {"quantisation": "quantis.", "operators": "operat."}.get(part, part)


def _tried(found: Diagnosis) -> Table:
    title = Text(f"tried at '{found.bad.site if found.bad else ''}'")
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("what", overflow="fold")
    for heading in ("error", "output", "events"):
        table.add_column(heading, justify="right", no_wrap=True)
    for trial in found.tried:
        row = (trial.words, f"{trial.error:.3f}", f"{trial.output:.3f}", f"{trial.events:,.0f}")
        table.add_row(*map(Text, row), style="bold" if trial is found.cure else None)
    return table
