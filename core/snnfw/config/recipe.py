"""Write presets, rules and methods as the plain values that a file would hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from snnfw.config.fields import take_apart
from snnfw.contracts import Keep, Preset, Rule


def plain(value: object) -> Any:
    """Return a value from Python as a file would hold it."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, Rule):
        return plain_rule(value)
    if is_dataclass(value) and not isinstance(value, type):
        return take_apart(value)
    return str(value) if isinstance(value, Path) else value


def plain_rule(rule: Rule, named: bool = True) -> dict[str, Any]:
    """Return a rule as a file would hold it, with the neuron's name or without."""
    return {
        "match": rule.match,
        **({"activation": rule.activation} if rule.activation is not None else {}),
        **({"neuron": take_apart(rule.neuron)} if named else {}),
        **({"optional": True} if rule.optional else {}),
    }


def plain_preset(preset: Preset) -> dict[str, Any]:
    """Return a preset as a file would hold it.

    The neuron of its first rule, optional ones apart, becomes the top-level one, and every rule with an equal
    neuron follows that: so ``neuron.phi=2`` and ``neuron=if`` reach these rules and leave the others alone.
    """
    placed = [rule for rule in preset.layers if not isinstance(rule.neuron, Keep)]
    principal = next((rule.neuron for rule in sorted(placed, key=lambda rule: rule.optional)), None)
    return {
        **({"neuron": take_apart(principal)} if principal else {}),
        "layers": [plain_rule(rule, named=rule.neuron != principal) for rule in preset.layers],
        "converter": take_apart(preset.converter),
        "search": take_apart(preset.search) if preset.search else None,
        "exit": take_apart(preset.exit) if preset.exit else None,
        "timesteps": preset.timesteps,
    }
