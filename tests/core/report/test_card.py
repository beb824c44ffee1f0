from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt
from torch import nn

import snnfw
from networks import noise
from snnfw.archive.container import pack, unpack
from snnfw.errors import SnnfwError
from snnfw.network.network import SpikingNetwork
from snnfw.registry import Registry
from snnfw.report.card import write_card
from snnfw.report.results import describe_results
from snnfw_plugins.integrate_and_fire import IntegrateAndFire


@pytest.fixture(scope="module")
def snn() -> SpikingNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Softmax(1), nn.Linear(144, 9), nn.ReLU(), nn.Linear(9, 4)
        )
    return snnfw.convert(net.eval(), noise(8, 3, 8, 8).float(), method="if", timesteps=4)


def card(snn: SpikingNetwork, **about: Any) -> str:
    return write_card(snn.model, {**snn.about, **about})


RESULTS: dict[str, Any] = {
    "scores": {2: {"accuracy": 0.5}, 4: {"accuracy": 0.9, "IoU/chair": 0.5}},
    "results": {
        "headline": "accuracy",
        "samples": 100,
        "network": {"accuracy": 0.95},
        "steps": {2: 2.0, 4: 4.0},
        "energies": {"horowitz": {"network": 1e-3, "spiking": 5e-4}, "lemaire": {"network": 1e-3, "spiking": 2e-3}},
        "multiplied_share": 0.0,
    },
}


def changed(**results: Any) -> dict[str, Any]:
    return {"scores": RESULTS["scores"], "results": {**RESULTS["results"], **results}}


def test_the_hub_reads_what_stands_in_front(snn: SpikingNetwork) -> None:
    about = {**RESULTS, "task": "classification", "plugin": "adafire", "config": {"data": {"name": "digits"}}}
    read: Any = ModelCard(card(snn, **about)).data
    assert (read.library_name, read.license) == ("snnfw", None)
    assert {"snnfw", "spiking-neural-network", "adafire"} <= set(read.tags or ())
    (result,) = read.eval_results
    assert (result.dataset_name, result.metric_type, result.metric_value) == ("digits", "accuracy", 0.9)
    assert "license:" in card(snn).split("---")[1]


def test_a_network_without_scores_says_so_and_how_to_measure_them(snn: SpikingNetwork) -> None:
    text = snn.card()
    assert "None were measured: `snnfw.evaluate(snn, batches)` does" in text
    assert "it was scored on nothing yet" in text
    assert "model-index" not in text
    assert 'snn = snnfw.load("net.snn")\noutput = snn(x)  # float32 [N, 3, 8, 8]' in text
    assert snn.about["calibration"]["first_batch_sha256"] in text
    assert "1 softmax" in text


def test_a_report_brings_scores_and_the_energy_by_every_model(snn: SpikingNetwork) -> None:
    report = snnfw.evaluate(snn, (noise(8, 3, 8, 8).float(), torch.arange(8) % 4))
    models = Registry().energy_models
    found = describe_results(report, snn.model.graph, snn.plan, snn.costs, models.values())
    energies = found["results"]["energies"]
    assert set(energies) == {"horowitz", "lemaire", "yan"} == set(models)
    assert energies["horowitz"]["network"] == pytest.approx(report.network.energy)
    assert energies["horowitz"]["spiking"] == pytest.approx(report.checkpoints[-1].energy.total)
    assert len({entry["spiking"] for entry in energies.values()}) == 3
    text = snn.card(report)
    assert f"| T = 4 | {report.checkpoints[-1].scores['accuracy']:.4f} |" in text
    assert "| evaluation | 1 batch | 8 |" in text


LIMITS: dict[str, tuple[dict[str, Any], str]] = {
    "worse": (changed(), "accuracy falls from 95.0% to 90.0% after 4 timesteps"),
    "chance": (changed(cautions=["The score is that of guessing (10 %)."]), "- The score is that of guessing (10 %)."),
    "dear": (changed(), "**Saving energy** by lemaire: it takes more"),
    "early": (changed(steps={2: 2.0, 4: 2.5}), "after 2.5 timesteps in the mean, and `snn(x)` runs all 4 timesteps"),
    "products": (changed(multiplied_share=0.25), "25.0% of the MACs are multiplied at every timestep"),
}


@pytest.mark.parametrize("name", LIMITS)
def test_what_it_is_not_good_for_follows_from_what_was_measured(name: str, snn: SpikingNetwork) -> None:
    about, sentence = LIMITS[name]
    assert sentence in card(snn, **about)
    good = {"scores": {4: {"accuracy": 0.95}}, "results": {**RESULTS["results"], "energies": {}}}
    assert sentence not in card(snn, **good)


def test_numbers_that_are_none_and_models_that_refuse_are_told(snn: SpikingNetwork) -> None:
    about = changed(energies={"mine": {"refused": "it cannot"}})
    text = card(snn, **{**about, "scores": {4: {"accuracy": math.nan}}})
    assert "| T = 4 | - | 4 |" in text
    assert "| mine |  |  | it cannot |" in text
    assert yaml.safe_load(text.split("---")[1])["model-index"][0]["results"][0]["metrics"] == []


def test_names_with_markup_stay_names(snn: SpikingNetwork) -> None:
    evil = "<b>x</b> | [y](http://z) `q`\n# title\n---\n```"
    about = {
        **RESULTS,
        "task": evil, "plugin": evil, "classes": [evil, "b"], "command": evil, "versions": {evil: evil}, "created": evil,
        "config": {"model": {"name": evil}, "data": {"name": evil}, "note": evil},
        "scores": {4: {evil: 0.5}},
        "calibration": {"batches": 1, "first_batch": 2, "first_batch_sha256": evil},
    }  # fmt: skip
    text = card(snn, **about)
    front, body = text.removeprefix("---\n").split("\n---\n\n# ", 1)
    assert yaml.safe_load(front)["tags"][-1] == evil
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(f"# {body}")
    children = [child.type for token in tokens for child in token.children or ()]
    assert not [kind for kind in (*children, *(token.type for token in tokens)) if "html" in kind or kind == "image"]
    headings = [after.content for token, after in itertools.pairwise(tokens) if token.type == "heading_open"]
    assert headings[1:] == ["Scores", "Energy", "What it is not good for", "Data", "How it was made", "How to load it"]


def test_another_neuron_has_no_scores_yet(snn: SpikingNetwork) -> None:
    scored = snnfw.SpikingNetwork(snn.model, about={**snn.about, **RESULTS}, conversion=snn.conversion)
    assert "| T = 4 | 0.9000 | 4 |" in scored.card()
    assert "None were measured" in scored.with_neuron("1", IntegrateAndFire(rho=2.0)).card()


def test_a_file_from_before_there_were_cards_has_one(snn: SpikingNetwork, tmp_path: Path) -> None:
    snn.save(tmp_path / "net.snn")
    header, tensors = unpack(tmp_path / "net.snn")
    assert header.pop("card") == snn.card()
    (tmp_path / "old.snn").write_bytes(pack(header, tensors))
    again = snnfw.load(tmp_path / "old.snn")
    assert again.card() == snn.card()
    again.save(tmp_path / "new.snn")
    assert (tmp_path / "new.snn").read_bytes() == (tmp_path / "net.snn").read_bytes()


def test_provenance_that_somebody_broke_is_one_sentence(snn: SpikingNetwork) -> None:
    with pytest.raises(SnnfwError, match="the network has no card: its provenance is damaged, or was changed"):
        card(snn, scores=3)
