"""``snnfw diagnose`` and ``snn.diagnose``: what they say, write and refuse."""

from __future__ import annotations

import csv
import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from rich.console import Console

import snnfw
from networks import ConvNet, noise, seeded
from snnfw.cli import main
from snnfw.config.diagnosis import resolve_diagnosis
from snnfw.cures import Patient
from snnfw.diagnosis import Diagnosis
from snnfw.errors import SnnfwError
from snnfw.report.diagnosis_figures import MOST_SITES
from snnfw.report.diagnosis_page import diagnosis_csv, diagnosis_page
from snnfw.report.diagnosis_table import show_diagnosis

WORDS = ["task=classification", "model=digits-vgg", "task.limit=16", "task.calibration=32"]
X = noise(12, 3, 8, 8).float()


def found_by(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, Path]:
    assert main(["diagnose", *WORDS, *words, "out=found"]) == 0
    return capsys.readouterr().out, Path("found")


def test_a_run_is_diagnosed_as_sentences_page_data_and_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    said, folder = found_by(capsys, "plugin=rate", "timesteps=4", "tries=6")
    assert "The first bad layer is" in said
    assert "Tried: " in said
    assert said.rstrip().endswith("open found/diagnosis.html")
    assert all(len(line) <= 80 for line in said.splitlines() if not line.startswith("data "))
    written = json.loads((folder / "diagnosis.json").read_text(encoding="utf-8"))
    assert written["samples"] == 16
    assert written["about"]["config"]["tries"] == 6
    assert written["bad"] == written["trace"]["site"]
    assert len(written["tried"]) in (6, 7)
    with (folder / "diagnosis.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["site"] for row in rows] == [site["site"] for site in written["sites"]]
    assert [float(row["error"]) for row in rows] == [site["error"] for site in written["sites"]]
    page = (folder / "diagnosis.html").read_text(encoding="utf-8")
    assert page.count("<img") == 4
    again = resolve_diagnosis(["experiment=found/config.yaml"], snnfw.Registry())
    assert again.look.tries == 6
    assert again.run.timesteps == 4


def test_site_and_neurons_are_chosen_and_a_network_of_a_file_is_diagnosed_without_trying(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", *WORDS, "plugin=rate", "timesteps=2", "out=run"]) == 0
    site = json.loads(Path("run/report.json").read_text(encoding="utf-8"))["layers"][1]["site"]
    capsys.readouterr()
    said, folder = found_by(capsys, "checkpoint=run/net.snn", f"site={site}", "neurons=[3,1]")
    assert "comes from a file" in said
    written = json.loads((folder / "diagnosis.json").read_text(encoding="utf-8"))
    assert written["tried"] == []
    assert written["trace"]["site"] == site
    assert [neuron["index"] for neuron in written["trace"]["neurons"]] == [3, 1]


BAD = {
    "site=nowhere": "no site named 'nowhere'",
    "neurons=[99999]": "has no neuron 99999",
    "samples=0": "samples=0 is not allowed: it must be at least 1",
    "tries=-1": "tries=-1 is not allowed: it must be at least 0",
    "sight=relu": "no key named 'sight'. Did you mean 'site'?",
    "neurons=all": "neurons=all is not allowed",
}


@pytest.mark.parametrize("word", BAD)
def test_what_is_not_possible_is_said_and_nothing_is_written(
    word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["diagnose", *WORDS, "plugin=sigmadelta", "tries=0", word]) == 2
    assert BAD[word] in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def converted() -> Callable[..., snnfw.SpikingNetwork]:
    net = seeded(ConvNet).eval()
    return lambda method, **told: snnfw.convert(net, X, method=method, search=False, **told)


def test_python_gives_what_the_command_gives(converted: Callable[..., snnfw.SpikingNetwork], tmp_path: Path) -> None:
    snn = converted("rate", timesteps=4)
    found = snn.diagnose(X, tries=4)
    assert isinstance(found, Diagnosis)
    assert found.samples == 12
    assert found.bad is not None
    assert "The first bad layer is 'relu'" in str(found)
    assert {path.name for path in found.save(tmp_path / "new").iterdir()} >= {"diagnosis.html", "diagnosis.json"}
    with pytest.raises(SnnfwError, match="exists already"):
        found.save(tmp_path / "new")
    snn.save(tmp_path / "net.snn")
    loaded = snnfw.load(tmp_path / "net.snn").diagnose([(X[:5], torch.zeros(5)), (X[5:], torch.zeros(7))])
    assert loaded.tried == ()
    assert [site.error for site in loaded.sites] == pytest.approx([site.error for site in found.sites], rel=1e-5)
    with pytest.raises(SnnfwError, match="no site named 'relo'"):
        snn.diagnose(X, site="relo")


def test_python_tries_the_neurons_that_presets_place(
    converted: Callable[..., snnfw.SpikingNetwork], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Patient] = []

    def try_nothing(patient: Patient, found: Diagnosis, *_: object) -> Diagnosis:
        given.append(patient)
        return found

    monkeypatch.setattr("snnfw.diagnosing.try_cures", try_nothing)
    converted("rate", timesteps=2).diagnose(X)
    placed = {type(neuron).__name__ for neuron in given[0].others}
    assert placed >= {"IntegrateAndFire", "AdaFire", "Tracking", "SigmaDelta"}


def test_a_mended_network_is_as_good_as_was_said(converted: Callable[..., snnfw.SpikingNetwork]) -> None:
    snn = converted("sigmadelta")
    bad = snn.with_neuron("relu", replace(snn.plan.placements[0].neuron, levels=1))  # type: ignore[type-var]
    found = bad.diagnose(X)
    assert found.bad is not None
    assert found.bad.site == "relu"
    assert found.cure is not None
    levels = int(found.cure.words.split()[0].removeprefix("levels="))
    mended = bad.with_neuron("relu", replace(snn.plan.placements[0].neuron, levels=levels))  # type: ignore[type-var]
    then = mended.diagnose(X, tries=0)
    assert next(site for site in then.sites if site.site == "relu").error == pytest.approx(found.cure.error)
    assert then.output == pytest.approx(found.cure.output)


@pytest.mark.parametrize("method", ["rate", "msat", "burst"])
def test_a_cure_is_reached_by_doing_what_it_says(converted: Callable[..., snnfw.SpikingNetwork], method: str) -> None:
    found = converted(method, timesteps=4).diagnose(X, tries=7)
    trial = next(trial for trial in found.tried if "layers=" in trial.how)
    (word,) = shlex.split(trial.how.removeprefix("Give ").removesuffix("."))
    rules = yaml.safe_load(word.removeprefix("layers="))
    then = converted(method, timesteps=4, layers=rules).diagnose(X, tries=0)
    assert found.bad is not None
    assert next(site for site in then.sites if site.site == found.bad.site).error == pytest.approx(trial.error)
    assert then.output == pytest.approx(trial.output)


def test_names_with_markup_are_shown_as_they_are(converted: Callable[..., snnfw.SpikingNetwork]) -> None:
    name = '<b>[red]=1+1"$x$'
    found = converted("rate", timesteps=2).diagnose(X, tries=0)
    named = replace(found, sites=tuple(replace(site, site=f"{name}{site.site}") for site in found.sites))
    page = diagnosis_page(named)
    assert "<b>[red]" not in page
    assert "&lt;b&gt;[red]=1+1" in page
    console = Console(record=True, width=100, file=None, quiet=False)
    with console.capture() as shown:
        show_diagnosis(named, console)
    assert shown.get().count("<b>[red]=1+1") == 1 + len(named.sites)
    assert next(csv.DictReader(diagnosis_csv(named).splitlines()))["site"].startswith(name)


def test_a_thousand_layers_stay_readable(converted: Callable[..., snnfw.SpikingNetwork]) -> None:
    found = converted("rate", timesteps=2).diagnose(X, tries=0)
    first = found.sites[0]
    many = replace(found, sites=tuple(replace(first, site=f"layers.{i}", own=i / 1e4) for i in range(1000)))
    page = diagnosis_page(many)
    assert len(page) < 2_000_000
    assert f"the {1000 - MOST_SITES} sites with smaller errors" in page
    console = Console(width=80)
    with console.capture() as shown:
        show_diagnosis(many, console)
    assert len(shown.get().splitlines()) < 50
    assert "layers.999" in shown.get()


@pytest.mark.parametrize("precision", [torch.float64, torch.float16])
def test_a_network_in_another_precision_is_diagnosed_against_the_one_that_it_was_captured_from(
    converted: Callable[..., snnfw.SpikingNetwork], precision: torch.dtype
) -> None:
    own = converted("rate", timesteps=4).diagnose(X, tries=0)
    cast = converted("rate", timesteps=4).to(precision).diagnose(X.to(precision), tries=1)
    assert cast.output == pytest.approx(own.output, rel=0.1)
    assert [site.error for site in cast.sites] == pytest.approx([site.error for site in own.sites], rel=0.1)
    assert cast.tried


def test_the_first_samples_are_taken_from_batches_of_any_size_and_others_refused(
    converted: Callable[..., snnfw.SpikingNetwork],
) -> None:
    snn = converted("rate", timesteps=2)
    assert snn.diagnose([X[:5], X[5:7], X[7:8], X[8:12]], samples=9, tries=0).samples == 9
    for wrong in (X.double(), X[:, :, :5], [X[:0]]):
        with pytest.raises(SnnfwError, match="give"):
            snn.diagnose(wrong, tries=0)
