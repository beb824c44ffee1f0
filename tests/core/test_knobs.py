"""Every kind of parameter is a knob, turned notch by notch, up to what a method refuses."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from snnfw.knobs import directions, vary


@dataclass(frozen=True, slots=True)
class Knobs:
    """A method with a knob of each kind."""

    name: ClassVar[str] = "knobs"

    whole: Annotated[int, Field(ge=1, le=64)] = 4
    share: Annotated[float, Field(gt=0, le=100)] = 99.9
    all_of_it: Annotated[float, Field(gt=0, le=100)] = 100.0
    free: float = 0.5
    switch: bool = False
    choice: Literal["a", "b", "c"] = "b"
    nothing: int | None = None
    text: str = "as it is"


def test_every_kind_of_knob_is_turned_notch_by_notch() -> None:
    turned: dict[str, list[list[object]]] = {}
    for name, values in directions(Knobs()):
        turned.setdefault(name, []).append(list(islice(values, 3)))
    assert turned == {
        "whole": [[8, 16, 32], [2, 1]],
        "share": [[99.99, 99.999, 100], [99.0, 90.0]],
        "all_of_it": [[], [99.9, 99.0, 90.0]],
        "free": [[1.0, 2.0, 4.0], [0.25, 0.125, 0.0625]],
        "switch": [[True]],
        "choice": [["a"], ["c"]],
    }


def test_a_knob_is_turned_up_to_the_value_that_is_refused() -> None:
    assert [(value, method.whole) for value, method in vary(Knobs(), "whole", [8, 64, 128, 16])] == [(8, 8), (64, 64)]
