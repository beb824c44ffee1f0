from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import snnfw
from networks import noise, seeded
from snnfw.cli import main
from snnfw.errors import SnnfwError


@pytest.fixture(scope="module")
def snn() -> snnfw.SpikingNetwork:
    net = seeded(lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))).eval()
    return snnfw.convert(net, noise(12, 6).float(), method="if", timesteps=3)


def test_a_network_is_compared_on_what_it_was_calibrated_on(snn: snnfw.SpikingNetwork, tmp_path: Path) -> None:
    exported = snnfw.export(snn, tmp_path / "net.pt2")
    assert (exported.format, exported.samples, exported.timesteps) == ("torch", 4, 3)
    assert exported.values == (4 + 1) * 3 * 8
    assert {path.name for path in tmp_path.iterdir()} == {"net.pt2", "net.begin.pt2", "net.pt2.json"}


@pytest.mark.parametrize(
    "data", [noise(2, 6).float(), (noise(2, 6).float(), torch.tensor([0, 1])), [noise(2, 6)]], ids=["x", "xy", "list"]
)
def test_samples_of_every_usual_kind_are_compared_on(snn: snnfw.SpikingNetwork, data: Any, tmp_path: Path) -> None:
    assert snnfw.export(snn, str(tmp_path / "net.nir"), "nir", data=data).samples == 2


def test_a_network_without_its_calibration_is_compared_on_noise(snn: snnfw.SpikingNetwork, tmp_path: Path) -> None:
    alone = snnfw.SpikingNetwork(snn.model)
    assert snnfw.export(alone, tmp_path / "net.nir").samples == 4


def test_a_network_answers_as_before_it_was_exported(snn: snnfw.SpikingNetwork, tmp_path: Path) -> None:
    x = noise(5, 6).float()
    before = snn(x)
    snnfw.export(snn, tmp_path / "net.pt2")
    assert torch.equal(snn(x), before)


def test_what_is_no_spiking_network_is_refused(tmp_path: Path) -> None:
    given: Any = nn.Linear(2, 2)
    with pytest.raises(SnnfwError, match="^what is to be exported is a Linear: give a spiking network"):
        snnfw.export(given, tmp_path / "net.onnx")


@pytest.fixture
def file(snn: snnfw.SpikingNetwork, tmp_path: Path) -> Path:
    snn.save(tmp_path / "net.snn")
    return tmp_path / "net.snn"


@pytest.mark.parametrize(
    ("words", "written"),
    [(["format=nir"], "net.nir"), (["out=OTHER/a.nir"], "OTHER/a.nir"), (["format=nir", "out=b.nir"], "b.nir")],
)
def test_the_command_writes_a_file_of_the_format(
    words: list[str],
    written: str,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(file.parent)
    assert main(["export", "net.snn", *words]) == 0
    said = capsys.readouterr().out
    assert said == f"120 values of neurons (4 samples, 3 timesteps) equal the model's.\nwritten: {written}\n"
    assert (file.parent / written).is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "'snnfw export' is not how it goes: snnfw export NET.snn format=onnx|torch|nir out=FILE"),
        (["net.snn", "to=nir"], "'snnfw export net.snn to=nir' is not how it goes"),
        (["net.snn", "nir"], "'snnfw export net.snn nir' is not how it goes"),
        (["net.snn"], "nothing says what to export 'net.snn' to: give out=FILE, or format=NAME."),
        (["net.snn", "format=nirr"], "no format named 'nirr'. Did you mean 'nir'? Formats: nir, onnx, torch."),
        (["net.snn", "out=net.onx"], "'net.onx' does not say a format"),
        (["net.snn", "out=a.onnx", "format=nir"], "format=nir is written to a file that ends in .nir"),
    ],
)
def test_what_the_command_does_not_understand_is_refused(
    words: list[str], said: str, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(file.parent)
    assert main(["export", *words]) == 2
    assert capsys.readouterr().err.startswith(f"snnfw: {said}")
    assert list(file.parent.iterdir()) == [file]
