"""What tasks ask of their sources, and what becomes of sources that do not have it."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import pytest

from snnfw.contracts import ModelSource, obtain
from snnfw.contracts.sources import lacking_error, missing_names
from snnfw.errors import SnnfwError


class Prepared(ModelSource, Protocol):
    """Ask for one thing more."""

    def preprocess(self) -> Any: ...


class Bounded(Prepared, Protocol):
    """Ask for another one."""

    limit: ClassVar[int]


def test_a_source_may_have_a_method_for_one_of_its_tasks() -> None:
    class Both:
        name = "both"

        def open(self) -> int:
            return 1

        def open_rows(self) -> str:
            return "rows"

    assert obtain(int, "columns", Both(), "open") == 1
    assert obtain(str, "rows", Both(), "open") == "rows"
    with pytest.raises(SnnfwError) as caught:
        obtain(int, "rows", Both(), "open")
    assert str(caught.value) == "open_rows() of 'both' returns a str, and task 'rows' needs a int: see builtins."


def test_a_contract_that_extends_another_asks_for_all_of_both() -> None:
    class Bare:
        name = "bare"
        tasks = ("rows",)

    assert missing_names(Bare, Bounded) == ["limit", "preprocess", "build"]
    assert str(lacking_error(Bare, "model", Prepared, "rows")) == (
        f"model 'bare' has no preprocess, which task 'rows' asks for: see {Prepared.__module__}.Prepared."
    )
