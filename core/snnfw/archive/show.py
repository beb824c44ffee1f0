"""Print what a network's file holds: where it comes from, what it scored, and its plan; no tensor is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from snnfw.archive.files import describe_file
from snnfw.errors import SnnfwError, printable
from snnfw.report.units import format_score
from snnfw.values import RATE


def show_network(path: Path, console: Console) -> None:
    """Print provenance, scores and sites of a network's file.

    Raises:
        SnnfwError: it cannot be read, is damaged, or is no network.

    """
    header = describe_file(path)
    try:
        tables = [_provenance(header), _scores(header["about"]), _sites(header["model"])]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SnnfwError(f"'{path}' cannot be opened: its header is damaged, or was changed ({error}).") from error
    for table in tables:
        if table is not None:
            console.print(table)


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for heading in headings:
        table.add_column(Text(printable(heading)), overflow="fold")
    return table


def _provenance(header: Mapping[str, Any]) -> Table:
    about, model = header["about"], header["model"]
    versions = about.get("versions", {})
    rows = {
        "task": about.get("task"),
        "plugin": about.get("plugin"),
        "network": (about.get("config", {}).get("model") or {}).get("name"),
        "timesteps": model["timesteps"],
        "coding": model.get("coding", RATE),
        "operators": len(model["graph"]["nodes"]),
        "created": about.get("created"),
        "with": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "schema": header["schema"],
        "card": "print(snnfw.load(...).card())" if header.get("card") else "",
    }
    table = _table("network", "", "")
    for name, value in rows.items():
        if value not in (None, ""):
            table.add_row(Text(name), Text(printable(str(value))))
    return table


def _scores(about: Mapping[str, Any]) -> Table | None:
    scores = about.get("scores") or {}
    names = list(dict.fromkeys(name for row in scores.values() for name in row if "/" not in name))
    if not names:
        return None
    table = _table("scores", "timestep", *names)
    for timestep, row in scores.items():
        table.add_row(Text(printable(str(timestep))), *(Text(format_score(row, name)) for name in names))
    return table


def _sites(model: Mapping[str, Any]) -> Table:
    table = _table("plan", "site", "neuron", "plugin", "version")
    for placed in model["sites"]:
        neuron = dict(placed["neuron"])
        name = neuron.pop("name")
        given = ", ".join(f"{key}={value}" for key, value in neuron.items())
        shown = f"{name}({given})" if given else name
        row = (placed["site"], shown, placed.get("plugin") or "", placed.get("version") or "")
        table.add_row(*(Text(printable(str(cell))) for cell in row))
    return table
