from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest

from snnfw import pipeline
from snnfw.cli import main
from snnfw.config.resolution import resolve
from snnfw.errors import SnnfwError
from snnfw.pipeline import run
from snnfw.registry import Registry
from snnfw.reproduce.running import reproduce

if TYPE_CHECKING:
    from pathlib import Path

TABLE = """
about: two of many
task: {name: classification, limit: 5, calibration: 8}
plugin: rate
timesteps: 4
grid:
  - {row: good, published: {table: "1", row: good, values: {2: 50, 4: 60}}}
  - {row: bad, words: [model=nobody]}
"""


def test_a_table_is_run_row_by_row_and_a_row_that_fails_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "table.yaml", tmp_path / "out"
    file.write_text(TABLE)
    lines = reproduce(str(file), ["task.batch=5", f"out={out}"], Registry())
    assert [(line.row, line.timesteps, line.published) for line in lines] == [
        ("good", 2, 50), ("good", 4, 60), ("bad", None, None),
    ]  # fmt: skip
    assert lines[2].error.startswith("no model named 'nobody'.")

    alone = run(
        resolve([f"experiment={file}", "timesteps=4", "save=false", f"out={tmp_path / 'alone'}"], Registry()),
        Registry(),
    )
    report = json.loads((alone / "report.json").read_text())
    assert lines[1].ours == 100 * report["checkpoints"][-1]["scores"]["accuracy"]
    assert lines[1].network == 100 * report["network"]["scores"]["accuracy"]

    assert sorted(path.name for path in out.iterdir()) == [
        "good, T = 2", "good, T = 4", "reproduction.csv", "reproduction.json", "reproduction.svg",
    ]  # fmt: skip
    told = json.loads((out / "reproduction.json").read_text())
    assert told["command"] == f"snnfw reproduce {file} task.batch=5 out={out}"
    assert [line["ours"] for line in told["lines"]] == [line.ours for line in lines]
    with (out / "reproduction.csv").open(newline="") as read:
        assert [row["row"] for row in csv.DictReader(read)] == ["good", "good", "bad"]

    assert main(["reproduce", str(file), "rows=good", "timesteps=1", f"out={tmp_path / 'one'}"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "ours beside the published numbers" in said
    assert "(T = 2)" in said
    assert "shortened: timesteps=1" in said


def test_where_nothing_can_be_run_nothing_is_left(tmp_path: Path) -> None:
    file, out = tmp_path / "table.yaml", tmp_path / "out"
    file.write_text(TABLE)
    with pytest.raises(SnnfwError, match="no model named 'nobody'"):
        reproduce(str(file), ["rows=bad", f"out={out}"], Registry())
    with pytest.raises(SnnfwError) as caught:
        reproduce(str(file), ["data=nothing", f"out={out}"], Registry())
    assert str(caught.value).startswith(f"no row of '{file}' can be run. good: no data set named 'nothing'.")
    assert not out.exists()


def test_words_for_a_training_that_nobody_needs_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "table.yaml"
    file.write_text(TABLE)
    with pytest.raises(SnnfwError) as caught:
        reproduce(str(file), ["rows=good", "trainer.epochs=2", f"out={tmp_path / 'out'}"], Registry())
    assert str(caught.value) == (
        "trainer.epochs=2 has no effect: nothing is trained, since the weights are there or given. Leave it out."
    )


def test_what_went_well_is_kept_where_a_later_number_of_timesteps_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, out = tmp_path / "table.yaml", tmp_path / "out"
    file.write_text(TABLE)
    ran: list[int] = []

    def fails(config: Any, *rest: Any) -> Path:
        ran.append(config.timesteps)
        if len(ran) > 1:
            raise SnnfwError("no room.")
        return run(config, *rest)

    monkeypatch.setattr(pipeline, "run", fails)
    with pytest.raises(SnnfwError, match="no room"):
        reproduce(str(file), ["rows=good", f"out={out}"], Registry())
    assert ran == [2, 4]
    assert [line["timesteps"] for line in json.loads((out / "reproduction.json").read_text())["lines"]] == [2]


def test_what_went_well_is_kept_where_somebody_stops_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, out = tmp_path / "table.yaml", tmp_path / "out"
    file.write_text(TABLE)
    ran: list[int] = []

    def stopped(config: Any, *rest: Any) -> Path:
        ran.append(config.timesteps)
        if len(ran) > 1:
            raise KeyboardInterrupt("stopped")
        return run(config, *rest)

    monkeypatch.setattr(pipeline, "run", stopped)
    with pytest.raises(KeyboardInterrupt, match="stopped"):
        reproduce(str(file), [f"out={out}"], Registry())
    assert [line["timesteps"] for line in json.loads((out / "reproduction.json").read_text())["lines"]] == [2]


def test_a_training_is_done_once_for_all_rows_that_need_it(tmp_path: Path) -> None:
    file, out = tmp_path / "table.yaml", tmp_path / "out"
    file.write_text(
        "prepare: train-network\ntask: {name: classification, limit: 5, calibration: 8}\nplugin: rate\ntimesteps: 2\n"
        "model: {name: cifar-resnet, depth: 8, width: 2, channels: 1}\ntrainer: {epochs: 1, norm: batch}\n"
        "grid:\n  - {row: one}\n  - {row: half, words: [neuron.rho=0.5]}\n"
    )
    lines = reproduce(str(file), [f"out={out}"], Registry())
    assert [line.error for line in lines] == ["", ""]
    assert (out / "training-1" / "model.safetensors").is_file()
    assert not (out / "training-2").exists()
    configs = [(out / name / "config.yaml").read_text() for name in ("one", "half")]
    assert all(str(out / "training-1") in config for config in configs)


def test_a_table_is_no_experiment_of_a_run(tmp_path: Path) -> None:
    file = tmp_path / "rows.yaml"
    file.write_text("about: rows of others\ngrid:\n  - {row: one, experiment: ibra/cifar10_resnet18}\n")
    with pytest.raises(SnnfwError) as caught:
        resolve([f"experiment={file}"], Registry())
    assert str(caught.value) == (
        f"experiment={file} is a table whose rows are experiments of their own: 'snnfw reproduce {file}' runs them."
    )


def test_the_commands_say_what_they_take(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["experiments", "list"]) == 0
    assert "inflor/cifar10_resnet19" in capsys.readouterr().out
    assert main(["experiments"]) == 0
    assert "experiments list" in capsys.readouterr().out
    assert main(["reproduce"]) == 2
    assert capsys.readouterr().err == (
        "snnfw: 'snnfw reproduce' takes the name of an experiment: 'snnfw experiments list' has them.\n"
    )
    assert main(["reproduce", "inflor/none"]) == 2
    assert "no experiment of plugin 'inflor' named 'none'." in capsys.readouterr().err
