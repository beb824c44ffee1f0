"""Two processes come to the numbers of one, digit for digit, and end together where one fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from snnfw.errors import SnnfwError
from snnfw.ranks.group import ALONE, in_step, require_same

SCRIPT = Path(__file__).parents[2] / "two_ranks.py"
CASES = [
    *(
        f"{count} batches, {scorer}, {who}"
        for count in (1, 2, 5)
        for scorer in ("accuracy", "loss")
        for who in ("all", "exits")
    ),
    "network, accuracy",
    "network, loss",
    "sums of floats",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which two processes have written what they found."""
    made = tmp_path_factory.mktemp("ranks")
    command = [sys.executable, str(SCRIPT), str(made)]
    done = subprocess.run(  # noqa: S603  # our own script
        command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (made / "said.txt").write_text(done.stdout)
    (made / "errors.txt").write_text(done.stderr)
    return made


@pytest.fixture(scope="module")
def found(folder: Path) -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads((folder / "found.json").read_text())
    return content


@pytest.mark.parametrize("case", CASES)
def test_two_processes_come_to_the_numbers_of_one(found: Mapping[str, Any], case: str) -> None:
    alone, together = found["simulations"][case]
    assert together == alone
    assert alone


def test_there_are_no_other_cases(found: Mapping[str, Any]) -> None:
    assert set(found["simulations"]) == set(CASES)
    assert any(found["simulations"]["5 batches, loss, exits"][0]["exits"].values())


def test_each_process_reads_its_own_batches_alone(found: Mapping[str, Any]) -> None:
    assert found["reading"] == [[0, 1, 2], [3, 4]]


def test_processes_draw_different_noise_and_go_on_with_the_same(found: Mapping[str, Any]) -> None:
    first, second = found["draws"]["during"]
    assert not set(first) & set(second)
    behind = found["draws"]["behind"]
    assert behind[0] == behind[1]


@pytest.mark.parametrize("what", ["evaluate", "compare"])
def test_what_is_said_to_programs_is_the_same_in_all_processes(found: Mapping[str, Any], what: str) -> None:
    alone, *together = _untimed(found["evaluated"][what])
    assert together == [alone, alone]
    assert len(alone) > 1


@pytest.mark.parametrize(
    ("case", "first", "last"),
    [
        ("a mistake in the last", "SnnfwError: this is what is wrong.", None),
        ("a mistake in the first", "SnnfwError: this is wrong here.", None),
        ("a fault in the last", "SnnfwError: process 1 of 2 failed: KeyError: 'nothing'", "KeyError: 'nothing'"),
        (
            "others",
            "SnnfwError: the spiking network of process 1 is another one than that of process 0: something that it is "
            "made with draws at random, or their machines or libraries differ. Use devices=1, or fix what draws.",
            None,
        ),
        (
            "a scorer",
            "SnnfwError: the scorer Plain has no state() and merge(state), so that scores of several processes, or of a "
            "run that is gone on with, cannot be put together: give it both, see snnfw.MergeableScorer, or score in one "
            "process.",
            None,
        ),
        (
            "another order",
            "SnnfwError: the evaluation data comes in another order each time (RandomSampler), so that its parts do not "
            "make the whole: give a DataLoader without shuffle, or score it in one process and in one go.",
            None,
        ),
        (
            "one device",
            "SnnfwError: device=cuda:1 is one device and devices=2 are several: give device=cuda.",
            None,
        ),
        (
            "more",
            "SnnfwError: devices=3 nodes=1 are 3 processes, and 2 were started: give as many as torchrun or the cluster "
            "starts.",
            None,
        ),
    ],
)
def test_all_processes_end_with_the_sentence_of_the_one_that_fails(
    found: Mapping[str, Any], case: str, first: str, last: str | None
) -> None:
    (said, quiet), (also, told) = found["refusals"][case]
    assert (said, also) == (first, last or first)
    assert quiet is False
    if case.startswith("a mistake"):
        assert told is True


@pytest.mark.parametrize("task", ["classification", "events"])
def test_a_run_by_two_processes_reports_what_one_reports(folder: Path, found: Mapping[str, Any], task: str) -> None:
    assert found["commands"][f"{task} one"] == 0
    assert found["commands"][f"{task} two"] == [0, 0]
    one, two = (_untimed(json.loads((folder / f"{task}-{n}" / "report.json").read_text())) for n in ("one", "two"))
    assert two == one
    assert one["samples"] in (70, 10)


def test_a_comparison_by_two_processes_says_what_one_says(folder: Path, found: Mapping[str, Any]) -> None:
    assert (found["commands"]["compare one"], found["commands"]["compare two"]) == (0, [0, 0])
    one, two = (
        _untimed(json.loads((folder / f"compare-{n}" / "leaderboard.json").read_text())) for n in ("one", "two")
    )
    assert two == one


def test_two_processes_go_on_where_each_of_them_was(folder: Path, found: Mapping[str, Any]) -> None:
    told = found["stopped"]
    assert (told["stopped"], told["resumed"]) == ([2, 0], [0, 0])
    kept = [f"simulate-{rank}.safetensors" for rank in (0, 1)]
    assert told["kept"] == ["command.json", "config.yaml", "lock", *kept]
    assert told["done"] == [[3, 0], [2, 0]]  # all batches of the simulation, and none of the network itself
    names = ("events-one", "stopped")
    whole, resumed = (_untimed(json.loads((folder / name / "report.json").read_text())) for name in names)
    assert resumed == whole
    assert not (folder / "stopped.partial").exists()


def test_the_first_process_alone_tells_its_user(folder: Path, found: Mapping[str, Any]) -> None:
    assert found["commands"]["a folder that is there"] == [2, 0]
    assert (folder / "errors.txt").read_text().count("snnfw: ") == 2
    assert (folder / "errors.txt").read_text().count("snnfw: it stops here.") == 1
    assert (folder / "said.txt").read_text().count(f"results in {folder / 'classification-two'}") == 1


def test_one_process_is_alone() -> None:
    assert ALONE.gather("value") == ["value"]
    require_same(ALONE, "the spiking network", "key")
    with pytest.raises(SnnfwError, match="wrong"), in_step(ALONE):
        raise SnnfwError("wrong")


def _untimed(value: Any) -> Any:
    """Return what was found without what is another one in every run: times, and what the run was told."""
    if isinstance(value, dict):
        other = ("seconds", "command", "created", "stages", "out", "devices")
        return {key: _untimed(entry) for key, entry in value.items() if key not in other}
    return [_untimed(entry) for entry in value] if isinstance(value, list) else value
