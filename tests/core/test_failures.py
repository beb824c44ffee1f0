from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

import snnfw
from snnfw.errors import SnnfwError
from snnfw.failures import describe_renaming, failure_text, tell_new_names
from snnfw.renamed import MODULES


def raised(code: str, tmp_path: Path) -> BaseException:
    """Return what a file with this code raises."""
    (tmp_path / "asking.py").write_text(code, encoding="utf-8")
    with pytest.raises((ImportError, AttributeError, TypeError)) as caught:
        runpy.run_path(str(tmp_path / "asking.py"))
    return caught.value


@pytest.mark.parametrize("old", MODULES)
def test_an_import_of_a_module_that_moved_is_told_the_new_one(old: str, tmp_path: Path) -> None:
    assert describe_renaming(raised(f"import {old} as wanted\n", tmp_path)) == f" {old} is {MODULES[old]} now."


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("from snnfw.simulate.trials import Trials", "snnfw.simulate.trials.Trials is snnfw.search.Trials"),
        ("from snnfw.simulate.trials import Private", "snnfw.simulate.trials is snnfw.search.trials"),
        (
            "from snnfw.contracts.data import (\n    Batch,\n    Bundle as B,\n)",
            "snnfw.contracts.data.Batch is snnfw.Batch, snnfw.contracts.data.Bundle is snnfw.Bundle",
        ),
        (
            "from snnfw_tasks.datasets import digits",
            "snnfw_tasks.datasets.digits is snnfw_tasks.classification.data.digits",
        ),
        (
            "def f():\n    from snnfw_tasks.datasets.digits import (\n        Digits,\n    )\nf()",
            "snnfw_tasks.datasets.digits is snnfw_tasks.classification.data.digits",
        ),
        (
            "import importlib\nimportlib.import_module('snnfw.spiking.timefold')",
            "snnfw.spiking.timefold is snnfw.neurons.timefold",
        ),
        ("from snnfw import Found", "snnfw.Found is snnfw.SearchResult"),
        ("import snnfw.contracts as c\nc.Site", "snnfw.contracts.Site is snnfw.Site"),
        ("import snnfw\nsnnfw.Bundle(scorer=3)", "Bundle.scorer is Bundle.judgement.scorer"),
    ],
)
def test_an_old_name_is_told_the_new_one(code: str, sentence: str, tmp_path: Path) -> None:
    assert describe_renaming(raised(code, tmp_path)) == f" {sentence} now."


def test_what_says_the_new_name_itself_says_it_once(tmp_path: Path) -> None:
    said = failure_text(raised("import snnfw\nsnnfw.Found", tmp_path))
    assert said == "AttributeError: module 'snnfw' has no attribute 'Found': it is snnfw.SearchResult now."


@pytest.mark.parametrize(
    "code",
    [
        "import snnfw.nothing",
        "from snnfw.search import Nothing",
        "from snnfw.config import resolve, Nothing",
        "import mine",
    ],
)
def test_what_was_never_renamed_is_left_alone(code: str, tmp_path: Path) -> None:
    error = raised(code, tmp_path)
    assert describe_renaming(error) == ""
    with pytest.raises(ImportError) as caught, tell_new_names("search=mine"):
        raise error
    assert caught.value is error


@pytest.mark.parametrize("error", [AttributeError("no such thing"), ValueError("snnfw.simulate.energy"), SystemExit()])
def test_errors_without_a_name_are_left_alone(error: BaseException) -> None:
    assert describe_renaming(error) == ""


def test_old_attributes_and_methods_are_told_the_new_ones() -> None:
    class Source:
        def open(self) -> None: ...

    source: Any = Source()
    bundle: Any = object.__new__(snnfw.Bundle)
    with pytest.raises(AttributeError) as clouds:
        source.clouds()
    with pytest.raises(AttributeError) as tuning:
        _ = bundle.tuning
    assert describe_renaming(clouds.value) == " Its 'clouds' is called 'open' now."
    assert describe_renaming(tuning.value) == " Bundle.tuning is Bundle.data.tuning now."


def test_an_old_name_in_a_method_is_an_error_of_one_sentence(tmp_path: Path) -> None:
    error = raised("from snnfw import Found", tmp_path)
    with pytest.raises(SnnfwError) as caught, tell_new_names("search=mine"):
        raise error
    assert str(caught.value) == f"search=mine does not work: {failure_text(error)}"
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (SnnfwError("give another."), "give another."),
        (ValueError("two\n  lines"), "ValueError: two lines."),
        (SystemExit(3), "SystemExit: 3."),
        (KeyError(), "KeyError."),
    ],
)
def test_a_failure_is_told_in_one_line(error: BaseException, text: str) -> None:
    assert failure_text(error) == text
