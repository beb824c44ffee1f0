"""Find a network's tensors in what training scripts wrap around them: mappings, and prefixes of their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

State: TypeAlias = "dict[str, Tensor]"

WRAPPERS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
"""What torch.compile and the like put between the names of a network's modules, wherever they wrap one."""

DEPTH = 4
"""Mappings within mappings that are looked through."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Tensors of a file without the prefix that they share, and how many others lie beside them."""

    place: str
    prefix: str
    state: State
    beside: tuple[str, ...]

    @property
    def address(self) -> str:
        """Return the names on the way to these tensors."""
        return ".".join(part for part in (self.place, self.prefix) if part)

    def is_called(self, part: str) -> bool:
        """Tell whether a user's word means these tensors."""
        return any(f".{name}".endswith(f".{part}") for name in (self.address, self.place) if name)


def strip_wrapping(name: str) -> str:
    """Return a tensor's name without what torch.compile and the like put into it."""
    return ".".join(part for part in name.split(".") if part not in WRAPPERS)


def find_states(content: object, place: tuple[str, ...] = ()) -> Iterator[tuple[str, State]]:
    """Yield every set of named tensors, with the keys that lead to it."""
    if not isinstance(content, Mapping) or len(place) > DEPTH:
        return
    named = {key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, Tensor)}
    shorter = {strip_wrapping(key): value for key, value in named.items()}
    if named:
        yield ".".join(place), shorter if len(shorter) == len(named) else named
    for key, value in content.items():
        yield from find_states(value, (*place, str(key)))


def find_candidates(content: object, names: Collection[str]) -> list[Candidate]:
    """Return every way to take a prefix off a file's tensors that leaves one of ``names``, the one with most first."""
    found = []
    for place, state in find_states(content):
        counts = Counter({"": 0})
        for key in state:
            parts = key.split(".")
            counts.update(".".join(parts[:cut]) for cut in range(len(parts)) if ".".join(parts[cut:]) in names)
        found += [(count, len(state), _under(place, state, prefix)) for prefix, count in counts.items()]
    return [candidate for *_, candidate in sorted(found, key=lambda entry: entry[:2], reverse=True)]


def have_same_values(one: State, other: State) -> bool:
    """Tell whether two states hold the same values."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def _under(place: str, state: State, prefix: str) -> Candidate:
    start = f"{prefix}." if prefix else ""
    inside = {key.removeprefix(start): value for key, value in state.items() if key.startswith(start)}
    return Candidate(place, prefix, inside, tuple(key for key in state if not key.startswith(start)))
