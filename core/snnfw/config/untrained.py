"""Warn before a run of a method for networks that are trained with it, where nobody says which training."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snnfw.config.schema import MethodConfig
    from snnfw.registry import Registry


def untrained_warning(config: MethodConfig, registry: Registry) -> str | None:
    """Return what to know of a method for networks trained with it where no training is named, or None."""
    preset = registry.presets.get(config.plugin or "")
    if preset is None or not preset.trained or getattr(config, "checkpoint", None) is not None:
        return None
    return (
        f"plugin={preset.name} is for networks that are trained with it: of another one expect chance. 'snnfw train' "
        f"with plugin={preset.name} trains one, and 'snnfw run checkpoint=FOLDER' runs that."
    )
