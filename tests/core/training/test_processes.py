"""Two processes train what one trains with twice the batch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lightning.fabric.utilities.rank_zero import rank_zero_only
from safetensors.torch import load_file

from snnfw.config.training import resolve_training
from snnfw.registry import Registry
from snnfw.train import train
from snnfw.training import processes
from snnfw.training.checkpoint import WEIGHTS

PLUGIN = '''
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional as F

from snnfw import Batch, Bundle, Data, Judgement, Training, hookimpl

X = torch.randn(48, 2, 4, 4, generator=torch.Generator().manual_seed(0))
Y = (X.mean((1, 2, 3)) > 0).long()


class Right:
    def __init__(self):
        self.right = []

    def update(self, output, target):
        self.right.append((output.argmax(1) == target).float())

    def compute(self):
        return {"accuracy": float(torch.cat(self.right).mean())}

    def state(self):
        return {"right": torch.cat([torch.empty(0), *self.right])}

    def merge(self, state):
        self.right.append(state["right"])


def batches(size, workers, seed):
    order = torch.randperm(len(X), generator=torch.Generator().manual_seed(seed))
    return [Batch((X[part],), Y[part]) for part in order.split(size)]


@dataclass(frozen=True)
class Signs:
    """Tell whether noise is positive."""

    name: ClassVar[str] = "signs"
    default_model: ClassVar[str] = "signs-net"
    default_data: ClassVar[str] = "signs-noise"

    def load(self, model, data, resources):
        net = nn.Sequential(nn.Conv2d(2, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 2)).eval()
        return Bundle(
            model=net,
            example=(X[:2],),
            data=Data(calibration=[(X,)], evaluation=[Batch((X[part],), Y[part]) for part in torch.arange(len(X)).split(20)]),
            judgement=Judgement(scorer=Right, headline="accuracy"),
            training=Training(batches, lambda output, target, smoothing: F.cross_entropy(output, target)),
        )


@dataclass(frozen=True)
class SignsNet:
    """A network without batch norms."""

    name: ClassVar[str] = "signs-net"
    tasks: ClassVar[tuple[str, ...]] = ("signs",)

    def build(self, wanted, resources):
        ...


@dataclass(frozen=True)
class SignsNoise:
    """Noise."""

    name: ClassVar[str] = "signs-noise"
    tasks: ClassVar[tuple[str, ...]] = ("signs",)

    def open(self):
        ...


@hookimpl
def snnfw_register_tasks():
    return [Signs]


@hookimpl
def snnfw_register_models():
    return [SignsNet]


@hookimpl
def snnfw_register_data():
    return [SignsNoise]
'''


WORDS = ("task=signs", "plugin=inflor", "timesteps=2", "trainer.epochs=2", "load=[./signs.py]")


def test_two_processes_train_the_weights_of_one_with_twice_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "signs.py").write_text(PLUGIN)
    monkeypatch.chdir(tmp_path)
    train(resolve_training([*WORDS, "out=one", "trainer.batch=16"], Registry()))
    given = [*WORDS, "out=two", "trainer.batch=8", "devices=2", "trainer.strategy=ddp"]
    done = subprocess.run([sys.executable, "-m", "snnfw", "train", *given], capture_output=True, text=True, timeout=300)  # noqa: S603  # our own words
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the network is initialised anew") == 1
    assert "distributed" not in done.stdout + done.stderr
    assert "runs them" in done.stdout
    alone, together = (load_file(tmp_path / out / WEIGHTS) for out in ("one", "two"))
    for name, tensor in alone.items():
        torch.testing.assert_close(together[name], tensor)
    reports = [json.loads((tmp_path / out / "training.json").read_text())["scores"] for out in ("one", "two")]
    assert reports[1]["accuracy"] == reports[0]["accuracy"]
    assert reports[1]["loss"] == pytest.approx(reports[0]["loss"], rel=1e-4)


@pytest.mark.parametrize(
    ("rank", "machine", "first"), [(0, None, True), (1, None, False), (0, "0", True), (0, "1", False)]
)
def test_one_process_on_one_machine_is_the_first(
    monkeypatch: pytest.MonkeyPatch, rank: int, machine: str | None, first: bool
) -> None:
    monkeypatch.setattr(rank_zero_only, "rank", rank, raising=False)
    monkeypatch.delenv(processes.MACHINE, raising=False)
    if machine is not None:
        monkeypatch.setenv(processes.MACHINE, machine)
    assert processes.is_first_process() is first
