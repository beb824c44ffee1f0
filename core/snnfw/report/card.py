"""Write a network's card: what it is, how good, at which cost, and what it is not good for, as model hubs show it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from snnfw.errors import SnnfwError
from snnfw.report.answers import is_within, say_score
from snnfw.report.folder import as_json
from snnfw.report.markdown import code_block, code_span, escape_markdown, table
from snnfw.report.report import PART
from snnfw.report.units import format_joules, format_percent, format_score
from snnfw.spiking.model import SpikingModel
from snnfw.values import Keep

MOST_NAMED = 100
"""So many classes are named."""
LICENCE = (
    "# license: yours to say, e.g. apache-2.0; ask what the network's weights and its data allow, too\n"
    "# https://huggingface.co/docs/hub/repositories-licenses\n"
)


def write_card(model: SpikingModel, about: Mapping[str, Any], kept: bool = True) -> str:
    """Return the card as Markdown with YAML before it; ``about`` is a network's provenance with its results.

    ``kept`` says that the network lies beside the card as ``net.snn``.

    Raises:
        SnnfwError: the provenance is not what snnfw writes.

    """
    try:
        return _write(model, json.loads(as_json(about)), kept)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SnnfwError(f"the network has no card: its provenance is damaged, or was changed ({error}).") from error


def _write(model: SpikingModel, about: Mapping[str, Any], kept: bool) -> str:
    """Return the card, of provenance as it is in a file: plain data, and no number that is not finite."""
    sections = (
        _headline(model, about),
        _scores(about),
        _energies(about),
        "\n".join(["## What it is not good for", "", *(f"- {reason}" for reason in _limits(model, about))]),
        _data(about),
        _conversion(about),
        _loading(model, about, kept),
    )
    return "\n\n".join([_front_matter(about), *filter(None, sections)]) + "\n"


def _front_matter(about: Mapping[str, Any]) -> str:
    """Return the metadata that the Hugging Face hub reads; which license holds is not ours to say."""
    words = (about.get("task"), about.get("plugin"))
    given: dict[str, Any] = {
        "library_name": "snnfw",
        "tags": ["snnfw", "spiking-neural-network", *(str(word) for word in words if word)],
    }
    if measured := _last_scores(about):
        timestep, scores = measured
        given["metrics"] = [name for name in scores if PART not in name]
        task, data = str(about.get("task") or "other"), _name(about, "data") or "unnamed"
        given["model-index"] = [
            {
                "name": _title(about),
                "results": [
                    {
                        "task": {"type": task, "name": task},
                        "dataset": {"type": data, "name": data, "split": "evaluation"},
                        "metrics": [
                            {"type": name, "value": value, "name": f"{name} after {timestep} timesteps"}
                            for name, value in scores.items()
                            if PART not in name and value is not None
                        ],
                    }
                ],
            }
        ]
    return f"---\n{LICENCE}{yaml.safe_dump(given, sort_keys=False, allow_unicode=True)}---"


def _headline(model: SpikingModel, about: Mapping[str, Any]) -> str:
    plugin, network = about.get("plugin"), _name(about, "model")
    how = f" by {code_span(plugin)}" if plugin else ""
    made = f"converted from {escape_markdown(network)}" if network else "converted"
    sites = Counter(str(each.neuron.name) for each in model.plan.placements if not isinstance(each.neuron, Keep))
    neurons = ", ".join(f"{_count(count, 'site')} of {code_span(name)}" for name, count in sites.most_common())
    return (
        f"# {escape_markdown(_title(about))}\n\n"
        f"A spiking neural network, {made}{how} with [snnfw](https://pypi.org/project/snnfw): its neurons send events "
        f"for {_count(model.timesteps, 'timestep')}, and its output is read from what they have sent "
        f"({model.plan.coding} coding). Neurons: {neurons or 'none'}."
    )


def _scores(about: Mapping[str, Any]) -> str:
    """Return the scores of the network and of the spiking network at each checkpoint."""
    scores, results = about.get("scores") or {}, about.get("results") or {}
    if not scores:
        return (
            "## Scores\n\nNone were measured: `snnfw.evaluate(snn, batches)` does, and `snn.save(path, report)` keeps "
            "them."
        )
    steps = results.get("steps") or {}
    rows = [("network", results["network"], "")] if results.get("network") else []
    rows += [(f"T = {at}", row, f"{steps[at]:.3g}" if at in steps else "") for at, row in scores.items()]
    names = list(dict.fromkeys(name for _, row, _ in rows for name in row if PART not in name))
    lines = [[first, *(_score(row, name) for name in names), mean] for first, row, mean in rows]
    samples = results.get("samples")
    on = f" on {samples} samples of {escape_markdown(_name(about, 'data') or 'the evaluation data')}" if samples else ""
    return f"## Scores\n\nMeasured{on}.\n\n{table(['', *names, 'mean timesteps'], lines)}"


def _score(row: Mapping[str, float], name: str) -> str:
    return "-" if row.get(name) is None else format_score(row, name)


def _energies(about: Mapping[str, Any]) -> str:
    energies = (about.get("results") or {}).get("energies") or {}
    rows = [
        [name, "", "", entry["refused"]]
        if "refused" in entry
        else [name, *map(format_joules, (entry["network"], entry["spiking"])), _share(entry)]
        for name, entry in energies.items()
    ]
    if not rows:
        return ""
    return (
        "## Energy\n\nOf one sample, counted from its operations and events and priced by each model; nothing was "
        f"measured on a chip.\n\n{table(['model', 'network', 'spiking network', 'share'], rows)}"
    )


def _limits(model: SpikingModel, about: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the network is not good for, each as a sentence in Markdown."""
    shapes = " and ".join(code_span(shape) for shape in _shapes(model))
    yield f"**Inputs of another shape or kind** than {shapes}: it was captured for these, and for any number N of them."
    yield (
        f"**Other preprocessing** than that of {escape_markdown(_name(about, 'data') or 'the calibration data')}: its "
        "thresholds were fitted to what that gives."
    )
    yield f"**Other than {_count(model.timesteps, 'timestep')}**: what was calibrated and read out is made for so many."
    analog = Counter(fate.operator for fate in model.plan.analog)
    if analog:
        named = ", ".join(f"{count} {escape_markdown(name)}" for name, count in analog.most_common(6))
        yield f"**Hardware that knows events alone**: {_count(analog.total(), 'operator')} stay analog ({named})."
    yield from _measured_limits(model, about)


def _measured_limits(model: SpikingModel, about: Mapping[str, Any]) -> Iterator[str]:
    results, measured = about.get("results") or {}, _last_scores(about)
    if measured is None:
        yield "**Anything that has to be right**: it was scored on nothing yet."
        return
    timestep, scores = measured
    headline = results.get("headline", "")
    ours, theirs = scores.get(headline), (results.get("network") or {}).get(headline)
    if ours is not None and theirs is not None and not is_within(ours, theirs):
        fell = f"{escape_markdown(headline)} falls from {say_score(theirs)} to {say_score(ours)}"
        yield f"**Being as good as the network**: {fell} after {_count(timestep, 'timestep')}."
    yield from map(escape_markdown, results.get("cautions") or ())
    mean = (results.get("steps") or {}).get(timestep)
    if mean is not None and mean < float(timestep):
        yield (
            f"**Stopping early by itself**: it was scored with samples leaving when they are sure, after {mean:.3g} "
            f"timesteps in the mean, and `snn(x)` runs all {_count(model.timesteps, 'timestep')}."
        )
    energies = results.get("energies") or {}
    dear = [name for name, entry in energies.items() if entry.get("spiking", 0) > entry.get("network", 0)]
    if dear:
        yield f"**Saving energy** by {', '.join(map(escape_markdown, dear))}: it takes more than the network itself."
    if share := results.get("multiplied_share"):
        yield f"**Doing without products**: {format_percent(share)} of the MACs are multiplied at every timestep."
    yield "**Other data** than it was scored on: nothing is known of it there."


def _data(about: Mapping[str, Any]) -> str:
    rows = []
    for split in ("calibration", "evaluation"):
        known = about.get(split)
        samples = about.get(f"{split}_samples")
        if isinstance(known, Mapping):
            counted = samples or _count(known.get("batches"), "batch")
            rows.append([split, str(counted), str(known.get("first_batch")), str(known.get("first_batch_sha256"))])
    if not rows:
        return ""
    name = escape_markdown(_name(about, "data") or "given as tensors")
    return (
        f"## Data\n\n{name}. The hash is that of the first batch, which tells one data set, order and preprocessing "
        f"from another.\n\n{table(['split', 'samples', 'in the first batch', 'SHA-256 of it'], rows)}"
    )


def _conversion(about: Mapping[str, Any]) -> str:
    config, versions = about.get("config") or {}, about.get("versions") or {}
    told = ", ".join(f"{escape_markdown(name)} {escape_markdown(number)}" for name, number in versions.items())
    lines = [
        "## How it was made",
        f"With {told or 'unknown versions'}"
        + (f", {escape_markdown(about['created'])}." if about.get("created") else "."),
    ]
    if command := about.get("command"):
        lines.append(code_block(str(command), "sh"))
    if config:
        lines.append(code_block(yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True), "yaml"))
    return "\n\n".join(lines)


def _loading(model: SpikingModel, about: Mapping[str, Any], kept: bool) -> str:
    """Return how to call it, and what its answers mean."""
    if not kept:
        return "## How to load it\n\nIt was not kept: run it again with `save=true`, which writes `net.snn`."
    given = ", ".join(f"x{number}" if number else "x" for number in range(len(model.graph.inputs)))
    shapes = ", ".join(_shapes(model))
    lines = f'import snnfw\nsnn = snnfw.load("net.snn")\noutput = snn({given})  # {shapes}'
    classes = about.get("classes") or ()
    named = ", ".join(map(escape_markdown, classes[:MOST_NAMED]))
    more = f" and {len(classes) - MOST_NAMED} others" if len(classes) > MOST_NAMED else ""
    told = f"\n\nIts classes, in order: {named}{more}." if classes else ""
    return f"## How to load it\n\n{code_block(lines, 'python')}{told}"


def _shapes(model: SpikingModel) -> list[str]:
    """Return the type and shape of each input."""
    shapes = []
    for node in model.graph.inputs:
        value = node.meta["val"]
        frames = ["frames"] if model.plan.temporal else []
        size = ", ".join(["N", *frames, *map(str, map(int, value.shape[1:]))])
        shapes.append(f"{str(value.dtype).removeprefix('torch.')} [{size}]")
    return shapes


def _last_scores(about: Mapping[str, Any]) -> tuple[Any, Mapping[str, float]] | None:
    scores = about.get("scores") or {}
    return list(scores.items())[-1] if scores else None


def _name(about: Mapping[str, Any], what: str) -> str | None:
    name = ((about.get("config") or {}).get(what) or {}).get("name")
    return None if name is None else str(name)


def _title(about: Mapping[str, Any]) -> str:
    parts = (_name(about, "model"), about.get("plugin"))
    return " · ".join(str(part) for part in parts if part) or "Spiking network"


def _share(entry: Mapping[str, float]) -> str:
    return format_percent(entry["spiking"] / entry["network"]) if entry["network"] else ""


def _count(number: Any, thing: str) -> str:
    plural = "es" if thing.endswith("ch") else "s"
    return f"{number} {thing}{plural * (str(number) != '1')}"
