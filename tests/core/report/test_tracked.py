"""What trackers are told is plain, flat and finite."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from made_reports import made_board, made_report
from snnfw.report.tracked import finite, flatten, name_of, track_comparison, track_run, track_training
from snnfw.sweeping.status import RUN, Status, write_status


def test_a_configuration_is_flat_as_words_have_it() -> None:
    config = {
        "plugin": None,
        "neuron": {"name": "adafire", "phi": 4},
        "checkpoints": [1, 2],
        "layers": [{"match": "*", "neuron": {"name": "if", "shift": True}}],
        "load": [],
        "model": {"name": "callable", "args": {}},
    }
    assert flatten(config) == {
        "plugin": None,
        "neuron": "adafire",
        "neuron.phi": 4,
        "checkpoints": "[1, 2]",
        "layers.0.match": "*",
        "layers.0.neuron": "if",
        "layers.0.neuron.shift": True,
        "load": "[]",
        "model": "callable",
        "model.args": "{}",
    }


def test_only_numbers_are_told() -> None:
    assert finite({"a": 1, "nan": math.nan, "inf": math.inf, "none": None}) == {"a": 1.0}


def test_a_run_is_told_by_its_checkpoints(tmp_path: Path) -> None:
    report = made_report(about={"stages": {"convert": 2.5}}, measured={"error/act0": 0.5, "lost": math.nan})
    told = track_run(report, tmp_path)
    assert (told.name, told.kind, told.axis, told.folder) == (tmp_path.name, "run", "timestep", tmp_path)
    assert told.parameters == {"model": "digits-vgg", "seed": 7}
    assert told.points[2] == {
        "accuracy": 0.75,
        "steps": 1.5,
        "energy_mj": 2e-3,
        "energy_ratio": 1.0,
        "spikes": report.checkpoints[1].energy.spikes,
        "accumulations": report.checkpoints[1].energy.accumulations,
    }
    assert told.numbers == {
        "network/accuracy": 0.9,
        "network/energy_mj": 2e-3,
        "network/seconds": 0.5,
        "seconds": 1.0,
        "samples": 10.0,
        "spiking_share": 0.9,
        "stage_seconds/convert": 2.5,
        "measured/error/act0": 0.5,
    }
    assert told.tags == {
        "command": "snnfw run task=classification",
        "plugin": "adafire",
        "task": "classification",
        "version.torch": "2.0",
        "headline": "accuracy",
    }


def test_a_comparison_is_told_with_each_of_its_methods(tmp_path: Path) -> None:
    board = made_board()
    methods = [{"name": "good", "neuron": {"name": "if"}}, {"name": "bad", "neuron": {"name": "lif"}}]
    board = type(board)(**{**{name: getattr(board, name) for name in board.__dataclass_fields__}, "about": {
        "task": "classification", "command": "snnfw compare", "config": {"seed": 7, "methods": methods},
    }})  # fmt: skip
    whole, parts = track_comparison(board, tmp_path)
    assert (whole.kind, whole.parameters, whole.error) == ("comparison", {"seed": 7}, "a method failed")
    assert whole.folder == tmp_path
    assert [part.name for part in parts] == ["good", "bad"]
    assert [part.parameters for part in parts] == [{"seed": 7, "neuron": "if"}, {"seed": 7, "neuron": "lif"}]
    assert [sorted(part.points) for part in parts] == [[1, 2], [1]]
    assert [(part.error, part.folder) for part in parts] == [(None, None), ("it overflowed", None)]
    assert parts[0].tags == {"task": "classification", "headline": "accuracy", "method": "good"}


def test_a_training_is_told_by_its_epochs(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"epoch": "0", "step": "4", "loss": "2.5", "accuracy": ""},
        {"epoch": 1, "step": 8, "loss": 1.5},
    ]
    told = track_training(rows, {"seed": 1}, {"plugin": "lif", "stages": {"train": 3.0}}, tmp_path)
    assert (told.axis, told.points) == ("epoch", {0: {"step": 4.0, "loss": 2.5}, 1: {"step": 8.0, "loss": 1.5}})
    assert (told.numbers, told.tags) == ({"stage_seconds/train": 3.0}, {"plugin": "lif"})


def test_a_run_of_a_sweep_is_called_as_its_job(tmp_path: Path) -> None:
    folder = tmp_path / "adafire_timesteps=4" / RUN
    folder.mkdir(parents=True)
    assert name_of(folder) == "run"
    write_status(folder.parent, Status("running"))
    assert name_of(folder) == "adafire_timesteps=4"
    assert name_of(folder.with_name("mine")) == "mine"
