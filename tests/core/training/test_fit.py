"""A training learns, and one that was killed and resumed ends with the same weights."""

from __future__ import annotations

import copy
import csv
import pickle
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn
from torch.nn import functional as F

from networks import noise, seeded
from snnfw.capture.export import capture
from snnfw.conversion.direct import Direct
from snnfw.errors import SnnfwError
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.spiking.model import SpikingModel
from snnfw.training import fit as fitting
from snnfw.training.fit import LAST, fit, require_training
from snnfw.training.fresh import initialise
from snnfw.training.learner import Learner, learning_rate_at
from snnfw.training.lines import EpochLines
from snnfw.training.network import TrainingNetwork
from snnfw.training.settings import TrainerSettings
from snnfw.training.tdbn import scale_norms
from snnfw.values import Batch, Bundle, Data, Judgement, Resources, Training
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


JUDGEMENT = Judgement(scorer=Right, headline="accuracy")


def batches(batch: int, workers: int, seed: int) -> list[Batch]:
    del workers
    order = torch.randperm(len(X), generator=torch.Generator().manual_seed(seed))
    return [Batch((X[part],), Y[part]) for part in order.split(batch)]


def bundle(net: nn.Module, **changed: Any) -> Bundle:
    def loss(output: Any, target: Any, smoothing: float) -> Tensor:
        return F.cross_entropy(output, target, label_smoothing=smoothing)

    given = {"batches": batches, "loss": loss, **changed}
    return Bundle(
        model=net,
        example=(X[:2],),
        data=Data(calibration=[(X,)], evaluation=[Batch((X,), Y)]),
        judgement=JUDGEMENT,
        training=Training(**given) if given["batches"] else None,
    )


def converted(net: nn.Module, scaled: bool = False) -> SpikingModel:
    graph = capture(net, (X[:2],), trainable=True)
    plan = place(graph, (Rule("*", LeakyIntegrateAndFire()),))
    if scaled:
        scale_norms(graph, plan)
    return Direct().convert(graph, plan, [(X,)], 2, Resources())


def trained(folder: Path, settings: TrainerSettings, **changed: Any) -> tuple[dict[str, Tensor], dict[str, float]]:
    net = seeded(Net).eval()
    scores = fit(TrainingNetwork(converted(net)), bundle(net, **changed), settings, folder, Resources(), quiet=True)
    return copy.deepcopy(net.state_dict()), scores


def told(folder: Path) -> list[dict[str, str]]:
    with (folder / "log" / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


SETTINGS = TrainerSettings(epochs=4, batch=16, rate=0.1)


def test_a_training_learns_and_says_how_well(tmp_path: Path) -> None:
    _, scores = trained(tmp_path, TrainerSettings(epochs=40, batch=16, rate=0.2))
    assert scores["accuracy"] > 0.95  # the larger class has 0.56
    assert (tmp_path / LAST).exists()
    lines = told(tmp_path)
    assert [line["epoch"] for line in lines] == [str(epoch) for epoch in range(40)]
    assert lines[-1].keys() == {"epoch", "step", "loss", "accuracy"}
    assert scores == {"loss": float(lines[-1]["loss"]), "accuracy": float(lines[-1]["accuracy"])}


@pytest.mark.parametrize(("loss", "average"), [("mean", None), ("tet", None), ("mean", 0.8)])
def test_a_training_that_is_killed_and_resumed_ends_with_the_same_weights(
    tmp_path: Path, loss: Any, average: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = TrainerSettings(epochs=4, batch=16, rate=0.1, loss=loss, average=average)
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
    assert len(told(tmp_path / "cut")) == 2
    torch.rand(100)  # the generators have moved on since
    resumed, scores = trained(tmp_path / "cut", settings)
    assert told(tmp_path / "cut") == told(tmp_path / "whole")
    again, told_again = trained(tmp_path / "cut", settings)  # nothing is left to do, and the scores are still told
    assert told_again == scores
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed[name]), name
        assert torch.equal(tensor, again[name]), name


def test_averaged_weights_are_what_is_scored_and_kept(tmp_path: Path) -> None:
    decay, batch, rate = 0.6, 16, 0.1
    each: list[dict[str, Tensor]] = []
    net = seeded(Net).eval()

    class Note(EpochLines):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
            each.append(copy.deepcopy(net.state_dict()))

    settings = TrainerSettings(epochs=2, batch=batch, rate=rate)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "EpochLines", Note)
        fit(TrainingNetwork(converted(net)), bundle(net), settings, tmp_path / "plain", Resources(), quiet=True)
    expected = {name: tensor.clone() for name, tensor in each[0].items()}
    for state in each[1:]:
        for name, tensor in state.items():
            expected[name] = decay * expected[name] + (1 - decay) * tensor
    averaged, scores = trained(tmp_path / "averaged", replace(settings, average=decay))
    for name, tensor in averaged.items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, expected[name])
    net.load_state_dict(averaged)
    judged = Right()
    judged.update(converted(net)(X), Y)
    assert scores["accuracy"] == pytest.approx(judged.compute()["accuracy"])


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
        ({"batches": None}, "this task has no training data and no loss, so nothing can be trained for it."),
        (
            {"batches": lambda *_: []},
            "there are 0 batches of training data for 1 processes, and each needs one: give more data, or lower "
            "trainer.batch.",
        ),
    ],
)
def test_a_task_that_cannot_be_trained_for_says_so(tmp_path: Path, changed: Any, sentence: str) -> None:
    with pytest.raises(SnnfwError) as caught:
        trained(tmp_path, SETTINGS, **changed)
    assert str(caught.value) == sentence


def test_tasks_that_train_are_named_where_one_does_not() -> None:
    bundle = Bundle(nn.Identity(), (X,), Data((), ()), Judgement(Right, "accuracy"))
    with pytest.raises(SnnfwError, match=r"nothing can be trained for it\. Tasks that have: events, text\.$"):
        require_training(bundle, ["text", "events"])


@pytest.mark.usefixtures("ctrl_c")
def test_a_training_that_someone_stops_can_be_stopped_again(tmp_path: Path) -> None:
    before, calls = signal.getsignal(signal.SIGINT), []

    def loss(output: Any, target: Any, smoothing: float) -> Tensor:
        calls.append(1)
        if len(calls) == 5:
            signal.raise_signal(signal.SIGINT)
        return F.cross_entropy(output, target)

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, SETTINGS, loss=loss)
    assert signal.getsignal(signal.SIGINT) is before
    assert len(told(tmp_path)) == 1


def test_a_network_that_ends_the_process_is_let(tmp_path: Path) -> None:
    def loss(output: Any, target: Any, smoothing: float) -> Tensor:
        raise SystemExit(7)

    with pytest.raises(SystemExit):
        trained(tmp_path, SETTINGS, loss=loss)


def test_a_checkpoint_that_this_training_cannot_have_left_is_refused(tmp_path: Path) -> None:
    last, table = tmp_path / LAST, tmp_path / "log" / "metrics.csv"
    table.parent.mkdir()
    damaged = f"'{last}' is damaged: delete it to begin anew in its folder."
    ran = tmp_path / "ran"
    cases: list[tuple[Any, str]] = [
        (b"x" * 99, damaged),
        (pickle.dumps(Touch(ran), 2), damaged),
        ({"epoch": 3}, damaged),
        (
            {"state_dict": {"network.model.network.conv.weight": torch.ones(1)}},
            f"'{last}' is of another network: 'network.model.network.conv.weight' has the shape [1] and not "
            "[8, 2, 3, 3]. Delete it to begin anew in its folder.",
        ),
    ]
    for content, sentence in cases:
        last.write_bytes(content) if isinstance(content, bytes) else torch.save(content, last)
        with pytest.raises(SnnfwError) as caught:
            trained(tmp_path, SETTINGS)
        assert str(caught.value) == sentence
    assert not ran.exists()
    last.unlink()
    table.write_text("a,b\n1,2\n")
    with pytest.raises(SnnfwError, match="is not the table of a training: move it away"):
        trained(tmp_path, SETTINGS)


class Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("frozen", ["conv", "norm"])
def test_what_the_network_froze_stays(tmp_path: Path, frozen: str) -> None:
    net = seeded(Net).eval()
    net.get_submodule(frozen).requires_grad_(False)
    before = copy.deepcopy(net.state_dict())
    initialise(net, 3)
    fit(TrainingNetwork(converted(net, scaled=True)), bundle(net), SETTINGS, tmp_path, Resources(), quiet=True)
    changed = {name for name, tensor in net.state_dict().items() if not torch.equal(tensor, before[name])}
    others = {name for name in before if not name.startswith(frozen) and "num_batches" not in name}
    assert changed == others


def test_a_layer_that_is_frozen_in_part_keeps_that_part() -> None:
    net = seeded(Net)
    net.get_parameter("head.bias").requires_grad_(False)
    before = copy.deepcopy(net.state_dict())
    initialise(net, 3)
    after = net.state_dict()
    assert torch.equal(after["head.bias"], before["head.bias"])
    assert not torch.equal(after["head.weight"], before["head.weight"])


def test_nothing_that_may_change_is_nothing_to_train(tmp_path: Path) -> None:
    def cut_off(output: Any, target: Any, smoothing: float) -> Tensor:
        return F.cross_entropy(output.detach(), target)

    said = "no parameter of the network may change, so there is nothing to train: "
    with pytest.raises(SnnfwError) as caught:
        trained(tmp_path, SETTINGS, loss=cut_off)
    assert str(caught.value) == f"{said}no gradient reaches those that may, past neurons or operators without one."
    with pytest.raises(SnnfwError) as caught:
        Learner(TrainingNetwork(converted(Net().eval().requires_grad_(False))), cut_off, JUDGEMENT, SETTINGS, 1)
    assert str(caught.value) == f"{said}it has none, or all are frozen (requires_grad=False)."


@pytest.mark.parametrize("precision", ["32-true", "64-true", "16-mixed", "bf16-mixed"])
def test_every_precision_trains(tmp_path: Path, precision: Any) -> None:
    settings = replace(SETTINGS, epochs=1, precision=precision, optimizer="adamw", clip=1.0, accumulate=2)
    state, scores = trained(tmp_path, settings)
    assert state["head.weight"].dtype == (torch.float64 if precision == "64-true" else torch.float32)
    assert scores.keys() == {"loss", "accuracy"}


def test_what_lightning_cannot_do_is_told(tmp_path: Path) -> None:
    with pytest.raises(SnnfwError) as caught:
        trained(tmp_path, replace(SETTINGS, strategy="foo"))
    assert str(caught.value).startswith(
        "Lightning cannot train so (You selected an invalid strategy name: `strategy='foo'`"
    )
    assert str(caught.value).endswith("): change the trainer's settings.")


def test_the_rate_rises_and_then_falls_by_a_cosine() -> None:
    rates = [learning_rate_at(step, 2, 10, "cosine") for step in range(11)]
    assert rates[:3] == [0.5, 1.0, 1.0]
    assert rates[6] == pytest.approx(0.5)
    assert rates[-1] == pytest.approx(0.0)
    assert {learning_rate_at(step, 0, 10, "constant") for step in range(10)} == {1.0}
    falling = [learning_rate_at(step, 0, 10, "linear", 0.2) for step in range(12)]
    assert falling[::5] == pytest.approx([1.0, 0.6, 0.2])
    assert falling[11] == pytest.approx(0.2)
    assert learning_rate_at(10, 0, 10, "cosine", 0.2) == pytest.approx(0.2)


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
