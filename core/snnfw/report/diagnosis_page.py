"""Write a diagnosis as a page, as data and as a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snnfw.diagnosis.findings import Diagnosis, SiteError, telling_parts
from snnfw.diagnosis.verdict import explain
from snnfw.report.diagnosis_figures import draw_growth, draw_parts, draw_scatter, draw_traces
from snnfw.report.folder import as_json
from snnfw.report.html import templates, title_of
from snnfw.report.saving import save_files
from snnfw.report.tabular import as_csv


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
    growth = [draw_growth(found), draw_scatter(found)] if found.sites else []
    return (
        templates()
        .get_template("diagnosis.html.jinja")
        .render(
            title=f"Diagnosis: {title_of(about)}" if title_of(about) else "Diagnosis",
            found=found,
            said=explain(found),
            parts=telling_parts(found.sites),
            charts=[draw_parts(found.sites), *growth] if found.sites else [],
            traces=[draw_traces(trace)] if trace and trace.neurons else [],
        )
    )


def diagnosis_csv(found: Diagnosis) -> str:
    """Return the sites as comma-separated values, a line each, below their names."""
    return as_csv(list(map(_row, found.sites)))


def _row(site: SiteError) -> Mapping[str, Any]:
    """Return everything that is known of a site but the points of its picture."""
    plain = dataclasses.asdict(site)
    parts, threshold = plain.pop("parts"), plain.pop("threshold")
    del plain["points"]
    thresholds = {f"threshold_{name}": value for name, value in threshold.items()}
    return {**plain, **parts, "snr": site.snr, **thresholds, "bad": site.is_bad, "cause": site.cause}
