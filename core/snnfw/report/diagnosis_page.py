"""Write a diagnosis as a page, as data and as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snnfw.diagnosis.findings import PARTS, Diagnosis, SiteError
from snnfw.diagnosis.verdict import explain
from snnfw.report.diagnosis_figures import draw_growth, draw_parts, draw_scatter, draw_traces
from snnfw.report.folder import as_json
from snnfw.report.html import templates
from snnfw.report.saving import save_files

COLUMNS = (
    "site", "activation", "neuron", "error", "own", *PARTS, "snr", "magnitude", "largest", "active", "clipped", "lost",
    "threshold_count", "threshold_smallest", "threshold_mean", "threshold_largest", "events", "bad", "cause",
)  # fmt: skip
"""The columns of diagnosis.csv."""


def save_diagnosis(found: Diagnosis, folder: str | Path) -> Path:
    """Write a diagnosis into a new folder, with the configuration that it came from, and return the folder."""
    return save_files(folder, diagnosis_files(found), found.about)


def diagnosis_files(found: Diagnosis) -> dict[str, str]:
    """Return a diagnosis as data, as a table and as a page, by file."""
    return {
        "diagnosis.json": as_json(found.plain()),
        "diagnosis.csv": diagnosis_csv(found),
        "diagnosis.html": diagnosis_page(found),
    }


def diagnosis_page(found: Diagnosis) -> str:
    """Return the page, which needs nothing beside it."""
    about, trace = found.about, found.trace
    model = about.get("config", {}).get("model") or {}
    named = (about.get("task"), about.get("plugin"), model.get("name"))
    growth = [draw_growth(found), draw_scatter(found)] if found.sites else []
    return (
        templates()
        .get_template("diagnosis.html.jinja")
        .render(
            title="Diagnosis: " + " · ".join(str(part) for part in named if part),
            found=found,
            said=explain(found),
            parts=[part for part in PARTS if any(abs(site.parts[part]) > 1e-4 for site in found.sites)],
            charts=[draw_parts(found), *growth] if found.sites else [],
            traces=[draw_traces(trace)] if trace and trace.neurons else [],
            trace=trace,
            about=about,
        )
    )


def diagnosis_csv(found: Diagnosis) -> str:
    """Return the sites as comma-separated values, a line each, below their names."""
    written = io.StringIO()
    table = csv.DictWriter(written, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(map(_row, found.sites))
    return written.getvalue()


def _row(site: SiteError) -> Mapping[str, Any]:
    numbers = {name: getattr(site, name) for name in COLUMNS if hasattr(site, name)}
    threshold = {
        f"threshold_{name}": getattr(site.threshold, name) for name in ("count", "smallest", "mean", "largest")
    }
    return {**numbers, **site.parts, **threshold, "bad": site.is_bad}
