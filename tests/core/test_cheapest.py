"""``snnfw tune`` from words to a folder: the chosen run, reproducible, its test data looked at once."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from rich.console import Console
from torch import nn

from snnfw import cheapest, pipeline
from snnfw.cheapest import tune
from snnfw.config.resolution import resolve
from snnfw.config.tuning import resolve_tuning
from snnfw.errors import SnnfwError
from snnfw.hookspecs import hookimpl
from snnfw.registry import Registry
from snnfw.simulate.accuracy import Accuracy, is_correct
from snnfw.tuning import hunt
from snnfw.values import Batch, Bundle, Data, Judgement
from snnfw_plugins import adafire, calibration, exits, integrate_and_fire, rate, sigmadelta, tracking

LOOKS: list[str] = []


class Watched:
    """Test batches that write down who looks at them."""

    def __init__(self, batches: list[Batch]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        LOOKS.append("test")
        return iter(self.batches)


@dataclass(frozen=True)
class Signs:
    """Say which of three sums is largest."""

    name: ClassVar[str] = "signs"
    default_model: ClassVar[str] = "signs-net"
    default_data: ClassVar[str] = "signs-data"

    calibration: int = 32

    def load(self, model: Any, data: Any, resources: Any) -> Bundle:
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(400, 6, generator=generator)
        first, last = nn.Linear(6, 6, bias=False), nn.Linear(6, 3, bias=False)
        net = nn.Sequential(first, nn.ReLU(), last)
        with torch.no_grad():
            pairs = torch.tensor([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
            first.weight.copy_(torch.cat([pairs, torch.zeros(6, 3)], 1))
            last.weight.copy_(torch.tensor([[1.0, -1, 0, 0, 0, 0], [0, 0, 1, -1, 0, 0], [0, 0, 0, 0, 1, -1]]))
        y = (x[:, :3] + 0.1 * torch.randn(400, 3, generator=generator)).argmax(1)
        held = slice(0, self.calibration)
        known = [Batch((part,), label) for part, label in zip(x[held].split(50), y[held].split(50), strict=True)]
        test = [Batch((x[200:],), y[200:])]
        return Bundle(
            model=net.eval(),
            example=(x[:2],),
            data=Data([batch.inputs for batch in known], Watched(test), known),
            judgement=Judgement(partial(Accuracy, 3), "accuracy", logits=lambda out: out, correct=is_correct),
        )


@dataclass(frozen=True)
class SignsNet:
    """A network of six neurons."""

    name: ClassVar[str] = "signs-net"
    tasks: ClassVar[tuple[str, ...]] = ("signs",)

    def build(self, wanted: Any, resources: Any) -> None: ...


@dataclass(frozen=True)
class SignsData:
    """Noise."""

    name: ClassVar[str] = "signs-data"
    tasks: ClassVar[tuple[str, ...]] = ("signs",)

    def open(self) -> None: ...


@pytest.fixture
def registry() -> Registry:
    LOOKS.clear()
    own = SimpleNamespace(
        __name__="signs",
        snnfw_register_tasks=hookimpl(lambda: [Signs]),
        snnfw_register_models=hookimpl(lambda: [SignsNet]),
        snnfw_register_data=hookimpl(lambda: [SignsData]),
    )
    return Registry(plugins=[own, adafire, calibration, exits, integrate_and_fire, rate, sigmadelta, tracking])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


WORDS = ["task=signs", "drop=2", "timesteps=[1,2]", "rounds=1", "trials=30"]


def tuned(registry: Registry, *words: str, console: Console | None = None) -> bool:
    return tune(resolve_tuning([*WORDS, *words], registry), registry, console or Console(quiet=True))


def test_a_search_ends_with_the_run_of_what_it_chose(
    registry: Registry, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = hunt.find_cheapest

    def watch(*given: Any) -> Any:
        LOOKS.clear()
        choice = find(*given)
        assert not LOOKS  # no candidate was judged by test data
        return choice

    monkeypatch.setattr(cheapest, "find_cheapest", watch)
    console = Console(file=io.StringIO(), width=300)
    assert tuned(registry, "out=found", console=console)
    report = json.loads((here / "found" / "report.json").read_text())
    record = report["search"]
    [chosen] = [row for row in record["candidates"] if row.get("chosen")]
    assert record["name"] == "tune"
    assert report["samples"] == 200
    assert chosen["samples"] == record["samples"] == 64  # half of four times as many as the task takes
    assert "For a paper: The network was converted with" in console.file.getvalue()  # type: ignore[attr-defined]
    assert f"Chose {chosen['candidate']}" in console.file.getvalue()  # type: ignore[attr-defined]
    assert "On 200 test samples" in record["verdict"][1]
    rows = list(csv.DictReader((here / "found" / "candidates.csv").open()))
    assert len(rows) == record["tried"] == len(record["candidates"])
    page = (here / "found" / "report.html").read_text()
    assert "What each candidate drops for what it costs" in page
    assert page.count("<td>frontier</td>") + 1 >= sum(bool(row.get("frontier")) for row in record["candidates"])
    assert (here / "found" / "net.snn").is_file()

    # What the folder says can be done again: by its configuration, and by its recipe on the same samples.
    again = pipeline.run(resolve([f"experiment={here}/found/config.yaml", "out=again"], registry), registry)
    share = 0.5
    by_recipe = [f"recipe={here}/found/recipe.yaml", "task=signs", "task.calibration=128", "out=recipe"]
    assert f"fitting: {share}" in (here / "found" / "recipe.yaml").read_text()
    other = pipeline.run(resolve(by_recipe, registry), registry)
    for folder in (again, other):
        redone = json.loads((folder / "report.json").read_text())
        for key in ("scores", "energy"):
            assert redone["checkpoints"][-1][key] == report["checkpoints"][-1][key]


def test_where_nothing_meets_the_drop_it_says_what_comes_nearest(registry: Registry, here: Path) -> None:
    console = Console(file=io.StringIO(), width=300)
    assert not tuned(registry, "methods=[rate]", "timesteps=1", "rounds=0", "drop=0", "out=none", console=console)
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert "Nothing that was tried drops by no more than 0 points. rate, T=1 comes nearest" in said
    assert "it does not meet the drop" in said
    assert (here / "none" / "report.json").is_file()


def test_a_search_that_is_killed_writes_nothing_and_ends_the_same(
    registry: Registry, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = pipeline.run

    def killed(*given: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "run", killed)
    with pytest.raises(KeyboardInterrupt):
        tuned(registry, "out=first")
    assert not (here / "first").exists()
    monkeypatch.setattr(pipeline, "run", run)
    assert tuned(registry, "out=first")
    assert tuned(registry, "out=second")
    first, second = (json.loads((here / name / "report.json").read_text())["search"] for name in ("first", "second"))
    assert first == second


def test_a_method_that_does_not_fit_is_left_out_or_refused(registry: Registry, here: Path) -> None:
    (here / "taken").mkdir()
    with pytest.raises(SnnfwError, match="out=taken exists already"):
        tuned(registry, "out=taken")
    with pytest.raises(SnnfwError, match=r"method 'nowhere': .*matches"):
        tuned(registry, "methods=[{name: nowhere, layers: [{match: other, neuron: if}]}]")


@pytest.mark.parametrize(
    ("word", "module", "extra"),
    [("launcher=local", "joblib", "local"), ("tracker=mlflow", "mlflow.tracking", "mlflow")],
)
def test_a_missing_library_is_told_before_anything_is_loaded(
    word: str, module: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*given: object) -> None:
        raise AssertionError("loaded")

    monkeypatch.setattr(cheapest, "load_subject", load)
    monkeypatch.setitem(sys.modules, module, None)
    registry = Registry()
    config = resolve_tuning(["task=classification", "drop=0.5", word, f"out={tmp_path / 't'}"], registry)
    with pytest.raises(SnnfwError, match=rf"pip install 'snnfw\[{extra}\]'"):
        tune(config, registry, Console(quiet=True))


@pytest.mark.parametrize(("search", "kept"), [("null", None), ("pareto", "local")])
def test_the_chosen_run_takes_the_launcher_only_for_a_search(
    search: str, kept: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry()
    made = resolve(["task=classification", "plugin=burst", f"search={search}", "launcher=local"], registry)
    config = SimpleNamespace(configure=lambda values: made)
    finding = SimpleNamespace(candidate=SimpleNamespace(config=made))
    monkeypatch.setattr(cheapest, "plain_method", lambda chosen: {})
    ground = SimpleNamespace(samples=8, converting=8)
    final = cheapest.final_config(config, finding, ground, tmp_path)  # type: ignore[arg-type]  # what it reads of each
    assert (final.launcher.name if final.launcher else None) == kept
