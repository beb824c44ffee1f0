from __future__ import annotations

import importlib
import importlib.util
import re
import runpy
from operator import attrgetter
from pathlib import Path

import pytest

import snnfw
from snnfw import renamed
from snnfw.renamed import MODULES, NAMES, describe_renaming, new_name

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"
ROWS = re.findall(r"^\| `([\w.]+)` \| (.* → .*) \|$", CHANGELOG.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("old", MODULES)
def test_a_module_that_moved_is_where_it_is_said_to_be(old: str, tmp_path: Path) -> None:
    assert importlib.util.find_spec(MODULES[old]) is not None
    asking = tmp_path / "asking.py"
    asking.write_text(f"import {old} as wanted\n")
    with pytest.raises(ModuleNotFoundError) as caught:
        runpy.run_path(str(asking))
    assert describe_renaming(caught.value) == f" {old} is {MODULES[old]} now."


@pytest.mark.parametrize("old", NAMES)
def test_a_name_that_moved_is_where_it_is_said_to_be(old: str) -> None:
    module, _, name = NAMES[old].rpartition(".")
    assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize(("module", "row"), ROWS)
def test_the_changelog_says_where_renamed_things_are(module: str, row: str) -> None:
    names = re.findall(r"→ `([\w.]+)`", row)
    assert names
    for name in names:
        attrgetter(name)(importlib.import_module(module))  # raises where it is not there


def test_what_was_never_renamed_is_left_alone() -> None:
    assert new_name("snnfw.registry") is None
    assert describe_renaming(ModuleNotFoundError("No module named 'mine'", name="mine")) == ""
    assert describe_renaming(AttributeError("no such thing")) == ""
    assert describe_renaming(ValueError("snnfw.simulate.energy")) == ""


def test_the_package_says_what_a_name_of_its_own_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renamed, "NAMES", {"snnfw.Finding": "snnfw.SearchResult"})
    with pytest.raises(
        AttributeError, match="^module 'snnfw' has no attribute 'Finding': it is snnfw.SearchResult now$"
    ):
        snnfw.Finding  # noqa: B018  # the look-up is the point
    with pytest.raises(ImportError) as caught:
        exec("from snnfw import Finding")  # noqa: S102  # an import that a checker of types would refuse
    assert describe_renaming(caught.value) == " snnfw.Finding is snnfw.SearchResult now."
