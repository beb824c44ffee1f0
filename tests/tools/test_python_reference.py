from __future__ import annotations

import inspect

import pytest
from tools.python_reference import FUNCTIONS, PAGE, parse_arguments, section


def test_the_page_holds_what_the_docstrings_say() -> None:
    assert PAGE.read_text(encoding="utf-8").endswith(section()), "run python -m tools.python_reference"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_argument_is_described_and_nothing_else(function: object) -> None:
    assert callable(function)
    described = parse_arguments(inspect.getdoc(function) or "")
    assert list(described) == list(inspect.signature(function).parameters)
    assert all(described.values())
