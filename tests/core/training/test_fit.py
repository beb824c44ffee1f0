"""A training learns, and one that was killed and resumed ends with the same weights."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn
from torch.nn import functional as F

from networks import noise, seeded
from snnfw.capture.export import capture
from snnfw.contracts import Batch, Bundle, Resources, Rule
from snnfw.convert.direct import Direct
from snnfw.errors import SnnfwError
from snnfw.plan.place import place
from snnfw.training import fit as fitting
from snnfw.training.fit import LAST, fit
from snnfw.training.fresh import initialise
from snnfw.training.learner import rate_at
from snnfw.training.network import TrainingNetwork
from snnfw.training.settings import TrainerSettings
from snnfw.training.tdbn import scale_norms
from snnfw_plugins.lif import LeakyIntegrateAndFire

X = noise(48, 2, 4, 4).float()
Y = (X.mean((1, 2, 3)) > 0).long()


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.drop = nn.Conv2d(2, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Dropout(0.2)
        self.head = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(F.relu(self.norm(self.conv(x)))).mean((2, 3)))  # type: ignore[no-any-return]  # Linear


class Right:
    def __init__(self) -> None:
        self.right: list[Tensor] = []

    def update(self, output: Tensor, target: Tensor) -> None:
        self.right.append((output.argmax(1) == target).float())

    def compute(self) -> dict[str, float]:
        return {"accuracy": float(torch.cat(self.right).mean())}


def batches(batch: int, workers: int, seed: int) -> list[Batch]:
    del workers
    order = torch.randperm(len(X), generator=torch.Generator().manual_seed(seed))
    return [Batch((X[part],), Y[part]) for part in order.split(batch)]


def bundle(net: nn.Module, **changed: Any) -> Bundle:
    def loss(output: Any, target: Any, smoothing: float) -> Tensor:
        return F.cross_entropy(output, target, label_smoothing=smoothing)

    given = {"training": batches, "loss": loss, **changed}
    return Bundle(net, (X[:2],), [(X,)], [Batch((X,), Y)], Right, "accuracy", **given)


def trained(folder: Path, settings: TrainerSettings, **changed: Any) -> tuple[dict[str, Tensor], dict[str, float]]:
    net = seeded(Net).eval()
    graph = capture(net, (X[:2],), trainable=True)
    plan = place(graph, (Rule("*", LeakyIntegrateAndFire()),))
    model = Direct().convert(graph, plan, [(X,)], 2, Resources())
    scores = fit(TrainingNetwork(model), bundle(net, **changed), settings, folder, Resources(), quiet=True)
    return copy.deepcopy(net.state_dict()), scores


SETTINGS = TrainerSettings(epochs=4, batch=16, rate=0.1)


def test_a_training_learns_and_says_how_well(tmp_path: Path) -> None:
    _, scores = trained(tmp_path, TrainerSettings(epochs=40, batch=16, rate=0.2))
    assert scores["accuracy"] > 0.8
    assert (tmp_path / LAST).exists()
    assert "accuracy" in (tmp_path / "log" / "metrics.csv").read_text()


@pytest.mark.parametrize("loss", ["mean", "tet"])
def test_a_training_that_is_killed_and_resumed_ends_with_the_same_weights(
    tmp_path: Path, loss: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = TrainerSettings(epochs=4, batch=16, rate=0.1, loss=loss)
    whole, _ = trained(tmp_path / "whole", settings)

    class KilledError(Exception):
        pass

    class Kill(Callback):
        def on_train_batch_start(self, trainer: Any, *_: Any) -> None:
            if trainer.global_step == 7:
                raise KilledError

    class WithKill(fitting.SeedEachEpoch, Kill):
        pass

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "SeedEachEpoch", WithKill)
        with pytest.raises(KilledError):
            trained(tmp_path / "cut", settings)
    torch.rand(100)  # the generators have moved on since
    resumed, _ = trained(tmp_path / "cut", settings)
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed[name]), name


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    calls: list[int] = []

    def loss(output: Any, target: Any, smoothing: float) -> Tensor:
        calls.append(1)
        return F.cross_entropy(output, target) * (float("nan") if len(calls) == 5 else 1.0)

    with pytest.raises(SnnfwError) as caught:
        trained(tmp_path, SETTINGS, loss=loss)
    assert str(caught.value) == (
        "the loss is nan at batch 1 of epoch 1: lower trainer.rate, or set trainer.clip. The checkpoint of the last "
        "epoch is kept."
    )
    kept = torch.load(tmp_path / LAST, weights_only=True)
    assert kept["epoch"] == 0
    assert all(bool(torch.isfinite(value).all()) for value in kept["state_dict"].values())


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"training": None}, "this task has no training data."),
        ({"loss": None}, "this task has no loss, so nothing can be trained for it."),
    ],
)
def test_a_task_that_cannot_be_trained_for_says_so(tmp_path: Path, changed: Any, sentence: str) -> None:
    with pytest.raises(SnnfwError) as caught:
        trained(tmp_path, SETTINGS, **changed)
    assert str(caught.value) == sentence


def test_the_rate_rises_and_then_falls_by_a_cosine() -> None:
    rates = [rate_at(step, 2, 10, "cosine") for step in range(11)]
    assert rates[:3] == [0.5, 1.0, 1.0]
    assert rates[6] == pytest.approx(0.5)
    assert rates[-1] == pytest.approx(0.0)
    assert {rate_at(step, 0, 10, "constant") for step in range(10)} == {1.0}


def test_a_fresh_network_depends_on_the_seed_alone() -> None:
    first, second = seeded(Net, 1), seeded(Net, 2)
    before = torch.get_rng_state()
    initialise(first, 3)
    initialise(second, 3)
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    initialise(second, 4)
    assert not torch.equal(first.get_parameter("conv.weight"), second.get_parameter("conv.weight"))


def test_a_module_that_cannot_be_initialised_anew_is_named() -> None:
    class Gain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gain = nn.Parameter(torch.ones(3))

    with pytest.raises(SnnfwError) as caught:
        initialise(nn.Sequential(nn.ReLU(), Gain()), 0)
    assert str(caught.value) == (
        "the module '1' (Gain) has parameters and no reset_parameters(), so it cannot be initialised anew: give it one, "
        "or say trainer.start=given."
    )


class Residual(nn.Module):
    def __init__(self, affine: bool = True) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)
        self.conv2, self.bn2 = nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2, affine=affine)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)) + x)


def test_norms_start_at_the_threshold_and_smaller_where_branches_are_summed() -> None:
    net = seeded(Residual).eval()
    graph = capture(net, (X[:2],), trainable=True)
    plan = place(graph, (Rule("*", LeakyIntegrateAndFire(threshold=0.5)),))
    assert scale_norms(graph, plan) == {"bn1": 0.5, "bn2": pytest.approx(0.5 * 0.5**0.5)}
    assert net.get_parameter("bn1.weight").tolist() == [0.5, 0.5]
    assert net.get_parameter("bn2.weight").tolist() == pytest.approx([0.125**0.5] * 2)


def test_a_norm_without_a_gain_cannot_be_scaled() -> None:
    graph = capture(seeded(lambda: Residual(affine=False)).eval(), (X[:2],), trainable=True)
    plan = place(graph, (Rule("*", LeakyIntegrateAndFire()),))
    with pytest.raises(SnnfwError) as caught:
        scale_norms(graph, plan)
    assert str(caught.value) == (
        "the batch norm 'bn2' has no gain (affine=False) that a threshold could scale: give it one, or say "
        "trainer.norm=batch."
    )
