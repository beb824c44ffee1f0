"""A function over items comes to the same whoever runs it, and a launcher that breaks its contract is named."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from snnfw.errors import SnnfwError
from snnfw.launching import Lost, Raised, collect, launch
from snnfw.launching.versions import installed_versions
from snnfw.launching.work import Unfit, Work, pack


@dataclass(frozen=True)
class Backwards:
    """Run the last item first, in this process, by way of bytes."""

    name: ClassVar[str] = "backwards"

    def map(self, function: Callable[[Any], Any], items: Sequence[Any], /) -> Iterator[tuple[int, Any]]:
        for at in reversed(range(len(items))):
            yield at, pickle.loads(pickle.dumps(function))(items[at])  # noqa: S301  # as a worker does


@dataclass(frozen=True)
class Answering(Backwards):
    """Yield whatever it was made with."""

    answers: tuple[Any, ...] = ()

    def map(self, function: Callable[[Any], Any], items: Sequence[Any], /) -> Iterator[tuple[int, Any]]:
        for answer in self.answers:
            if isinstance(answer, Exception):
                raise answer
            yield answer


@dataclass(frozen=True)
class Forgetful(Backwards):
    """Lose an item the first few times that it is given."""

    times: int = 1
    given: ClassVar[list[bytes]] = []

    def map(self, function: Callable[[Any], Any], items: Sequence[Any], /) -> Iterator[tuple[int, Any]]:
        for at, item in enumerate(items):
            self.given.append(item)
            yield at, Lost("signal 9") if at == 0 and self.given.count(item) <= self.times else function(item)


def draw(item: int) -> tuple[int, float, float, float]:
    return item, random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: S311  # what plugins draw with


def inverse(item: int) -> float:
    return 1 / item


class OddError(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def odd(item: int) -> int:
    raise OddError(item, item)


@pytest.mark.parametrize("launcher", [None, Backwards()])
def test_every_item_draws_the_same_wherever_it_runs(launcher: Backwards | None) -> None:
    random.seed(7)
    before = random.getstate()
    first, second, third = collect(launcher, draw, [1, 2, 1], seed=3)
    assert first == third
    assert first[1:] == second[1:]
    assert first[1:] == (random.Random(3).random(), np.random.RandomState(3).rand(), first[3])  # noqa: S311
    assert first[3] == float(torch.rand((), generator=torch.Generator().manual_seed(3)))
    assert random.getstate() == before
    assert collect(launcher, draw, [1], seed=4) != [first]


def test_outcomes_come_in_the_order_of_finishing_and_results_in_that_of_items() -> None:
    assert [at for at, _ in launch(Backwards(), inverse, [1, 2, 4])] == [2, 1, 0]
    assert collect(Backwards(), inverse, [1, 2, 4]) == [1, 0.5, 0.25]
    assert collect(Backwards(), inverse, []) == []


def test_a_closure_travels() -> None:
    factor = 3
    assert collect(Backwards(), lambda item: factor * item, [1, 2]) == [3, 6]


@pytest.mark.parametrize("launcher", [None, Backwards()])
def test_an_exception_is_carried_or_raised(launcher: Backwards | None) -> None:
    outcomes = dict(launch(launcher, inverse, [1, 0, 2]))
    assert (outcomes[0], outcomes[2]) == (1, 0.5)
    carried = outcomes[1]
    assert isinstance(carried, Raised)
    assert "in inverse" in carried.error.__notes__[0]
    with pytest.raises(ZeroDivisionError, match="^division by zero"):
        collect(launcher, inverse, [1, 0, 2])
    with pytest.raises(Exception, match="3 and 3") as caught:
        collect(launcher, odd, [3])
    assert str(caught.value) == "OddError: 3 and 3."  # of a kind that can be pickled


def test_what_is_lost_is_given_again() -> None:
    Forgetful.given.clear()
    told: list[str] = []
    assert collect(Forgetful(times=2), inverse, [1, 2], tell=told.append) == [1, 0.5]
    assert told == ["1 of 2 are given again: signal 9."] * 2
    Forgetful.given.clear()
    with pytest.raises(SnnfwError) as caught:
        collect(Forgetful(times=3), inverse, [1, 2])
    assert str(caught.value) == "item 1 of 2 was lost 3 times: signal 9. Give workers more memory, or have fewer."


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ((), "launcher 'backwards' says nothing of 1 of 1 items."),
        (((1, b""),), "launcher 'backwards' yields 1, which is no position, or twice."),
        (((0, Lost("x")), (0, Lost("x"))), "launcher 'backwards' yields 0, which is no position, or twice."),
        ((ValueError("no queue"),), "launcher 'backwards' does not work: ValueError: no queue."),
        ((SnnfwError("no Slurm here."),), "no Slurm here."),
        (
            ((0, pack(Unfit("the worker on n7 has torch 1 and not 2"))),),
            "launcher 'backwards': the worker on n7 has torch 1 and not 2. Install the same on all machines.",
        ),
    ],
)
def test_a_launcher_that_breaks_its_contract_is_named(answers: tuple[Any, ...], sentence: str) -> None:
    with pytest.raises(SnnfwError) as caught:
        list(launch(Answering(answers), inverse, [1]))
    assert str(caught.value) == sentence


def test_closing_early_closes_the_launcher() -> None:
    closed = []

    @dataclass(frozen=True)
    class Closing(Backwards):
        def map(self, function: Callable[[Any], Any], items: Sequence[Any], /) -> Iterator[tuple[int, Any]]:
            try:
                yield from super().map(function, items)
            finally:
                closed.append(True)

    with pytest.raises(ZeroDivisionError):
        collect(Closing(), inverse, [1, 2, 0])
    assert closed == [True]


def answered(work: Work) -> Any:
    return pickle.loads(work(pack(1)))  # noqa: S301  # our own answer


def test_a_worker_that_lacks_something_says_so() -> None:
    outcome = answered(Work(b"cnot_there\nnothing\n.", installed_versions(), None))
    assert isinstance(outcome, Unfit)
    assert outcome.reason.endswith("lacks something: No module named 'not_there'")
    outcome = answered(Work(pack(inverse), {**installed_versions(), "torch": "1.0"}, None))
    assert isinstance(outcome, Unfit)
    assert outcome.reason.endswith(f"has torch {version('torch')} and not 1.0")
