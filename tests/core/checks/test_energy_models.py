"""What is wrong with an energy model is found, and said in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from snnfw.checks.energy_models import check_energy_model
from snnfw.energy.horowitz import Horowitz

Price = Callable[[float], Any]


@dataclass(frozen=True)
class Charging:
    """Charge as one of the faults says."""

    name: ClassVar[str] = "charging"
    fault: str = "nothing"
    static: str = "once"

    def multiply(self, operation: Any, bits: int) -> Any:
        return FAULTS[self.fault][0](bits)

    def accumulate(self, operation: Any, accumulations: float, steps: float) -> Any:
        return FAULTS[self.fault][1](accumulations)

    def fire(self, population: Any, spikes: float, steps: float) -> Any:
        return FAULTS[self.fault][2](spikes)


def fair(count: float) -> Any:
    return {"part": 3.0 + count}


def free(count: float) -> Any:
    return {}


FAULTS: dict[str, tuple[Price, Price, Price, list[str]]] = {
    "nothing": (fair, fair, free, []),
    "a number": (
        lambda bits: float(bits),
        fair,
        free,
        [
            f"multiply({bits} bits) returns a float: it must return a mapping, picojoules by what they are for."
            for bits in (1, 8, 32)
        ],
    ),
    "less than nothing": (
        fair,
        fair,
        lambda spikes: {"part": spikes - 150},
        [
            f"fire({n}) returns 'part': {float(n - 150)}: a part has a name and a finite number of picojoules, 0 or more."
            for n in (0, 100)
        ],
    ),
    "no number": (
        fair,
        lambda count: {"part": float("nan")} if count > 150 else {},
        free,
        ["accumulate(200) returns 'part': nan: a part has a name and a finite number of picojoules, 0 or more."],
    ),
    "dear bits": (
        lambda bits: {"part": 32 / bits},
        fair,
        free,
        ["multiply() makes fewer bits dearer: the quantised network would cost more than the network itself."],
    ),
    "a square": (
        fair,
        lambda count: {"part": count**2},
        free,
        [
            "accumulate() is not affine in the events: twice as many must add twice as much, or break-even rates and what "
            "a site's events cost mean nothing."
        ],
    ),
    "a discount": (fair, fair, lambda spikes: {"part": 300 - spikes}, ["fire() makes events cheaper than none."]),
    "an error": (
        lambda bits: {"part": 1 / 0},
        fair,
        free,
        ["charging a small network fails: ZeroDivisionError: division by zero."],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_an_energy_model_does_wrong_is_said(fault: str) -> None:
    assert check_energy_model(Charging(fault)) == FAULTS[fault][3]


def test_static_is_one_of_two_words() -> None:
    assert check_energy_model(Charging(static="never")) == ["its 'static' is neither 'once' nor 'per_step'."]


def test_the_default_model_keeps_the_contract() -> None:
    assert check_energy_model(Horowitz()) == []
