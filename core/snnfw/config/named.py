"""Find what one name stands for where a preset or a neuron may be meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw.config.sources import Plain, read_values
from snnfw.errors import SnnfwError, did_you_mean, list_names

if TYPE_CHECKING:
    from snnfw.registry import Registry


def find_named_method(registry: Registry, name: str) -> Plain:
    """Return the preset of that name, or else the neuron."""
    if name in registry.presets:
        return read_values({"plugin": name})
    if name in registry.neurons:
        return read_values({"neuron": name})
    for kind in ("presets", "neurons"):
        if name in registry.quarantined or (kind, name) in registry.withheld:
            registry.find(kind, name)  # says why it is not there
    near = did_you_mean(name, [*registry.presets, *registry.neurons])
    raise SnnfwError(f"no method named '{name}'.{near} {list_methods(registry)}")


def list_methods(registry: Registry) -> str:
    """Return a sentence that lists the presets and the neurons."""
    plugins, neurons = (list_names(names) for names in (registry.presets, registry.neurons))
    return f"Registered plugins: {plugins}. Registered neurons: {neurons}."
