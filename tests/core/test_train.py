"""From the words of a training to weights that a run reads."""

from __future__ import annotations

import errno
import io
import json
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from omegaconf import OmegaConf
from rich.console import Console
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from networks import noise, seeded
from snnfw import pipeline
from snnfw.config.resolution import resolve
from snnfw.config.training import resolve_training
from snnfw.errors import SnnfwError
from snnfw.hookspecs import hookimpl
from snnfw.registry import Registry
from snnfw.train import train
from snnfw.training.checkpoint import WEIGHTS
from snnfw.training.fit import LAST
from snnfw.values import Batch, Bundle, Data, Judgement, Training

X = noise(48, 2, 4, 4).float()
Y = (X.mean((1, 2, 3)) > 0).long()


class Net(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, width, 3, padding=1), nn.BatchNorm2d(width)
        self.head = nn.Linear(width, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.relu(self.norm(self.conv(x))).mean((2, 3)))  # type: ignore[no-any-return]  # Linear


class Right:
    def __init__(self) -> None:
        self.right: list[Tensor] = []

    def update(self, output: Any, target: Any) -> None:
        self.right.append((output.argmax(1) == target).float())

    def compute(self) -> Mapping[str, float]:
        return {"accuracy": float(torch.cat(self.right).mean())}


def batches(batch: int, workers: int, seed: int) -> list[Batch]:
    del workers
    order = torch.randperm(len(X), generator=torch.Generator().manual_seed(seed))
    return [Batch((X[part],), Y[part]) for part in order.split(batch)]


@dataclass(frozen=True)
class Toy:
    """Tell whether noise is positive."""

    name: ClassVar[str] = "toy"
    default_model: ClassVar[str] = "toy-net"
    default_data: ClassVar[str] = "toy-noise"
    frames: int = 0
    without: str = ""
    stop: str = ""

    def load(self, model: Any, data: Any, resources: Any) -> Bundle:
        del data, resources
        net = seeded(lambda: Net(model.width)).eval()
        if model.weights:
            net.load_state_dict({name: tensor + 1 for name, tensor in net.state_dict().items()})
        net.requires_grad_(not model.frozen)
        found = Bundle(
            model=net,
            example=(X[:2],),
            data=Data(calibration=[(X,)], evaluation=[Batch((X,), Y)]),
            judgement=Judgement(scorer=Right, headline="accuracy"),
            training=None if self.without else Training(batches, self.loss),
        )
        return replace(found, data=replace(found.data, frames=self.frames)) if self.frames else found

    def loss(self, output: Any, target: Any, smoothing: float) -> Tensor:
        del smoothing
        if self.stop:
            raise {"Ctrl-C": KeyboardInterrupt, "bug": RuntimeError}[self.stop]
        return F.cross_entropy(output, target)


@dataclass(frozen=True)
class ToyNet:
    """A small network."""

    name: ClassVar[str] = "toy-net"
    tasks: ClassVar[tuple[str, ...]] = ("toy",)
    width: int = 8
    weights: str | None = None
    frozen: bool = False

    def build(self, wanted: Any, resources: Any) -> None: ...


@dataclass(frozen=True)
class ToyNoise:
    """Noise."""

    name: ClassVar[str] = "toy-noise"
    tasks: ClassVar[tuple[str, ...]] = ("toy",)

    def open(self) -> None: ...


@pytest.fixture(scope="module")
def registry() -> Registry:
    plugin = SimpleNamespace(
        __name__="toys",
        snnfw_register_tasks=hookimpl(lambda: [Toy]),
        snnfw_register_models=hookimpl(lambda: [ToyNet]),
        snnfw_register_data=hookimpl(lambda: [ToyNoise]),
    )
    return Registry(plugins=[plugin])


def trained(registry: Registry, out: Path, *words: str) -> Path:
    given = ["task=toy", "timesteps=2", "trainer.epochs=2", "trainer.batch=16", f"out={out}", *words]
    return train(resolve_training(given, registry))


@pytest.fixture(scope="module")
def spiking(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(registry, tmp_path_factory.mktemp("trained") / "spiking", "plugin=inflor")


def run(registry: Registry, *words: str) -> dict[str, Any]:
    folder = pipeline.run(resolve(list(words), registry), registry)
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return report


def test_a_training_leaves_all_that_a_run_needs(registry: Registry, spiking: Path, tmp_path: Path) -> None:
    names = {path.name for path in spiking.iterdir()}
    assert names == {"config.yaml", "last.ckpt", "log", "model.safetensors", "training.json"}
    said = json.loads((spiking / "training.json").read_text())
    assert said["norms"] == {"norm": 0.5}
    report = run(registry, f"checkpoint={spiking}", f"out={tmp_path / 'run'}")
    assert [layer["neuron"] for layer in report["layers"]] == ["srif"]
    assert report["checkpoints"][-1]["timestep"] == 2
    assert (report["about"]["trained"]["plugin"], report["about"]["trained"]["timesteps"]) == ("inflor", "2")
    longer = run(registry, f"checkpoint={spiking}", "timesteps=4", f"out={tmp_path / 'longer'}")
    assert longer["about"]["trained"]["timesteps"] == "2"
    assert "its readout is made for 2. Run it with timesteps=2." in (tmp_path / "longer" / "report.html").read_text()
    assert report["checkpoints"][-1]["scores"]["accuracy"] == pytest.approx(said["scores"]["accuracy"])


def test_the_scores_of_a_training_are_told_before_its_weights_are_written(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(state: Any, path: Path, metadata: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("snnfw.training.checkpoint.save_file", full)
    console = Console(file=io.StringIO(), width=160)
    words = ["task=toy", "timesteps=1", "plugin=inflor", "trainer.epochs=1", f"out={tmp_path / 'full'}"]
    with pytest.raises(SnnfwError) as caught:
        train(resolve_training(words, registry), console)
    assert str(caught.value) == (
        f"cannot write '{tmp_path / 'full' / WEIGHTS}' ([Errno 28] No space left on device): make room; what was there "
        "is untouched."
    )
    assert "accuracy 0." in console.file.getvalue()  # type: ignore[attr-defined]  # the StringIO


def test_a_disk_that_fills_up_while_training_is_told_with_how_to_go_on(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("lightning.Trainer.save_checkpoint", full)
    with pytest.raises(SnnfwError) as caught:
        trained(registry, tmp_path / "full", "plugin=inflor")
    assert str(caught.value) == (
        f"cannot write into '{tmp_path / 'full'}' (No space left on device): make room and go on with "
        f"resume={tmp_path / 'full'}."
    )


def test_the_twin_trains_alike_and_can_be_converted(registry: Registry, tmp_path: Path) -> None:
    twin = trained(registry, tmp_path / "twin", "plugin=ann", "timesteps=1")
    said = json.loads((twin / "training.json").read_text())
    own = run(registry, f"checkpoint={twin}", f"out={tmp_path / 'own'}")
    assert own["network"]["scores"]["accuracy"] == pytest.approx(said["scores"]["accuracy"])
    converted = run(registry, f"checkpoint={twin}", "plugin=signed", f"out={tmp_path / 'converted'}")
    assert [layer["neuron"] for layer in converted["layers"]] == ["adafire"]


def test_weights_of_another_type_are_refused(registry: Registry, spiking: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(spiking, whole)
    state = load_file(whole / WEIGHTS)
    state["conv.weight"] = state["conv.weight"].to(torch.int8)
    save_file(state, whole / WEIGHTS, {"plugin": "inflor"})
    with pytest.raises(SnnfwError) as caught:
        run(registry, f"checkpoint={whole}", f"out={tmp_path / 'run'}")
    assert str(caught.value) == (
        f"checkpoint={whole} is of another network: 'conv.weight' holds torch.int8 and not torch.float32. Say the model "
        "that it was trained with."
    )


def test_a_full_disk_leaves_what_the_training_was_told(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(SnnfwError, match="No space left on device"):
            trained(registry, tmp_path / "t", "plugin=inflor")
    train(resolve_training([f"resume={tmp_path / 't'}"], registry))
    assert (tmp_path / "t" / WEIGHTS).exists()


def test_weights_of_another_plugin_or_network_are_refused(registry: Registry, spiking: Path, tmp_path: Path) -> None:
    cases = {
        ("plugin=signed",): (
            f"checkpoint={spiking} was trained with plugin=inflor, whose neurons plugin=signed does not have: run it "
            "with plugin=inflor, or train with plugin=ann what is to be converted."
        ),
        ("model.width=9",): (
            f"checkpoint={spiking} is of another network: 'conv.weight' has the shape [8, 2, 3, 3] and not "
            "[9, 2, 3, 3]. Say the model that it was trained with."
        ),
    }
    for words, sentence in cases.items():
        with pytest.raises(SnnfwError) as caught:
            run(registry, f"checkpoint={spiking}", *words, f"out={tmp_path / 'run'}")
        assert str(caught.value) == sentence
    assert not (tmp_path / "run").exists()


def test_damaged_and_missing_weights_are_named(registry: Registry, spiking: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.yaml").write_text((spiking / "config.yaml").read_text())
    for prepare, sentence in (
        (None, f"checkpoint={broken} does not work: it holds no {WEIGHTS}, which a finished training leaves."),
        (b"nothing", f"'{broken / WEIGHTS}' is damaged: train again, or copy it again."),
    ):
        if prepare:
            (broken / WEIGHTS).write_bytes(prepare)
        with pytest.raises(SnnfwError) as caught:
            run(registry, f"checkpoint={broken}", f"out={tmp_path / 'run'}")
        assert str(caught.value) == sentence


def test_more_timesteps_than_frames_are_refused(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(SnnfwError) as caught:
        trained(registry, tmp_path / "t", "plugin=inflor", "task.frames=1")
    assert str(caught.value) == (
        "timesteps=2 and the data holds 1 frames: give timesteps=1 or fewer, or cut the data into more frames."
    )


def test_frames_need_neurons(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(SnnfwError) as caught:
        trained(registry, tmp_path / "t", "plugin=ann", "task.frames=4")
    assert str(caught.value) == (
        "without neurons nothing carries over from frame to frame: give the data as one static input."
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            "model.weights=w.pth trainer.start=fresh",
            "trainer.start=fresh would throw model.weights=w.pth away: say trainer.start=given to go on from them, or "
            "leave them out.",
        ),
        (
            "trainer.start=given trainer.gain=2",
            "trainer.gain=2 is for batch norms that start anew, and these keep the weights that they have: leave it out.",
        ),
        ("trainer.epoch=3", "the trainer has no parameter 'epoch'. Did you mean 'epochs'?"),
        ("trainer=fast", "trainer=fast is not allowed: give its parameters (epochs, optimizer,"),
        ("trainer.rate=0", "trainer.rate=0 is not allowed: it must be greater than 0."),
        ("search=pareto", "no key named 'search': search is for 'snnfw run'."),
        ("resume=nowhere", "resume=nowhere does not work: it holds no config.yaml, so no training has begun there."),
        ("resume={spiking} trainer.epochs=9", "resume={spiking} goes on with what its config.yaml says: leave trainer"),
    ],
)
def test_what_a_training_cannot_be_told_is_refused(
    registry: Registry, spiking: Path, words: str, sentence: str
) -> None:
    given = words.replace("{spiking}", str(spiking)).split()
    base = [] if words.startswith("resume") else ["task=toy", "plugin=inflor"]
    with pytest.raises(SnnfwError) as caught:
        resolve_training([*base, *given], registry)
    assert str(caught.value).startswith(sentence.replace("{spiking}", str(spiking)))


@pytest.mark.parametrize(
    "words",
    [
        ["model.frozen=true"],
        ["task.without=training"],
        ["trainer.rate=1e30", "trainer.optimizer=adam"],
        ["task.frames=1"],
        ["plugin=ann", "task.frames=4"],
        ["trainer.batch=4096", "backend=cupy"],
        ["device=cuda:99"],
    ],
)
def test_a_training_that_is_refused_leaves_nothing(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for out in ([], ["out=there/mine"]):
        with pytest.raises(SnnfwError):
            train(
                resolve_training(
                    ["task=toy", "plugin=inflor", "timesteps=2", "trainer.batch=16", *words, *out], registry
                )
            )
        assert not list(tmp_path.iterdir())


def test_a_training_that_breaks_down_before_an_epoch_leaves_nothing(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        trained(registry, tmp_path / "t", "plugin=inflor", "task.stop=bug")
    with pytest.raises(KeyboardInterrupt, match="^no epoch was whole, so nothing is kept$"):
        trained(registry, tmp_path / "t", "plugin=inflor", "task.stop=Ctrl-C")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("ctrl_c")
def test_a_training_that_is_stopped_says_how_to_go_on(
    registry: Registry, spiking: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = tmp_path / "with space"
    shutil.copytree(spiking, begun)
    for name in (WEIGHTS, "training.json", LAST):
        (begun / name).unlink()
    config = resolve_training([f"resume={begun}"], registry)
    monkeypatch.setattr(Toy, "loss", lambda *_: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt) as caught:
        train(config)
    assert str(caught.value) == f"snnfw train resume='{begun}' goes on behind the last whole epoch"
    assert (begun / "config.yaml").exists()


def test_given_weights_are_what_a_training_starts_from(registry: Registry, tmp_path: Path) -> None:
    told = io.StringIO()
    starts = {}
    for name, words in {"fresh": [], "given": ["model.weights=w.pth"], "said": ["trainer.start=given"]}.items():
        given = ["task=toy", "plugin=ann", "timesteps=1", "trainer.epochs=1", "trainer.rate=1e-12", *words]
        folder = train(resolve_training([*given, f"out={tmp_path / name}"], registry), Console(file=told, width=200))
        starts[name] = load_file(folder / WEIGHTS)["conv.weight"]
        assert OmegaConf.load(folder / "config.yaml").trainer.start == ("fresh" if name == "fresh" else "given")
    own = seeded(lambda: Net(8)).state_dict()["conv.weight"]
    torch.testing.assert_close(starts["said"], own)
    torch.testing.assert_close(starts["given"], own + 1)
    assert not torch.allclose(starts["fresh"], own)
    assert told.getvalue().count("the network is initialised anew (trainer.start=fresh)") == 1
    assert told.getvalue().count("the network starts from the weights that it has (trainer.start=given)") == 2


def test_a_finished_training_is_not_resumed(registry: Registry, spiking: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(spiking, damaged)
    (damaged / "training.json").write_text("{")
    with pytest.raises(SnnfwError, match=r"training.json' is damaged: delete it to finish the training again\.$"):
        train(resolve_training([f"resume={damaged}"], registry))
    with pytest.raises(SnnfwError, match=r"is finished \(\{.*\}\): nothing is left to train\.$"):
        train(resolve_training([f"resume={spiking}"], registry))


def test_a_training_that_was_stopped_goes_on_by_its_folder_alone(
    registry: Registry, spiking: Path, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    begun.mkdir()
    (begun / "config.yaml").write_text((spiking / "config.yaml").read_text())
    train(resolve_training([f"resume={begun}"], registry))
    ours, theirs = load_file(begun / WEIGHTS), load_file(spiking / WEIGHTS)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
