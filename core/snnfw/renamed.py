"""What once went by another name, old and new: modules, names and the methods of sources."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

_VALUES = (
    "Batch Batches Bundle Drawing ExitRule Gallery Inputs Item Keep Observer Output Resources Scorer Site SiteStats "
    "Track View untold untracked"
)
_HOMES = {
    "snnfw.values": _VALUES,
    "snnfw.plan.rules": "Neuron Quantiser Rule",
    "snnfw.convert.converter": "Converter",
    "snnfw.search.results": "Found Score",
}

MODULES: Mapping[str, str] = MappingProxyType(
    {
        "snnfw.cache": "snnfw.files",
        "snnfw.contracts.data": "snnfw.values",
        "snnfw.contracts.neurons": "snnfw.plan.rules",
        "snnfw.convert.observers": "snnfw.neurons.observers",
        "snnfw.simulate.code": "snnfw.store.code",
        "snnfw.simulate.distances": "snnfw.search.distances",
        "snnfw.simulate.energy": "snnfw.energy.charges",
        "snnfw.simulate.energy_model": "snnfw.energy.model",
        "snnfw.simulate.events": "snnfw.energy.events",
        "snnfw.simulate.fingerprint": "snnfw.store.fingerprint",
        "snnfw.simulate.fitting": "snnfw.search.fitting",
        "snnfw.simulate.keys": "snnfw.search.keys",
        "snnfw.simulate.made_of": "snnfw.store.parts",
        "snnfw.simulate.sensitivity": "snnfw.search.sensitivity",
        "snnfw.simulate.sources": "snnfw.store.sources",
        "snnfw.simulate.store": "snnfw.store.files",
        "snnfw.simulate.trials": "snnfw.search.trials",
        "snnfw.simulate.windows": "snnfw.energy.windows",
        "snnfw.spiking.applied": "snnfw.neurons.applied",
        "snnfw.spiking.branch": "snnfw.search.branch",
        "snnfw.spiking.buffers": "snnfw.neurons.buffers",
        "snnfw.spiking.check": "snnfw.checks.neurons",
        "snnfw.spiking.neuron": "snnfw.neurons.spiking_neuron",
        "snnfw.spiking.timefold": "snnfw.neurons.timefold",
        "snnfw.spiking.trial": "snnfw.checks.trial",
    }
)
"""Modules that moved; what was in them is in the new one, unless ``NAMES`` says something else."""

NAMES: Mapping[str, str] = MappingProxyType(
    {
        **{
            f"snnfw.contracts{part}.{name}": f"{home}.{name}"
            for home, names in _HOMES.items()
            for name in names.split()
            for part in ("", ".data", ".neurons", ".sources", ".stages")
        },
        "snnfw.files.whole": "snnfw.files.replace_file",
        "snnfw.report.folder.write_file": "snnfw.files.write_file",
        "snnfw.report.folder.write_folder": "snnfw.files.write_folder",
    }
)
"""Names that moved or changed, in full: ``package.module.name``."""

METHODS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"build": ("build_head", "detector"), "open": ("clouds", "splits")}
)
"""Methods of models and data sets, new to old."""

_IMPORTED = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")


def former_name(offer: object, method: str) -> str | None:
    """Return the old name under which ``offer`` has a method that is called ``method`` now."""
    return next((old for old in METHODS.get(method, ()) if hasattr(offer, old)), None)


def new_name(name: str) -> str | None:
    """Return what a module or a name, given in full, is called now; None where nothing is known of it."""
    return NAMES.get(name) or MODULES.get(name)


def renaming(error: BaseException) -> str:
    """Return `` x is y now.`` where an error is about something that was renamed, and nothing otherwise."""
    found = next(((name, new) for name in _asked(error) if (new := new_name(name))), None)
    return f" {found[0]} is {found[1]} now." if found else ""


def _asked(error: BaseException) -> Iterator[str]:
    """Yield what an error of an import or an attribute was about, in full."""
    if isinstance(error, ImportError):
        if imported := _IMPORTED.match(str(error)):
            yield f"{imported[2]}.{imported[1]}"
        yield error.name or ""
    elif isinstance(error, AttributeError):
        yield f"{getattr(error.obj, '__name__', '')}.{error.name}"
