"""What a worker has otherwise than its caller is said with both versions."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from snnfw.launching.versions import describe_difference, installed_versions


@pytest.mark.parametrize(
    ("there", "sentence"),
    [
        ({}, ""),
        ({"torch": "2.10"}, "torch 2.10 and not 2.14"),
        ({"torch": "2.10", "the code of snnfw": "b"}, "torch 2.10 and not 2.14"),
        ({"mine": ""}, "mine not at all and not 1.0"),
        ({"theirs": "3"}, "theirs 3 and not none"),
        ({"the code of snnfw": "b"}, "another version of the code of snnfw"),
    ],
)
def test_a_difference_names_both(there: dict[str, str], sentence: str) -> None:
    here = {"torch": "2.14", "mine": "1.0", "the code of snnfw": "a"}
    assert describe_difference(here, {**here, **there}) == sentence


def test_versions_are_those_of_everything_that_counts() -> None:
    found = installed_versions()
    assert found["Python"] == ".".join(map(str, sys.version_info[:2]))
    assert found["torch"] == version("torch")
    assert found["snnfw"] == "0.1.0"
    assert {"spikingjelly", "numpy", "the code of snnfw", "the code of snnfw_plugins"} <= found.keys()
    assert all(found.values())


def test_the_code_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from snnfw.launching.versions import _digest

    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "counted").mkdir()
    (tmp_path / "counted" / "__init__.py").write_text("")
    (tmp_path / "single.py").write_text("")
    first = _digest("counted"), _digest("single")
    assert all(first)
    (tmp_path / "counted" / "more.py").write_text("x = 1")
    (tmp_path / "single.py").write_text("x = 1")
    assert all(one != two for one, two in zip(first, (_digest("counted"), _digest("single")), strict=True))
    assert _digest("nowhere_at_all") == ""
