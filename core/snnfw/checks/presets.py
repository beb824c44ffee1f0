"""Hold a preset against its contract: everything in it can be chosen by name, and it runs a small network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from snnfw.checks.faults import NotTriedError, are_finite, error_text, faults_or_failure, pickle_faults
from snnfw.checks.toy import TIMESTEPS, Toy, make_toy
from snnfw.config.fields import as_plain
from snnfw.config.methods import build_method
from snnfw.config.schema import METHODS
from snnfw.contracts import Preset
from snnfw.errors import SnnfwError
from snnfw.kinds import KINDS
from snnfw.planning.placement import Plan, place
from snnfw.values import Keep, Resources

if TYPE_CHECKING:
    from snnfw.registry import Registry


def check_preset(preset: Preset, registry: Registry) -> list[str]:
    """Return the faults of a preset, in sentences; empty when it has none.

    Raises:
        NotTriedError: its recipe is for other networks than the one that it is tried on.

    """
    trial = make_toy()
    try:
        plan = place(trial.graph, preset.layers)
    except SnnfwError as error:
        raise NotTriedError(str(error)) from error
    return [
        *pickle_faults(preset),
        *faults_or_failure(lambda: _name_faults(preset, registry), "choosing its parts by name"),
        *faults_or_failure(lambda: _run_faults(preset, plan, trial), "running a small network"),
    ]


def _name_faults(preset: Preset, registry: Registry) -> Iterator[str]:
    """See that a configuration, which holds names and plain parameters, says the same."""
    neurons = [rule.neuron for rule in preset.layers if not isinstance(rule.neuron, Keep)]
    stages = {key: getattr(preset, key) for key in ("converter", "search", "exit")}
    parts: list[tuple[str, Any]] = [*(("neuron", neuron) for neuron in neurons), *stages.items()]
    for key, part in parts:
        if part is None:
            continue
        try:
            built = build_method(registry, METHODS[key], key, as_plain(part))
        except SnnfwError as error:
            yield f"its {KINDS[METHODS[key]].word} cannot be chosen by name: {error_text(error)}."
            continue
        if built != part:
            yield f"its {KINDS[METHODS[key]].word} '{part.name}', written down and read again, is another one."


def _run_faults(preset: Preset, plan: Plan, trial: Toy) -> Iterator[str]:
    timesteps = preset.timesteps or TIMESTEPS
    model = preset.converter.convert(trial.graph, plan, trial.bundle.data.calibration, timesteps, Resources())
    if not are_finite(model(*trial.bundle.example)):
        yield "converted by it a small network gives NaN or infinite values."
