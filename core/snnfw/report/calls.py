"""Show the many calls of one module as one line, such as those of a gate at all positions of a text."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from snnfw.report.report import Layer, Operator

Item = TypeVar("Item")

MANY = 4
"""More calls than these share a line."""


def group_calls(
    items: Iterable[Item], name: Callable[[Item], str], key: Callable[[Item], Hashable]
) -> list[list[Item]]:
    """Return items in the order of their first: each alone, or with the other calls of its name and ``key``."""
    listed = list(items)
    keys = [(_base(name(item)), key(item)) for item in listed]
    groups: dict[Hashable, list[Item]] = {}
    for item, found in zip(listed, keys, strict=True):
        groups.setdefault(found, []).append(item)
    shown: list[list[Item]] = []
    for item, found in zip(listed, keys, strict=True):
        if len(groups[found]) <= MANY:
            shown.append([item])
        elif groups[found][0] is item:
            shown.append(groups[found])
    return shown


def describe_calls(name: str, calls: int) -> str:
    """Return a name, and how many calls stand in its line if there are several."""
    return name if calls == 1 else f"{_base(name)}, {calls} calls"


def merge_layers(layers: Iterable[Layer]) -> list[Layer]:
    """Return sites with the many calls of one as a single site, whose neurons and events are those of all."""
    return [_merged_layer(calls) for calls in group_calls(layers, lambda each: each.site, _told_of_layer)]


def merge_operators(operators: Iterable[Operator]) -> list[Operator]:
    """Return operators with the many of one kind in one module as a single one, which costs what all of them do."""
    return [_merged_operator(calls) for calls in group_calls(operators, lambda each: each.path, _told_of_operator)]


def _base(name: str) -> str:
    """Return a site's name without the number of its call."""
    return name.partition("#")[0]


def _told_of_layer(layer: Layer) -> Hashable:
    return layer.activation, layer.method, layer.rule


def _told_of_operator(operator: Operator) -> Hashable:
    alone = "" if operator.path else operator.node  # operators at the top of a network have no name in common
    return operator.operator, operator.kind, operator.events, operator.repeats, operator.macs, alone


def _merged_layer(calls: Sequence[Layer]) -> Layer:
    neurons = sum(each.neurons for each in calls)
    return replace(
        calls[0],
        site=describe_calls(calls[0].site, len(calls)),
        neurons=neurons,
        spikes=sum(each.spikes for each in calls),
        rate=sum(each.rate * each.neurons for each in calls) / max(neurons, 1),
        bits=sum(each.bits for each in calls),
        energy=sum(each.energy for each in calls),
    )


def _merged_operator(calls: Sequence[Operator]) -> Operator:
    return replace(
        calls[0],
        path=describe_calls(calls[0].path, len(calls)),
        macs=sum(each.macs for each in calls),
        accumulations=sum(each.accumulations for each in calls),
        energy=sum(each.energy for each in calls),
        event_rate=_mean([each.event_rate for each in calls]),
        break_even_rate=_mean([each.break_even_rate for each in calls]),
    )


def _mean(rates: Sequence[float | None]) -> float | None:
    """Return the mean rate of layers of the same size that have one."""
    known = [rate for rate in rates if rate is not None]
    return sum(known) / len(known) if known else None
