"""Building, describing and refusing, for every type a field may have."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field

from snnfw.config.describe import describe
from snnfw.config.fields import as_plain, build_dataclass
from snnfw.errors import SnnfwError

if TYPE_CHECKING:
    from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Inner:
    size: Annotated[int, Field(ge=1)] = 1


@dataclass(frozen=True, slots=True)
class Everything:
    name: ClassVar[str] = "everything"
    needed: str
    number: Annotated[float, Field(gt=0, lt=10, description="a number")] = 1.5
    limit: float = math.inf
    flag: bool = False
    choice: Literal["one", "two"] = "one"
    path: Path | None = None
    many: tuple[int, ...] = (1, 2)
    pair: tuple[int, float] = (1, 2.0)
    either: int | str = 1
    inner: Inner = Inner()
    made: list[str] = field(default_factory=lambda: ["a"])
    table: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.flag and self.choice == "two":
            raise ValueError("flag does not go with choice=two")


@dataclass(frozen=True)
class Unreadable:
    amount: Decimal | None = None


def made(**values: Any) -> Everything:
    return build_dataclass(Everything, {"needed": "x", **values}, "key", "thing 'everything'")


def test_plain_values_become_what_the_fields_say() -> None:
    built = made(number=3, path="a/b", many=[3], pair=[4, 5], either="e", inner={"size": 2}, table={"a": 1})
    assert built == Everything(
        "x", 3.0, path=Path("a/b"), many=(3,), pair=(4, 5.0), either="e", inner=Inner(2), table={"a": 1}
    )


def test_what_is_taken_apart_is_built_again() -> None:
    whole = Everything("x", path=Path("/y"), many=(7,), inner=Inner(3))
    plain = as_plain(whole)
    assert plain.pop("name") == "everything"
    assert plain["many"] == [7]
    assert plain["path"] == "/y"
    assert build_dataclass(Everything, plain, "key", "thing") == whole


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"number": "x"}, "key.number=x is not allowed: it must be a number."),
        ({"number": 0}, "key.number=0 is not allowed: it must be greater than 0."),
        ({"number": 10}, "key.number=10 is not allowed: it must be less than 10."),
        ({"flag": "yes"}, "key.flag=yes is not allowed: it must be true or false."),
        ({"choice": "six"}, "key.choice=six is not allowed: it must be 'one' or 'two'."),
        ({"many": 3}, "key.many=3 is not allowed: it must be a list."),
        ({"many": [1, "b"]}, "key.many[1]=b is not allowed: it must be a whole number."),
        ({"pair": [1]}, "key.pair=[1] is not allowed: a value is missing."),
        (
            {"either": [1]},
            "key.either=[1] is not allowed: it must be a whole number, or it must be text, in quotes if it "
            "looks like a number.",
        ),
        ({"inner": 3}, "key.inner=3 is not allowed: it must be a mapping."),
        ({"inner": {"size": 0}}, "key.inner.size=0 is not allowed: it must be at least 1."),
        ({"inner": {"sise": 1}}, "key.inner.sise=1 is not allowed: there is no such parameter."),
        ({"table": 3}, "key.table=3 is not allowed: it must be a mapping."),
        (
            {"flag": True, "choice": "two"},
            "thing 'everything' is not possible with these values: flag does not go with choice=two.",
        ),
        (
            {"needed": None},
            "key.needed=null is not allowed: it must be text, in quotes if it looks like a number.",
        ),
    ],
)
def test_a_refusal_names_the_place_the_value_and_what_is_allowed(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SnnfwError) as caught:
        made(**values)
    assert str(caught.value) == sentence


def test_a_field_whose_type_is_not_there_at_run_time_is_an_error() -> None:
    with pytest.raises(SnnfwError) as caught:
        build_dataclass(Unreadable, {}, "key", "thing")
    assert str(caught.value).startswith("the parameters of Unreadable cannot be read: ")
    assert str(caught.value).endswith("Import the types of its fields at run time, not under TYPE_CHECKING.")


def test_parameters_are_described_in_words() -> None:
    described = {p.name: (p.type, p.default, p.description) for p in describe(Everything)}
    assert described == {
        "needed": ("text", None, ""),
        "number": ("float > 0 < 10", "1.5", "a number"),
        "limit": ("float", "Infinity", ""),
        "flag": ("bool", "false", ""),
        "choice": ("one | two", "one", ""),
        "path": ("path | null", "null", ""),
        "many": ("list of int", "[1, 2]", ""),
        "pair": ("[int, float]", "[1, 2.0]", ""),
        "either": ("int | text", "1", ""),
        "inner": ("Inner", '{"size": 1}', ""),
        "made": ("list of text", '["a"]', ""),
        "table": ("mapping", "{}", ""),
    }
