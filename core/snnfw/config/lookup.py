"""Look a name up, and say where else what was meant may be found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from snnfw.config.schema import METHODS
from snnfw.errors import SnnfwError, did_you_mean
from snnfw.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from snnfw.registry import Registry

KEY_OF: Mapping[str, str] = {"presets": "plugin", **{kind: key for key, kind in METHODS.items()}}
"""The key that chooses from each kind."""

NOTHING = ("none", "no", "off", "false", "nothing")
OWN = "One of your own comes with load=[FILE.py]."


def find_named(registry: Registry, kind: str, name: str, written: str | None = None) -> Any:
    """Return the offer of a name, or say how to write what may have been meant; ``written`` is all that was.

    Raises:
        SnnfwError: nothing goes by the name; it says what does, under which other key the name is known, and how
            networks that a library names, nothing at all, and plugins of one's own are written.

    """
    if name in registry.all(kind):
        return registry.find(kind, name)
    if name.lower() in NOTHING and kind not in ("tasks", "models", "data", "energy_models"):
        raise SnnfwError(f"no {KINDS[kind].word} named '{name}': write {KEY_OF[kind]}=null for none.")
    written = written or name
    if elsewhere := " or ".join(_elsewhere(registry, kind, written)):
        raise SnnfwError(f"no {KINDS[kind].word} named '{written}'. Did you mean {elsewhere}?")
    several = [part.strip() for part in name.split(",")]
    if len(several) > 1 and all(part in registry.all(kind) for part in several):
        lead = f"{KEY_OF[kind]}={name} names several, and one is allowed"
        raise SnnfwError(f"{lead}: 'snnfw compare' takes several methods, methods=[{','.join(several)}].")
    try:
        return registry.find(kind, name)
    except SnnfwError as error:
        told = (
            name in registry.quarantined or (kind, name) in registry.withheld or did_you_mean(name, registry.all(kind))
        )
        raise error if told else SnnfwError(f"{error} {OWN}") from None


def _elsewhere(registry: Registry, kind: str, name: str) -> Iterator[str]:
    """Yield the words that choose what goes by the name under another key, or by way of a source of many networks."""
    if kind in ("models", "data"):
        for source in registry.all(kind).values():
            if said := getattr(source, "words_for", lambda _: None)(name):
                yield f"{KEY_OF[kind]}={said}"
    for other, key in KEY_OF.items():
        if other != kind and name in registry.all(other):
            yield f"{key}={name}"
