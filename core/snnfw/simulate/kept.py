"""What a pass over evaluation data has counted, as tensors by name: to go on where an earlier process was stopped."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from snnfw.errors import SnnfwError
from snnfw.simulate.group import Group
from snnfw.simulate.states import join_states, merge_state, part_of_state, state_of
from snnfw.store.progress import Part
from snnfw.values import Scorer

Totals: TypeAlias = "dict[str, array[float]]"


class Sums:
    """What each batch adds up to at one checkpoint, in their order: sums over all are the same whoever ran them."""

    def __init__(self) -> None:
        self.steps = array("d")
        self.reads = array("d")
        self.spikes: Totals = {}
        self.accumulations: Totals = {}

    def state(self) -> dict[str, Tensor]:
        """Return the sums, exactly."""
        own = {"steps": self.steps, "reads": self.reads}
        parts = {"own": own, "spikes": self.spikes, "accumulations": self.accumulations}
        return join_states(
            **{part: {name: _numbers(each) for name, each in its.items()} for part, its in parts.items()}
        )

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> Sums:
        """Return the sums that a state holds, the names in their order."""
        sums = cls()
        own, sums.spikes, sums.accumulations = (
            {name: array("d", each.tolist()) for name, each in part_of_state(state, part).items()}
            for part in ("own", "spikes", "accumulations")
        )
        sums.steps, sums.reads = own["steps"], own["reads"]
        return sums


class Tally:
    """What is counted at one checkpoint."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer
        self.sums = Sums()

    def state(self) -> dict[str, Tensor]:
        """Return the sums, and what the scorer has seen."""
        return join_states(sums=self.sums.state(), scorer=state_of(self.scorer))

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take over what was counted."""
        merge_state(self.scorer, part_of_state(state, "scorer"))
        self.sums = Sums.of(part_of_state(state, "sums"))


class Counts:
    """How far a pass is: what is through, the longest chunk, who left when, and the seconds that it took."""

    def __init__(
        self,
        batches: int = 0,
        samples: int = 0,
        chunk: int = 0,
        seconds: float = 0.0,
        exits: Counter[int] | None = None,
    ) -> None:
        self.batches, self.samples, self.chunk, self.seconds = batches, samples, chunk, seconds
        self.exits: Counter[int] = Counter(exits)

    def add(self, group: Group, seconds: float) -> None:
        """Count a group that is through, and the seconds up to here."""
        self.batches, self.samples = self.batches + len(group.batches), self.samples + group.samples
        self.chunk, self.seconds = max(self.chunk, group.chunk), seconds
        self.exits.update(group.exits)

    def state(self) -> dict[str, Tensor]:
        """Return the counts."""
        left = [[timestep, count] for timestep, count in self.exits.items()]
        return {
            "batches": torch.tensor(self.batches),
            "samples": torch.tensor(self.samples),
            "chunk": torch.tensor(self.chunk),
            "seconds": torch.tensor(self.seconds, dtype=torch.float64),
            "exits": torch.tensor(left, dtype=torch.long).reshape(-1, 2),
        }

    @classmethod
    def over(cls, shares: Sequence[Counts]) -> Counts:
        """Return the counts of several processes, which worked at the same time, as one."""
        return cls(
            batches=sum(share.batches for share in shares),
            samples=sum(share.samples for share in shares),
            chunk=max(share.chunk for share in shares),
            seconds=max(share.seconds for share in shares),
            exits=sum((share.exits for share in shares), Counter()),
        )

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> Counts:
        """Return the counts that a state holds."""
        batches, samples, chunk = (int(state[name]) for name in ("batches", "samples", "chunk"))
        return cls(batches, samples, chunk, float(state["seconds"]), Counter(dict(state["exits"].tolist())))


def pass_state(counts: Counts, tallies: Mapping[int, Tally]) -> dict[str, Tensor]:
    """Return all that a simulation has counted, and where its random numbers are."""
    states = {f"T{timestep}": tally.state() for timestep, tally in tallies.items()}
    return join_states(counts=counts.state(), random=_random_state(), **states)


def restore_pass(part: Part | None, tallies: Mapping[int, Tally]) -> Counts:
    """Let tallies and random numbers go on from what was kept, if anything was, and return how far that is."""
    if part is None or part.found is None:
        return Counts()
    for timestep, tally in tallies.items():
        tally.restore(part_of_state(part.found, f"T{timestep}"))
    _restore_random(part_of_state(part.found, "random"))
    return Counts.of(part_of_state(part.found, "counts"))


def usable(part: Part | None, scorer: Scorer) -> Part | None:
    """Return what keeps a pass, or None where its scorer cannot say what it saw, which is told who goes on."""
    if part is None:
        return None
    try:
        state_of(scorer)
    except SnnfwError as error:
        if part.progress.resumed:
            part.progress.tell(f"{part.name}: starts over. {error}")
        return None
    return part


def _numbers(values: array[float]) -> Tensor:
    return torch.tensor(values.tolist(), dtype=torch.float64)


def _random_state() -> dict[str, Tensor]:
    on_cards = {f"cuda{index}": state for index, state in enumerate(_card_states())}
    return {"cpu": torch.get_rng_state(), **on_cards}


def _card_states() -> list[Tensor]:
    return torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []


def _restore_random(states: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(states["cpu"])
    if len(states) > 1:
        torch.cuda.set_rng_state_all([states[f"cuda{index}"] for index in range(len(states) - 1)])
