"""Words of which some name several values: the axes of a sweep, and every combination of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from typing import TYPE_CHECKING

from snnfw.config.describe import describe
from snnfw.config.hints import BRACKETS
from snnfw.config.schema import METHODS, Settings
from snnfw.errors import SnnfwError

if TYPE_CHECKING:
    from snnfw.registry import Registry

SHARED = ("out", "launcher", "load")
"""Keys that are the whole sweep's."""

NAMED = ("plugin", "task", "model", "data", "neuron", "converter", "search", "exit")
"""Keys whose values say enough in the name of a job."""

LONGEST = 80
"""Characters of a job's name."""


@dataclass(frozen=True, slots=True)
class Axes:
    """The values of each key that has several, and the words that all combinations share."""

    values: Mapping[str, tuple[str, ...]]
    shared: tuple[str, ...]

    def combinations(self) -> list[dict[str, str]]:
        """Return every combination, a value for each axis; the last axis varies first."""
        return [dict(zip(self.values, chosen, strict=True)) for chosen in product(*self.values.values())]


def read_axes(words: Sequence[str], registry: Registry) -> Axes:
    """Split words into axes and what is shared; a list stays one value.

    Raises:
        SnnfwError: a key of the whole sweep has several values, a value is empty or given twice, or nothing varies.

    """
    axes: dict[str, tuple[str, ...]] = {}
    shared = []
    for word in words:
        key, equals, written = word.partition("=")
        parts = split_values(written)
        if not equals or len(parts) == 1:
            axes.pop(key, None)  # a later word wins
            shared.append(word)
        elif _takes_list(key, words, registry) and not all(part.startswith("[") for part in parts):
            shared.append(f"{key}=[{written}]")
        else:
            _require_axis(key, written, parts)
            shared = [other for other in shared if other.partition("=")[0] != key]
            axes[key] = tuple(parts)
    if not axes:
        raise SnnfwError(
            "nothing varies: give a key several values, like plugin=adafire,signed or timesteps=1,2,4; 'snnfw run' "
            "takes one of each."
        )
    return Axes(axes, tuple(shared))


def split_values(written: str) -> list[str]:
    """Split what stands behind a key at commas that no bracket and no quote holds."""
    parts, closing, quote = [""], list[str](), ""
    for char in written:
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in BRACKETS:
            closing.append(BRACKETS[char])
        elif closing and char == closing[-1]:
            closing.pop()
        elif char == "," and not closing:
            parts.append("")
            continue
        parts[-1] += char
    return [part.strip() for part in parts]


def job_name(values: Mapping[str, str]) -> str:
    """Return what a combination is called, as a folder may be: ``adafire_timesteps=4``."""
    told = [value if key in NAMED else f"{key}={value}" for key, value in values.items()]
    name = "_".join("".join(char if char.isalnum() or char in "._=+-" else "-" for char in each) for each in told)
    return name.strip(".-")[:LONGEST] or "job"


def _require_axis(key: str, written: str, parts: Sequence[str]) -> None:
    if key.partition(".")[0] in SHARED:
        raise SnnfwError(f"{key}={written} names several, and a sweep has one {key} for all of its runs: give one.")
    if "" in parts:
        raise SnnfwError(f"{key}={written} has an empty value: leave a comma out, or write null for none.")
    if twice := next((part for part in parts if parts.count(part) > 1), None):
        raise SnnfwError(f"{key}={written} has {twice} twice: give each value once.")


def _takes_list(key: str, words: Sequence[str], registry: Registry) -> bool:
    """Tell whether a key's own value is a list: a setting's, or a parameter's of every method that has it."""
    top, _, parameter = key.partition(".")
    if not parameter:
        return top == "load" or any(each.name == key and _is_list(each.type) for each in describe(Settings))
    said = [word.partition("=")[2] for word in words if word.partition("=")[0] == top]
    named = {value.partition("/")[0] for each in said for value in split_values(each)}
    offers = registry.all(METHODS[top]) if top in METHODS else {}
    having = {
        name: each.type
        for name, offer in offers.items()
        if parameter in {field.name for field in fields(offer)}
        for each in describe(offer)
        if each.name == parameter
    }
    chosen = {name: kind for name, kind in having.items() if name in named} or having
    return bool(chosen) and all(map(_is_list, chosen.values()))


def _is_list(kind: str) -> bool:
    return any(part.startswith(("list", "[")) for part in kind.split(" | "))
