from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchmetrics
from torch import Tensor, nn
from torch.nn import functional as F

import snnfw
from networks import ConvNet, noise, seeded
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.exits import Confidence

SAMPLES, CLASSES = 12, 5
LABELS = torch.arange(SAMPLES) % CLASSES


def images() -> Tensor:
    return noise(SAMPLES, 3, 8, 8).float()


@pytest.fixture(scope="module")
def net() -> nn.Module:
    return seeded(ConvNet).float().eval()


@pytest.fixture(scope="module")
def snn(net: nn.Module) -> snnfw.SpikingNetwork:
    return snnfw.convert(net, (images(), LABELS), method="adafire", timesteps=4)


def batches() -> list[tuple[Tensor, Tensor]]:
    """Return batches of 5 and 7 samples."""
    return [(images()[:5], LABELS[:5]), (images()[5:], LABELS[5:])]


def outputs_at(snn: snnfw.SpikingNetwork, timestep: int) -> Tensor:
    snn.model.begin((images(),))
    snn.model.advance(timestep)
    output: Tensor = snn.model.read()
    return output


def right(output: Tensor) -> float:
    return float((output.argmax(1) == LABELS).double().mean())


def test_a_report_holds_the_scores_at_every_checkpoint_and_the_network_s_own(
    net: nn.Module, snn: snnfw.SpikingNetwork
) -> None:
    report = snnfw.evaluate(snn, batches())
    assert [point.timestep for point in report.checkpoints] == [1, 2, 4]
    for point in report.checkpoints:
        assert point.scores["accuracy"] == pytest.approx(right(outputs_at(snn, point.timestep)))
    assert report.network.scores["accuracy"] == pytest.approx(right(net(images())))
    assert report.samples == SAMPLES
    assert report.headline == "accuracy"
    assert report.search == snn.about["search"]


def sample_losses(output: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(output, target, reduction="none")


def batch_loss(output: Tensor, target: Tensor) -> float:
    return float(F.cross_entropy(output, target))


METRICS: dict[str, tuple[Any, str, Callable[[Tensor], float]]] = {
    "none": (None, "accuracy", right),
    "accuracy": ("accuracy", "accuracy", right),
    "of each sample": (sample_losses, "sample_losses", lambda y: float(F.cross_entropy(y, LABELS))),
    "of each batch": (batch_loss, "batch_loss", lambda y: float(F.cross_entropy(y, LABELS))),
    "torchmetrics": (
        torchmetrics.classification.MulticlassAccuracy(CLASSES, average="micro"), "MulticlassAccuracy", right
    ),
    "a collection": (
        torchmetrics.MetricCollection(
            {"first": torchmetrics.classification.MulticlassAccuracy(CLASSES, average="micro")}
        ),
        "first",
        right,
    ),
    "a judgement": (
        snnfw.Judgement(lambda: Counts(), "samples"), "samples", lambda y: float(len(y))
    ),
}  # fmt: skip


class Counts:
    """Score how many samples there are."""

    def __init__(self) -> None:
        self.samples = 0.0

    def update(self, output: Tensor, target: Tensor) -> None:
        self.samples += len(target)

    def compute(self) -> dict[str, float]:
        return {"samples": self.samples}


@pytest.mark.parametrize("name", METRICS)
def test_outputs_are_judged_by_any_metric(name: str, snn: snnfw.SpikingNetwork) -> None:
    metric, headline, expected = METRICS[name]
    report = snnfw.evaluate(snn, batches(), metric, checkpoints=[3])
    assert report.headline == headline
    assert report.checkpoints[0].scores[headline] == pytest.approx(expected(outputs_at(snn, 3)))
    again = snnfw.evaluate(snn, batches(), metric, checkpoints=[3])
    assert again.checkpoints == report.checkpoints, "a metric begins anew"


def test_exits_are_fitted_on_the_calibration_data_of_the_conversion(snn: snnfw.SpikingNetwork) -> None:
    own = snn.conversion
    assert own is not None
    assert own.config is not None
    for policy in (own.config.exit, "confidence", {"name": "confidence", "threshold": 0.3}, Confidence(threshold=0.3)):
        report = snnfw.evaluate(snn, batches(), exit=policy)
        assert sum(report.exits.values()) == SAMPLES
        assert report.exit is not None
    assert snnfw.evaluate(snn, batches()).exit is None


def test_a_network_without_its_calibration_takes_exits_that_need_none(snn: snnfw.SpikingNetwork) -> None:
    bare = snnfw.SpikingNetwork(snn.model, about=snn.about)
    reports = [snnfw.evaluate(each, batches(), exit=Confidence(threshold=0.3)) for each in (bare, snn)]
    assert reports[0].exits == reports[1].exits


def test_a_saved_report_is_the_folder_of_a_run(snn: snnfw.SpikingNetwork, tmp_path: Path) -> None:
    report = snnfw.evaluate(snn, batches())
    folder = report.save(tmp_path / "mine")
    written = ["checkpoints.csv", "config.yaml", "layers.csv", "operators.csv", "report.html", "report.json"]
    assert sorted(path.name for path in folder.iterdir()) == written
    saved = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert snnfw.Report.load(folder).checkpoints == report.checkpoints
    assert saved["checkpoints"][-1]["scores"] == dict(report.checkpoints[-1].scores)
    assert saved["about"]["config"]["plugin"] == "adafire"
    assert "<h1>" in (folder / "report.html").read_text(encoding="utf-8")
    with pytest.raises(snnfw.SnnfwError, match="exists already"):
        report.save(folder)


def test_a_comparison_is_the_reports_side_by_side(net: nn.Module, snn: snnfw.SpikingNetwork, tmp_path: Path) -> None:
    other = snnfw.convert(net, images(), method=AdaFire(phi=1), timesteps=2)
    board = snnfw.compare({"adafire": snn, "φ = 1": other}, batches())
    assert board.checkpoints == (1, 2)
    assert [entry.name for entry in board.entries] == ["adafire", "φ = 1"]
    for entry, network in zip(board.entries, (snn, other), strict=True):
        report = snnfw.evaluate(network, batches(), checkpoints=[1, 2])
        assert [s.scores for s in entry.standings] == [point.scores for point in report.checkpoints]
        assert [s.energy for s in entry.standings] == [point.energy for point in report.checkpoints]
        assert board.network.scores == report.network.scores
    folder = board.save(tmp_path / "board")
    assert sorted(path.name for path in folder.iterdir()) == [
        "leaderboard.csv",
        "leaderboard.html",
        "leaderboard.json",
    ]


def wide(output: Tensor, target: Tensor) -> Tensor:
    return output


BAD: dict[str, tuple[Callable[[snnfw.SpikingNetwork], Any], str]] = {
    "the network itself": (lambda snn: snnfw.evaluate(ConvNet(), batches()), "what to evaluate is a ConvNet"),  # type: ignore[arg-type]
    "no labels": (lambda snn: snnfw.evaluate(snn, images()), "the evaluation data has no labels"),
    "no batches": (lambda snn: snnfw.evaluate(snn, []), "the evaluation data is empty"),
    "another shape": (
        lambda snn: snnfw.evaluate(snn, (images()[:, :2], LABELS)), r"was captured for inputs of shape \[N, 3, 8, 8\]"
    ),
    "labels of another kind": (
        lambda snn: snnfw.evaluate(snn, (images(), LABELS.float())), "nothing says how outputs are judged: give metric"
    ),
    "too few labels": (lambda snn: snnfw.evaluate(snn, (images(), LABELS[:3])), "samples come with 3 labels: give one"),
    "a metric's class": (
        lambda snn: snnfw.evaluate(snn, batches(), torchmetrics.MeanSquaredError), "give an instance of it"
    ),
    "no metric": (lambda snn: snnfw.evaluate(snn, batches(), 3), "metric is an int: give a metric of torchmetrics"),
    "too much of it": (lambda snn: snnfw.evaluate(snn, batches(), wide), "one number for the batch, or one for each"),
    "class by class": (
        lambda snn: snnfw.evaluate(
            snn, batches(), torchmetrics.classification.MulticlassAccuracy(CLASSES, average="none")
        ),
        "choose one that sums up to one number",
    ),
    "a late checkpoint": (
        lambda snn: snnfw.evaluate(snn, batches(), checkpoints=[1, 9]), r"checkpoints=\[1, 9\] is not allowed"
    ),
    "no checkpoint": (lambda snn: snnfw.evaluate(snn, batches(), checkpoints=[]), r"checkpoints=\[\] is not allowed"),
    "an unknown exit": (lambda snn: snnfw.evaluate(snn, batches(), exit="confidens"), "Did you mean 'confidence'"),
    "an exit without calibration": (
        lambda snn: snnfw.evaluate(
            snnfw.SpikingNetwork(snn.model, about=snn.about), batches(), exit="entropy"
        ),
        "a network from a file has none",
    ),
    "nothing to compare": (lambda snn: snnfw.compare({}, batches()), "what to compare is a dict"),
    "a comparison of something else": (lambda snn: snnfw.compare({"a": 3}, batches()), "'a' is an int"),  # type: ignore[dict-item]
    "two networks": (
        lambda snn: snnfw.compare(
            {"a": snn, "b": snnfw.convert(seeded(ConvNet, 1).float().eval(), images(), method="if")}, batches()
        ),
        "'b' and 'a' are conversions of two networks",
    ),
    "two prices": (
        lambda snn: snnfw.compare(
            {"a": snn, "b": snnfw.SpikingNetwork(snn.model, costs=snnfw.energy.Horowitz(mac_pj=1.0))}, batches()
        ),
        "have other prices",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_evaluated_is_one_sentence(name: str, snn: snnfw.SpikingNetwork) -> None:
    call, message = BAD[name]
    with pytest.raises(snnfw.SnnfwError, match=message) as raised:
        call(snn)
    assert "\n" not in str(raised.value)


def test_an_unscored_mean_is_not_a_number() -> None:
    from snnfw.network.judging import MeanScorer

    assert math.isnan(MeanScorer(batch_loss, "loss").compute()["loss"])
