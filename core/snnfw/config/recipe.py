"""Write presets, rules and methods as the plain values that a file would hold."""

from __future__ import annotations

from typing import Any

from snnfw.config.fields import as_plain
from snnfw.contracts import Preset
from snnfw.planning.rules import Rule
from snnfw.values import Keep


def plain_rule(rule: Rule, named: bool = True) -> dict[str, Any]:
    """Return a rule as a file would hold it, with the neuron's name or without."""
    return {
        "match": rule.match,
        **({"activation": rule.activation} if rule.activation is not None else {}),
        **({"neuron": as_plain(rule.neuron)} if named else {}),
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
        **({"neuron": as_plain(principal)} if principal else {}),
        "layers": [plain_rule(rule, named=rule.neuron != principal) for rule in preset.layers],
        "converter": as_plain(preset.converter),
        "search": as_plain(preset.search) if preset.search else None,
        "exit": as_plain(preset.exit) if preset.exit else None,
        **({"timesteps": preset.timesteps} if preset.timesteps is not None else {}),
    }
