"""Write a run's report as one page that needs nothing beside it: no network, no script, no other file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import yaml

from snnfw.diagnosis.verdict import describe_first_bad
from snnfw.planning.kinds import Kind
from snnfw.report import figures
from snnfw.report.answers import describe_answers
from snnfw.report.calls import merge_layers, merge_operators
from snnfw.report.cautions import describe_cautions
from snnfw.report.diagnosis_figures import draw_parts
from snnfw.report.drawing import COLOURS, DARK, Picture, data_uri
from snnfw.report.folder import as_json
from snnfw.report.records import candidates, describe_exits, describe_fitting, exit_steps, explained, site_choices
from snnfw.report.report import Report
from snnfw.report.search_figures import draw_exits, search_pictures
from snnfw.report.sentences import describe_costs, describe_exactness, quantised_cell
from snnfw.report.units import format_count, format_joules, format_percent, format_rate, format_score
from snnfw.values import Keep

if TYPE_CHECKING:
    from jinja2 import Environment


MOST_ROWS = 40
"""Rows up to which a table stands open on the page; a longer one is folded, and scrolls."""

MOST_NAMES = 12
"""Names that stand in a sentence; of more it says how many there are."""


def report_page(report: Report, files: Mapping[str, str | bytes]) -> str:
    """Return the page; what a search (``search/*.png`` in ``files``) and the task drew themselves become part of it."""
    exits = exit_steps(report)
    operators = merge_operators(report.operators)
    return (
        templates()
        .get_template("report.html.jinja")
        .render(
            title=title_of(report.about),
            report=report,
            first_bad=describe_first_bad(report.errors),
            said=describe_answers(report),
            warned=describe_cautions(report),
            layers=merge_layers(report.layers),
            operators=operators,
            exactness=describe_exactness(report),
            sentences=describe_costs(report),
            charts={
                "timesteps": figures.draw_timesteps(report),
                "layers": figures.draw_layers(report),
                "search": search_pictures(report, files),
                "exit": draw_exits(report),
                "measured": figures.draw_measured(report),
                "errors": [draw_parts(report.errors)] if report.errors else [],
                "seen": _task_pictures(report, files),
            },
            searched=explained(report.search or {}),
            choices=site_choices(report.search or {}),
            candidates=candidates(report.search or {}),
            exited=[*explained(report.exit or {}), *filter(None, [describe_exits(report)])],
            fitted=describe_fitting(report.about),
            exits=exits,
            thresholds=any(row.threshold is not None for row in exits),
            uncharged=set(report.uncharged),
            analog=_few(_analog_operators(report)),
            multiplied=_few([f"{op.operator} at '{op.path or op.node}'" for op in operators if op.repeats]),
        )
    )


def title_of(about: Mapping[str, Any]) -> str:
    """Return what a run is called: its task, its method and its network."""
    model = _mapping(_mapping(about.get("config")).get("model"))
    said = [str(part) for part in (about.get("task"), about.get("plugin"), model.get("name")) if part]
    return " · ".join(said) or "Spiking network"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _few(names: Sequence[str]) -> str:
    """Return names in a row; of many the first, and how many more there are."""
    left = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {left} more" if left > 0 else "")


def templates() -> Environment:
    """Return the templates, which escape everything that is put into them."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("snnfw.report"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count_of": format_count,
        "joules": format_joules,
        "percent": format_percent,
        "rate": format_rate,
        "yaml": _yaml,
    }
    environment.globals |= {
        "colours": len(COLOURS),
        "dark": DARK,
        "few": _few,
        "most_rows": MOST_ROWS,
        "quantised_cell": quantised_cell,
        "rest_of": _rest_of,
        "score": format_score,
    }
    return environment


def _task_pictures(report: Report, files: Mapping[str, str | bytes]) -> list[Picture]:
    """Return the task's pictures with their captions."""
    drawn = ((caption, files.get(name)) for name, caption in report.pictures.items())
    return [Picture(caption, data_uri(image, "image/png")) for caption, image in drawn if isinstance(image, bytes)]


def _analog_operators(report: Report) -> list[str]:
    """Return the analog sites and operators by module path."""
    kept = [
        f"{layer.activation} at '{layer.site}'" for layer in merge_layers(report.layers) if layer.neuron == Keep.name
    ]
    kind = Kind.ANALOG.value
    return kept + [
        f"{op.operator} at '{op.path or op.node}'" for op in merge_operators(report.operators) if op.kind == kind
    ]


def _yaml(value: Any) -> str:
    """Return plain data as YAML, by way of JSON: what report.json can hold can be shown."""
    return yaml.safe_dump(json.loads(as_json({"": value}))[""], sort_keys=False, allow_unicode=True)


def _rest_of(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the lists and mappings that a task tells about itself."""
    shown = ("config", "versions")
    return {
        key: value for key, value in about.items() if key not in shown and isinstance(value, Mapping | list | tuple)
    }
