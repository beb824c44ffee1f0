"""What the core itself registers, through the hooks that everybody uses."""

from __future__ import annotations

from collections.abc import Iterable

from snnfw.contracts import Converter
from snnfw.convert.direct import Direct
from snnfw.hookspecs import hookimpl


@hookimpl
def snnfw_register_converters() -> Iterable[type[Converter]]:
    """Register the converter that every run has when none is chosen."""
    return [Direct]
