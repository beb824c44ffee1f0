from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
from dataclasses import fields

import pytest

import snnfw
from snnfw import renamed, search
from snnfw.renamed import ATTRIBUTES, MODULES, NAMES, exported_name, new_name


@pytest.mark.parametrize("old", MODULES)
def test_a_module_that_moved_is_where_it_is_said_to_be(old: str) -> None:
    assert importlib.util.find_spec(MODULES[old]) is not None
    assert new_name(old) == MODULES[old]


@pytest.mark.parametrize("old", NAMES)
def test_a_name_that_moved_is_where_it_is_said_to_be(old: str) -> None:
    module, _, name = NAMES[old].rpartition(".")
    assert hasattr(importlib.import_module(module), name)


def test_attributes_that_moved_are_where_they_are_said_to_be() -> None:
    values = {"data": snnfw.Data, "judgement": snnfw.Judgement, "training": snnfw.Training}
    assert {field.name for field in fields(snnfw.Bundle)} >= set(values)
    for old, new in ATTRIBUTES.items():
        if old.startswith("Bundle."):
            _, value, name = new.split(".")
            assert hasattr(values[value], name), new
    assert {"data", "judgement"} <= {field.name for field in fields(search.Trials)}


def test_what_was_never_renamed_is_left_alone() -> None:
    assert new_name("snnfw.registry") is None
    assert new_name("snnfw.simulate.trials.Nothing") is None


def test_a_name_of_a_module_that_moved_is_told_as_it_is_exported() -> None:
    assert new_name("snnfw.simulate.trials.Trials") == "snnfw.search.Trials"
    assert new_name("snnfw.plan.place.place") == "snnfw.place"
    assert new_name("snnfw_tasks.labelled.LabelledData") is None


def test_what_is_exported_under_a_name_is_what_the_module_holds() -> None:
    modules = [found.name for found in pkgutil.walk_packages(snnfw.__path__, "snnfw.") if "__main__" not in found.name]
    assert len(modules) > 100
    for module in map(importlib.import_module, sorted({*modules} & {*MODULES.values()})):
        for name, value in vars(module).items():
            if getattr(value, "__module__", None) == module.__name__ and (
                exported := exported_name(module.__name__, name)
            ):
                room, _, last = exported.rpartition(".")
                assert inspect.unwrap(getattr(importlib.import_module(room), last)) is inspect.unwrap(value)


def test_the_package_says_what_a_name_of_its_own_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renamed, "NAMES", {"snnfw.Finding": "snnfw.SearchResult"})
    with pytest.raises(
        AttributeError, match="^module 'snnfw' has no attribute 'Finding': it is snnfw.SearchResult now$"
    ):
        snnfw.Finding  # noqa: B018  # the look-up is the point
