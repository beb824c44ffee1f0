"""The knobs of a method: its parameters, each with the values that it takes notch by notch in one direction."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any

from snnfw.config.fields import as_plain, build_dataclass, type_adapter
from snnfw.errors import SnnfwError

NEARER = 10.0
"""How much nearer to its end a notch brings a number that is close to it, such as a percentile to 100."""


def vary(method: Any, name: str, values: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield values of a parameter with the method that has them, up to the first one that it refuses."""
    for value in values:
        plain = {key: entry for key, entry in as_plain(method).items() if key != "name"}
        try:
            changed = build_dataclass(type(method), {**plain, name: value}, "", f"'{method.name}'")
        except SnnfwError:
            return
        yield value, changed


def directions(method: Any) -> Iterator[tuple[str, Iterable[Any]]]:
    """Yield the parameters of a method, each with the values that it takes notch by notch in one direction.

    Numbers double and halve; one with a largest value near which it is comes ten times nearer to it, and at last there;
    a switch is thrown, and of several choices each other one is a direction of its own.
    """
    kind: Any = type(method)
    properties = type_adapter(kind).json_schema().get("properties", {})
    for parameter in fields(method):
        value, schema = getattr(method, parameter.name), properties[parameter.name]
        if isinstance(value, bool):
            yield parameter.name, [not value]
        elif isinstance(value, str):
            yield from ((parameter.name, [choice]) for choice in schema.get("enum", ()) if choice != value)
        elif isinstance(value, int | float):
            yield parameter.name, _upwards(value, schema.get("maximum"))
            yield parameter.name, _downwards(value, schema.get("maximum"))


def _upwards(value: float, most: float | None) -> Iterator[float]:
    """Yield ever larger numbers of the same kind."""
    if most is not None and not isinstance(value, int) and value > most / 2:
        gaps = (most - (most - value) / NEARER**power for power in range(1, 3))
        yield from (float(f"{number:.10g}") for number in gaps if number < most)
        if value < most:
            yield most
        return
    yield from (value * 2**power or 2 ** (power - 1) for power in itertools.count(1))


def _downwards(value: float, most: float | None) -> Iterator[float]:
    """Yield ever smaller numbers of the same kind."""
    if isinstance(value, int):
        yield from itertools.takewhile(bool, (value >> power for power in itertools.count(1)))
    elif most is not None and value > most / 2:
        first = (most - value) * NEARER or most / 1000
        numbers = (most - first * NEARER**power for power in range(3))
        yield from (float(f"{number:.10g}") for number in numbers if number > most / 2)
    elif value:
        yield from (value / 2**power for power in itertools.count(1))
