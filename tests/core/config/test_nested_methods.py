"""Methods inside a method's own fields: chosen by name through the registry, and written back."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import pytest
from pydantic import Field

import toy_plugin
from snnfw.config.describe import describe
from snnfw.config.fields import MethodsOf, as_plain
from snnfw.config.methods import build_method
from snnfw.contracts import Search
from snnfw.errors import SnnfwError
from snnfw.hookspecs import hookimpl
from snnfw.planning.rules import Neuron
from snnfw.registry import Registry
from snnfw.search.results import SearchResult
from toy_plugin import Burst, Single

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Choosing:
    name: ClassVar[str] = "choosing"
    neurons: Annotated[tuple[Neuron, ...], MethodsOf("neurons"), Field(description="what to choose from")] = ()

    def search(self, plan: Any, trials: Any) -> SearchResult:
        return SearchResult(plan)


@dataclass(frozen=True, slots=True)
class Staged:
    name: ClassVar[str] = "staged"
    first: Choosing = Choosing()

    def search(self, plan: Any, trials: Any) -> SearchResult:
        return SearchResult(plan)


@hookimpl
def snnfw_register_searches() -> Iterable[type[Search]]:
    return [Choosing, Staged]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry([toy_plugin, sys.modules[__name__]], entry_points=False)


def made(registry: Registry, name: str, **values: Any) -> Any:
    return build_method(registry, "searches", "search", {"name": name, **values})


def test_names_and_mappings_become_methods(registry: Registry) -> None:
    chosen = made(registry, "choosing", neurons=["single", {"name": "burst", "phi": 2}])
    assert chosen == Choosing((Single(), Burst(phi=2)))


def test_what_is_taken_apart_is_built_again(registry: Registry) -> None:
    for whole in (Choosing((Single(), Burst(phi=2))), Staged(Choosing((Burst(phi=3),)))):
        plain = as_plain(whole)
        assert made(registry, **plain) == whole


def test_a_method_may_stand_in_a_part_of_a_method(registry: Registry) -> None:
    assert made(registry, "staged", first={"neurons": ["single"]}) == Staged(Choosing((Single(),)))


def test_the_field_is_described_in_words() -> None:
    (parameter,) = describe(Choosing)
    assert (parameter.type, parameter.default, parameter.description) == (
        "list of neurons",
        "[]",
        "what to choose from",
    )


@pytest.mark.parametrize(
    ("neurons", "sentence"),
    [
        (["bursd"], "no neuron named 'bursd'. Did you mean 'burst'? Registered: burst, following, single."),
        (["single", {"name": "burst", "phi": 0}], "search.neurons[1].phi=0 is not allowed: it must be at least 1."),
        (
            [{"name": "burst", "fi": 1}],
            "neuron 'burst' has no parameter 'fi'. Did you mean 'phi'? Its parameters: phi, shift.",
        ),
        ([{"phi": 1}], 'search.neurons[0]={"phi": 1} has no name: give it one, like {name: ...}.'),
        ([3], "search.neurons[0]=3 is not allowed: it must be a name, or a mapping with a name."),
        ([None], "search.neurons[0]=null has no name: give it one, like {name: ...}."),
        ("burst", "search.neurons=burst is not allowed: it must be a list."),
    ],
)
def test_a_refusal_names_the_entry(neurons: Any, sentence: str, registry: Registry) -> None:
    with pytest.raises(SnnfwError) as caught:
        made(registry, "choosing", neurons=neurons)
    assert str(caught.value) == sentence
