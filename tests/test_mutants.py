"""The run of mutants, on a repository of one small module."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks.mutants import own, record, trial
from benchmarks.mutants.__main__ import main
from benchmarks.mutants.draw import draw, every, places
from benchmarks.mutants.trial import Fate

MODULE = "core/toy/gates.py"

CODE = """\
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def closed(is_open: bool | None) -> bool:
    return not is_open


def odd(number: int) -> bool:
    return not number % 2 == 0


def shut(is_open: bool) -> bool:
    return not is_open


@dataclass(frozen=True, slots=True)
class Gate:
    λ: Sequence[int] | None
"""

TEST = """\
from toy.gates import closed, odd


def test_gates() -> None:
    assert closed(False) and not closed(True)
    assert odd(3) and not odd(4)
"""

EQUIVALENT = """
[[equivalent]]
module = "core/toy/gates.py"
line = "return not is_open"
mutated = "return is_open"
reason = "nobody asks"
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository whose tests start at once."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for name, text in {
        MODULE: CODE,
        "tests/core/test_gates.py": TEST,
        "own.toml": 'modules = ["core/toy/*.py"]\n[tests]\n',
        "pyproject.toml": "[tool.pytest.ini_options]\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_fault_is_killed_by_its_own_tests_and_survives_where_there_are_none(
    toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = toy / "found.json"
    assert main([f"{MODULE}:11", f"{MODULE}:19", "--out", str(out)], toy, toy / "own.toml") == 1
    found = json.loads(out.read_text(encoding="utf-8"))
    assert [(each["line"], each["fate"], each["why"]) for each in found["mutants"]] == [
        (11, "killed", "tests/core/test_gates.py::test_gates"),
        (19, "survived", ""),
    ]
    assert (found["score"], found["fates"]["killed"], found["fates"]["survived"]) == (0.5, 1, 1)
    printed = capsys.readouterr().out
    assert "50.0% of the mutants that change behaviour were killed" in printed
    assert f"survived at {MODULE}:19\n--- {MODULE}:19\n+++ mutant\n@@ -19 +19 @@\n-    return not is_open" in printed
    assert (toy / MODULE).read_text(encoding="utf-8") == CODE


def test_a_fault_that_is_said_to_be_equivalent_is_not_tried(toy: Path) -> None:
    with (toy / "own.toml").open("a", encoding="utf-8") as file:
        file.write(EQUIVALENT)
    assert main([f"{MODULE}:19", "--out", str(toy / "found.json")], toy, toy / "own.toml") == 0
    (row,) = json.loads((toy / "found.json").read_text(encoding="utf-8"))["mutants"]
    assert (row["fate"], row["why"]) == (Fate.EQUIVALENT, "nobody asks")


def test_a_fault_that_never_ends_is_killed(toy: Path) -> None:
    (toy / MODULE).write_text("def count() -> int:\n    n = 0\n    while n < 3:\n        n += 1\n    return n\n")
    (toy / "tests/core/test_gates.py").write_text(
        "from toy.gates import count\n\ndef test_count(): assert count() == 3\n"
    )
    (mutant,) = [mutant for mutant in every(toy, MODULE, 4) if mutant.operator == "NumberReplacer"][1:]
    assert mutant.lines == ("n += 1", "n += 0")
    copy = trial.Bench.copied(toy, toy / "copy", grace=1.0, patience=1.0)
    (tried,) = copy.trials([mutant], own.read(toy / "own.toml"))
    assert tried.fate is Fate.TIMEOUT
    assert record.score([tried]) == 1


def test_what_cannot_be_tried_is_one_sentence(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = toy / "own.toml"
    for where in ("core/other.py", "core/toy/*:3", f"{MODULE}:odd"):
        assert main([where], toy, table) == 2
        said = f"mutants: '{where}' is no module, or line of one, among those of own.toml: {MODULE}.\n"
        assert capsys.readouterr().err == said
    assert main([f"{MODULE}:2"], toy, table) == 2
    assert capsys.readouterr().err == f"mutants: there is nothing to change in {MODULE}:2 with --size 80.\n"
    said = table.read_text(encoding="utf-8")
    table.write_text(said + EQUIVALENT.replace("return not is_open", "return not isopen"), encoding="utf-8")
    assert main([], toy, table) == 2
    assert capsys.readouterr().err == (
        f"mutants: own.toml: {MODULE} has no line 'return not isopen' any more; mend its entry.\n"
    )
    table.write_text(said, encoding="utf-8")
    (toy / "tests/core/test_gates.py").write_text("def test_fails(): assert 0\n")
    assert main([f"{MODULE}:11"], toy, table) == 2
    assert capsys.readouterr().err == (
        "mutants: the tests fail without any fault, mend them first: tests/core/test_gates.py::test_fails\n"
    )
    (toy / "tests/core/test_gates.py").unlink()
    assert main([f"{MODULE}:11"], toy, table) == 2
    assert capsys.readouterr().err == (
        f"mutants: no test mirrors {MODULE}; name its tests in benchmarks/mutants/own.toml.\n"
    )


def test_a_seed_draws_the_same_faults(toy: Path) -> None:
    drawn = [[mutant.diff for mutant in draw(toy, [MODULE], 3, seed)] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) == 3


def test_faults_are_put_where_code_computes() -> None:
    assert {start[0] for start, _ in places(CODE)} == {11, 15, 19, 22}  # 22 is the decorator itself


def test_every_module_has_tests_of_its_own_and_no_entry_is_stale() -> None:
    said = own.read()
    modules = said.modules_in(own.ROOT)
    assert set(said.tests) <= set(modules)
    assert all(said.tests_of(own.ROOT, module) for module in modules)
    assert not said.stale(own.ROOT)
