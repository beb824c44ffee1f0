"""Write a run's report as one page that needs nothing beside it: no network, no script, no other file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml

from snnfw.planning.kinds import Kind
from snnfw.report import figures
from snnfw.report.calls import merge_layers, merge_operators
from snnfw.report.drawing import Picture, data_uri
from snnfw.report.folder import as_json
from snnfw.report.records import describe_fitting, describe_record, exit_steps, site_choices
from snnfw.report.report import Report
from snnfw.report.sentences import describe_costs, describe_exactness, describe_rise, quantised_cell
from snnfw.report.units import format_joules, format_percent, format_score, format_si
from snnfw.values import Keep

if TYPE_CHECKING:
    from jinja2 import Environment


def report_page(report: Report, files: Mapping[str, str | bytes]) -> str:
    """Return the page; what a search (``search/*.png`` in ``files``) and the task drew themselves become part of it."""
    exits, about = exit_steps(report), report.about
    model = about.get("config", {}).get("model") or {}
    return (
        templates()
        .get_template("report.html.jinja")
        .render(
            title=" · ".join(str(part) for part in (about.get("task"), about.get("plugin"), model.get("name")) if part),
            report=report,
            layers=merge_layers(report.layers),
            operators=merge_operators(report.operators),
            rise=describe_rise(report),
            exactness=describe_exactness(report),
            sentences=describe_costs(report),
            charts={
                "timesteps": figures.draw_timesteps(report),
                "layers": figures.draw_layers(report),
                "search": _search_pictures(files) or figures.draw_search(report),
                "exit": figures.draw_exits(report),
                "measured": figures.draw_measured(report),
                "seen": _task_pictures(report, files),
            },
            searched=describe_record(report.search or {}),
            choices=site_choices(report.search or {}),
            fitted=describe_fitting(about),
            exits=exits,
            thresholds=any(row.threshold is not None for row in exits),
            uncharged=set(report.uncharged),
            analog=", ".join(_analog_operators(report)),
            multiplied=", ".join(
                f"{op.operator} at '{op.path or op.node}'" for op in merge_operators(report.operators) if op.repeats
            ),
        )
    )


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
    environment.filters |= {"si": format_si, "joules": format_joules, "percent": format_percent, "yaml": _yaml}
    environment.globals |= {"rest_of": _rest_of, "score": format_score, "quantised_cell": quantised_cell}
    return environment


def _search_pictures(files: Mapping[str, str | bytes]) -> list[Picture]:
    """Return the pictures that a search drew, captioned with their names."""
    return [
        Picture(name.removeprefix("search/").removesuffix(".png"), data_uri(content, "image/png"))
        for name, content in sorted(files.items())
        if name.startswith("search/") and name.endswith(".png") and isinstance(content, bytes)
    ]


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
