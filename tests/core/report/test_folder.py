from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from snnfw.errors import SnnfwError
from snnfw.report.folder import as_json, run_folder, stopped_folder

NOW = datetime(2026, 1, 2, 3, 4, 5)


def test_results_go_into_a_folder_named_after_time_task_and_plugin() -> None:
    assert run_folder(None, "classification", "adafire", NOW) == Path("runs/20260102-030405-classification-adafire")


def test_a_folder_that_exists_is_never_overwritten(tmp_path: Path) -> None:
    with pytest.raises(SnnfwError) as caught:
        run_folder(tmp_path, "t", "p", NOW)
    assert str(caught.value) == (
        f"out={tmp_path} exists already: name a folder that does not, nothing is ever overwritten."
    )


def test_a_folder_that_takes_no_files_is_refused_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SnnfwError, match=r"/file' \(Not a directory\): choose another folder, out=FOLDER\.$"):
        run_folder(tmp_path / "file" / "run", "t", "p", NOW)
    monkeypatch.chdir(tmp_path)
    run_folder(Path("new/run"), "t", "p", NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_numbers_that_json_does_not_know_are_null() -> None:
    given = {"a": float("nan"), "b": [1.5, (float("inf"), {"c": float("-inf")})], "d": "NaN", "e": Path("x")}
    assert json.loads(as_json(given)) == {"a": None, "b": [1.5, [None, {"c": None}]], "d": "NaN", "e": "x"}


def test_a_run_that_was_stopped_is_named_by_its_folder_or_that_of_its_results(tmp_path: Path) -> None:
    target, folder = tmp_path / "run", tmp_path / "run.partial"
    folder.mkdir()
    with pytest.raises(SnnfwError, match=r"^resume=.*/run does not work: there is no '.*/run.partial/config.yaml'\."):
        stopped_folder(target)
    (folder / "config.yaml").touch()
    assert stopped_folder(target) == stopped_folder(folder) == folder
    with pytest.raises(SnnfwError, match=r"^a run to '.*/run' was begun and not finished: resume=.*/run goes on"):
        run_folder(target, "t", "p", NOW)
    target.mkdir()
    with pytest.raises(SnnfwError, match=r"^resume=.*/run.partial is finished: its results are in '.*/run',"):
        stopped_folder(folder)
