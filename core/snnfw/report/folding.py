"""Fold what repeats in a list of operators: blocks of the same modules in one line for each operator."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby, zip_longest

MOST_LINES = 60
"""Lines that fit on a screen or two: with more, blocks are told apart less."""

LONGEST_BLOCK = 64
"""Modules side by side that are looked through for a repeat."""

NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Line:
    """What is told of ``count`` operators at once, from the ``first`` module's to the ``last``'s, and their MACs."""

    first: str
    last: str
    told: tuple[str, ...]
    macs: int
    count: int = 1

    @property
    def where(self) -> str:
        """Return the modules' paths as one: layer1.0..2.conv1."""
        firsts, lasts = self.first.split("."), self.last.split(".")
        return ".".join(_span(first, last) for first, last in zip_longest(firsts, lasts, fillvalue=""))


def fold(lines: Sequence[Line]) -> list[Line]:
    """Return lines, in the order of execution, with what repeats as one: at most ``MOST_LINES`` where that can be.

    Modules under one parent that hold the same operators are one block; where that leaves too much, blocks of other
    numbers of blocks are, and then whatever is told alike within one child of the network, or anywhere in it.
    """
    ways: tuple[Callable[[], list[Line]], ...] = (
        lambda: list(_fold(list(lines), 0, _exactly)),
        lambda: list(_fold(list(lines), 0, _but_for_counts)),
        lambda: _gather(lines, 1),
        lambda: _gather(lines, 0),
    )
    folded: list[Line] = []
    for way in ways:
        folded = way()
        if len(folded) <= MOST_LINES:
            break
    return folded


def _exactly(line: Line) -> Hashable:
    return line.told, line.count


def _but_for_counts(line: Line) -> Hashable:
    return line.told


def _fold(lines: list[Line], depth: int, key: Callable[[Line], Hashable]) -> Iterator[Line]:
    """Yield the lines of modules that lie ``depth`` modules deep, those inside each folded before the modules are."""
    modules: list[list[Line]] = []
    for _, group in groupby(enumerate(lines), lambda numbered: _module(numbered[0], numbered[1], depth)):
        within = [line for _, line in group]
        modules.append(list(_fold(within, depth + 1, key)) if len(within) > 1 else within)
    keys = [tuple((_pattern(line.first, depth), key(line)) for line in module) for module in modules]
    at = 0
    while at < len(modules):
        period, times = _best_repeat(keys, at)
        ends = range(at + period, at + period * times + 1, period)
        yield from map(_merge, zip(*(chain.from_iterable(modules[end - period : end]) for end in ends), strict=True))
        at += period * times


def _module(number: int, line: Line, depth: int) -> Hashable:
    """Return what tells the module of a line from its neighbours, of one that holds no more modules the line itself."""
    parts = line.first.split(".")
    return parts[depth] if len(parts) > depth else number


def _pattern(path: str, depth: int) -> str:
    return NUMBER.sub("*", ".".join(path.split(".")[depth:]))


def _best_repeat(keys: Sequence[tuple[Hashable, ...]], at: int) -> tuple[int, int]:
    """Return how many modules from ``at`` on are a block, and how often it stands there: what saves most lines."""
    best, saved = (1, 1), 0
    for period in range(1, min(LONGEST_BLOCK, (len(keys) - at) // 2) + 1):
        block = keys[at : at + period]
        times = 1
        while keys[at + times * period : at + (times + 1) * period] == block:
            times += 1
        lines = (times - 1) * sum(map(len, block))
        if lines > saved:
            best, saved = (period, times), lines
    return best


def _merge(lines: Sequence[Line]) -> Line:
    macs, count = sum(line.macs for line in lines), sum(line.count for line in lines)
    return replace(lines[0], last=lines[-1].last, macs=macs, count=count)


def _gather(lines: Sequence[Line], depth: int) -> list[Line]:
    """Return one line for everything that is told alike within a module that lies ``depth`` modules deep."""
    alike: dict[Hashable, list[Line]] = {}
    for line in lines:
        alike.setdefault((tuple(line.first.split(".")[:depth]), line.told), []).append(line)
    return [_merge(same) for same in alike.values()]


def _span(first: str, last: str) -> str:
    """Return two names as one: conv1..3 of conv1 and conv3."""
    numbers = NUMBER.findall(first), NUMBER.findall(last)
    if NUMBER.split(first) != NUMBER.split(last):
        return f"{first}..{last}" if first and last else first or last
    spans = iter(one if one == other else f"{one}..{other}" for one, other in zip(*numbers, strict=True))
    return NUMBER.sub(lambda _: next(spans), first)
