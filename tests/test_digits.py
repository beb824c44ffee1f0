"""The embedded default, from the command line to the report: what the README claims."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from read_back import read_back
from snnfw.cli import main

HALF_A_POINT = 0.005


def run(out: Path, *words: str) -> dict[str, Any]:
    assert main(["run", "task=classification", "timesteps=8", f"out={out}", *words]) == 0
    report: dict[str, Any] = read_back(out)
    return report


def accuracy(report: dict[str, Any]) -> float:
    return float(report["checkpoints"][-1]["scores"]["accuracy"])


@pytest.mark.parametrize(("model", "energy"), [("digits-resnet20", 0.756), ("digits-vgg", 0.889)])
def test_adafire_is_within_half_a_point_of_the_network_at_eight_timesteps(
    model: str, energy: float, tmp_path: Path
) -> None:
    report = run(tmp_path / "run", "plugin=adafire", "search=null", "exit=null", f"model={model}")
    network = report["network"]["scores"]["accuracy"]
    assert network >= 0.98
    assert accuracy(report) >= network - HALF_A_POINT
    assert report["checkpoints"][-1]["energy_ratio"] == pytest.approx(energy, abs=0.01)
    assert report["samples"] == 597


@pytest.mark.parametrize("model", ["digits-resnet20", "digits-vgg"])
def test_maximum_thresholds_are_visibly_worse(model: str, tmp_path: Path) -> None:
    report = run(tmp_path / "run", "neuron=if", f"model={model}", "checkpoints=[8]", "task.limit=200")
    assert accuracy(report) < report["network"]["scores"]["accuracy"] - 0.2


def test_layers_can_mix_methods(tmp_path: Path) -> None:
    recipe = tmp_path / "mix.yaml"
    recipe.write_text(
        "converter: calibration\n"
        "layers:\n"
        '  - {match: "layer1.*", neuron: {name: adafire, phi: 4}}\n'
        '  - {match: "layer3.2.relu2", neuron: keep}\n'
        '  - {match: "layer3.*", neuron: tracking}\n'
        '  - {match: "*", neuron: {name: if, shift: true}}\n'
    )
    report = run(tmp_path / "run", f"recipe={recipe}", "checkpoints=[8]", "task.limit=200")
    methods = {layer["site"]: layer["neuron"] for layer in report["layers"]}
    assert methods["layer1.0.relu1"] == "adafire"
    assert methods["layer2.0.relu1"] == "if"
    assert methods["layer3.1.relu2"] == "tracking"
    assert methods["layer3.2.relu2"] == "keep"
    assert accuracy(report) > report["network"]["scores"]["accuracy"] - 0.02
