"""What torchvision and timm have in common: networks and weights by name, and how asking for them fails."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnfw import SnnfwError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from torch import nn


def is_path(weights: str) -> bool:
    """Tell a file of weights from a name."""
    from snnfw_tasks.networks.weight_files import SUFFIXES

    return "/" in weights or "#" in weights or Path(weights).suffix in SUFFIXES


def unknown_arch_error(zoo: str, given: str, archs: Iterable[str], kind: str = "classifier") -> SnnfwError:
    """Return the error for an unknown architecture with the nearest names: the whole list fills screens."""
    near = " or ".join(f"'{name}'" for name in difflib.get_close_matches(given, list(archs), n=3))
    hint = f"Did you mean {near}?" if near else f"Those there are: {zoo}'s list_models()."
    return SnnfwError(f"{zoo} has no {kind} named '{given}'. {hint}")


def build_network(
    create: Callable[[], nn.Module],
    zoo: str,
    arch: str,
    named: str | None,
    args: Mapping[str, Any],
    seed: int,
) -> nn.Module:
    """Return the network that ``create`` makes; ``named`` are weights that the zoo fetches by itself."""
    from snnfw_tasks.networks.checkpoint import build_seeded

    try:
        return build_seeded(create, seed)
    except Exception as error:  # the builders raise whatever their code runs into
        reason = (str(getattr(error, "reason", error)).splitlines() or [type(error).__name__])[0].rstrip(".")
        if named and isinstance(error, OSError):
            raise SnnfwError(
                f"{zoo}'s weights '{named}' of '{arch}' could not be downloaded ({reason}): "
                "fetch the file elsewhere and give its path as model.weights."
            ) from error
        with_weights = f" weights '{named}' and" if named else ""
        raise SnnfwError(
            f"{zoo}'s '{arch}' cannot be built with{with_weights} model.args={dict(args)}: {reason}."
        ) from error
