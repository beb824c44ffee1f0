from __future__ import annotations

import errno
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
import yaml
from rich.console import Console

from networks import ConvNet, estimated, noise, seeded
from read_back import read_back
from snnfw import pipeline, preview
from snnfw.archive.files import describe_file
from snnfw.config.resolution import resolve
from snnfw.errors import SnnfwError
from snnfw.hookspecs import hookimpl
from snnfw.network.storing import load
from snnfw.planning.placement import Plan
from snnfw.registry import Registry
from snnfw.search.results import Score, SearchResult
from snnfw.search.trials import Trials
from snnfw.values import Batch, Bundle, Data, Drawing, ExitRule, Gallery, Judgement, View


class Nearness:
    def __init__(self) -> None:
        self.errors: list[float] = []

    def update(self, output: Any, target: Any) -> None:
        self.errors.append(float((output - target).norm()))

    def compute(self) -> Mapping[str, float]:
        return {"nearness": -sum(self.errors) / len(self.errors)}


@dataclass(frozen=True)
class Toy:
    """Come near the network's own output."""

    name: ClassVar[str] = "toy"
    default_model: ClassVar[str] = "toy-net"
    default_data: ClassVar[str] = "toy-noise"

    def load(self, model: Any, data: Any, resources: Any) -> Bundle:
        x = noise(8, 3, 8, 8)
        net = estimated(seeded(ConvNet), x).double()
        with torch.no_grad():
            target = net(x)
        batches = [Batch((x,), target)]
        return Bundle(
            model=net,
            example=(x[:2],),
            data=Data(calibration=[(x,)], evaluation=batches, tuning=batches),
            judgement=Judgement(scorer=Nearness, headline="nearness"),
            description={"model": "ConvNet"},
        )


@dataclass(frozen=True)
class Shown(Toy):
    """The same, with a picture of two samples, and settings of its own."""

    name: ClassVar[str] = "shown"
    defaults: ClassVar[Mapping[str, Any]] = {"timesteps": 32, "search": None, "exit": None}
    views: ClassVar[list[View]] = []
    every: ClassVar[bool] = False

    def load(self, model: Any, data: Any, resources: Any) -> Bundle:
        bundle = super().load(model, data, resources)
        shown = Batch((bundle.example[0],), None)

        def draw(view: View) -> list[Drawing]:
            self.views.append(view)
            return [Drawing("pair", f"T = {max(view.scores)}", b"\x89PNG")]

        return replace(bundle, gallery=Gallery(lambda: shown, draw, self.every))


@dataclass(frozen=True)
class Told(Toy):
    """The same, with a line about the data."""

    name: ClassVar[str] = "told"

    def load(self, model: Any, data: Any, resources: Any) -> Bundle:
        resources.tell(LINE)
        return super().load(model, data, resources)


LINE = "read [bold] words: " + "a/long/path " * 20


@dataclass(frozen=True)
class ToyNet:
    """A small network."""

    name: ClassVar[str] = "toy-net"
    tasks: ClassVar[tuple[str, ...]] = ("toy", "shown", "told")

    def build(self, wanted: Any, resources: Any) -> None: ...


@dataclass(frozen=True)
class ToyNoise:
    """Noise."""

    name: ClassVar[str] = "toy-noise"
    tasks: ClassVar[tuple[str, ...]] = ("toy", "shown", "told")

    def open(self) -> None: ...


@dataclass(frozen=True)
class BestPhi:
    """Try two bursts on the last layer and keep the better one."""

    name: ClassVar[str] = "best-phi"
    scores: ClassVar[list[Score]] = []

    def search(self, plan: Plan, trials: Trials) -> SearchResult:
        neuron: Any = plan.placements[-1].neuron
        plans = [plan.with_neuron("relu#2", replace(neuron, phi=phi)) for phi in (1, 16)]
        self.scores[:] = [trials.score(candidate) for candidate in plans]
        best = max(zip(self.scores, plans, strict=True), key=lambda pair: pair[0].metric)[1]
        return SearchResult(best, {"tried": len(plans)}, {"search/tried.txt": "2", "search/bytes": b"\x00"})


@dataclass(frozen=True)
class AtOnce:
    """Let every sample go after the first timestep."""

    name: ClassVar[str] = "at-once"

    def prepare(self, model: Any, bundle: Bundle, timesteps: int, resources: Any) -> ExitRule:
        return Leave()


class Leave:
    def done(self, output: Any, timestep: int, timesteps: int) -> torch.Tensor:
        return torch.ones(len(output), dtype=torch.bool)

    def record(self) -> Mapping[str, Any]:
        return {"at": 1}


@pytest.fixture
def seen() -> list[Any]:
    return []


@pytest.fixture
def registry(seen: list[Any]) -> Registry:
    plugin = SimpleNamespace(
        __name__="toys",
        snnfw_register_tasks=hookimpl(lambda: [Toy, Shown, Told]),
        snnfw_register_models=hookimpl(lambda: [ToyNet]),
        snnfw_register_data=hookimpl(lambda: [ToyNoise]),
        snnfw_register_searches=hookimpl(lambda: [BestPhi]),
        snnfw_register_exit_policies=hookimpl(lambda: [AtOnce]),
        snnfw_after_run=hookimpl(lambda report: seen.append(report)),
    )
    return Registry(plugins=[plugin])


def run(registry: Registry, *words: str) -> dict[str, Any]:
    folder = pipeline.run(resolve(["task=toy", *words], registry), registry)
    report: dict[str, Any] = read_back(folder)
    return report


def test_a_run_leaves_a_report_and_the_configuration_that_repeats_it(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: list[Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = pipeline.run(
        resolve(["task=toy", "plugin=adafire", "search=null", "exit=null", "timesteps=4"], registry), registry
    )
    written = [
        *("card.md", "checkpoints.csv", "config.yaml", "layers.csv"),
        *("net.snn", "operators.csv", "report.html", "report.json"),
    ]
    assert sorted(path.name for path in folder.iterdir()) == written
    card = (folder / "card.md").read_text()
    assert load(folder / "net.snn").card() == card == describe_file(folder / "net.snn")["card"]
    first = read_back(folder)
    again = run(registry, f"experiment={folder / 'config.yaml'}")
    assert first["checkpoints"] == again["checkpoints"]
    assert first["about"]["config"] == yaml.safe_load((folder / "config.yaml").read_text())
    assert [report.headline for report in seen] == ["nearness", "nearness"]
    assert first["about"]["command"] == "snnfw run task=toy plugin=adafire search=null exit=null timesteps=4"


def test_more_timesteps_come_nearer(registry: Registry, tmp_path: Path) -> None:
    report = run(registry, "plugin=adafire", "search=null", "exit=null", "timesteps=32", f"out={tmp_path / 'r'}")
    scores = [point["scores"]["nearness"] for point in report["checkpoints"]]
    assert scores == sorted(scores)
    assert scores[-1] > 0.2 * scores[0]


def test_three_methods_on_one_network_are_reported_layer_by_layer(registry: Registry, tmp_path: Path) -> None:
    recipe = tmp_path / "mix.yaml"
    recipe.write_text(
        "converter: calibration\nlayers:\n  - {match: relu, neuron: {name: adafire, phi: 2}}\n"
        "  - {match: '*', neuron: {name: if, shift: true}}\n"
    )
    report = run(registry, f"recipe={recipe}", f"out={tmp_path / 'r'}")
    assert [layer["method"] for layer in report["layers"]] == ["adafire(phi=2)", "if(shift=True)"]


def test_a_search_wraps_the_rest_of_the_line(registry: Registry, tmp_path: Path) -> None:
    report = run(registry, "plugin=adafire", "search=best-phi", "exit=null", f"out={tmp_path / 'r'}")
    coarse, fine = BestPhi.scores
    assert coarse.metric < fine.metric
    assert coarse.energy < fine.energy
    assert [layer["parameters"]["phi"] for layer in report["layers"]] == [4, 16]
    assert report["checkpoints"][-1]["scores"]["nearness"] == pytest.approx(fine.metric)
    assert report["search"] == {"tried": 2}
    assert (tmp_path / "r" / "search" / "bytes").read_bytes() == b"\x00"


def test_an_exit_policy_stops_the_clock_and_the_energy(registry: Registry, tmp_path: Path) -> None:
    report = run(registry, "plugin=adafire", "search=null", "exit=at-once", f"out={tmp_path / 'r'}")
    assert report["exits"] == {"1": 8}
    assert report["exit"] == {"at": 1}
    assert [point["steps"] for point in report["checkpoints"]] == [1.0] * 4


def test_a_task_draws_what_both_networks_see(registry: Registry, tmp_path: Path) -> None:
    words = ["task=shown", "plugin=adafire", "exit=at-once", f"out={tmp_path / 'r'}"]
    report = run(registry, *words)
    assert (tmp_path / "r" / "pictures" / "pair.png").read_bytes() == b"\x89PNG"
    assert report["pictures"] == {"pictures/pair.png": "T = 32"}
    view = Shown.views[-1]
    assert list(view.spiking) == list(view.scores) == [4, 8, 16, 32]
    errors = [float((output - view.network).norm()) for output in view.spiking.values()]
    assert errors == sorted(errors, reverse=True)  # nobody left early, though at-once would have it
    assert view.scores[32] == report["checkpoints"][-1]["scores"]
    assert view.network_scores == report["network"]["scores"]


@pytest.mark.parametrize(
    ("timesteps", "moments"),
    [(1, [1]), (5, [1, 2, 3, 4, 5]), (64, [*range(1, 65)]), (128, [*range(2, 129, 2)])],
)
def test_a_gallery_may_ask_for_every_timestep(
    timesteps: int, moments: list[int], registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Shown, "every", True)
    run(registry, "task=shown", "plugin=rate", f"timesteps={timesteps}", f"out={tmp_path / 'r'}")
    view = Shown.views[-1]
    assert list(view.spiking) == moments
    assert list(view.scores)[-1] == timesteps


def test_what_a_task_tells_is_one_line_in_the_terminal_as_it_is(registry: Registry, tmp_path: Path) -> None:
    shown = io.StringIO()
    words = ["task=told", "plugin=adafire", "search=null", "exit=null", "timesteps=2", f"out={tmp_path / 'r'}"]
    pipeline.run(resolve(words, registry), registry, Console(file=shown, width=80))
    assert shown.getvalue().startswith(f"{LINE}\n")


def test_a_tasks_settings_stand_below_the_presets_but_for_stages_that_it_leaves_out(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = resolve(["task=shown", "plugin=adafire"], registry)
    assert (config.timesteps, config.search, config.exit) == (32, None, None)
    assert resolve(["task=shown", "plugin=signed"], registry).timesteps == 2
    taste = {"neuron": {"name": "if"}, "converter": {"name": "direct"}, "search": {"name": "best-phi"}, "memory": 4096}
    monkeypatch.setattr(Shown, "defaults", taste)
    config = resolve(["task=shown", "plugin=signed"], registry)
    alone = resolve(["task=toy", "plugin=signed"], registry)
    assert (config.layers, config.converter, config.search) == (alone.layers, alone.converter, None)
    assert config.memory == 4096
    config = resolve(["task=shown"], registry)
    assert (config.layers[0].neuron.name, config.search) == ("if", BestPhi())
    monkeypatch.undo()
    config = resolve(["task=shown", "plugin=adafire", "search=best-phi", "timesteps=4"], registry)
    assert (config.timesteps, config.search, config.exit) == (4, BestPhi(), None)
    assert resolve(["task=toy", "plugin=adafire"], registry).timesteps == 8


def test_strict_refuses_what_stays_analog_and_leaves_nothing(registry: Registry, tmp_path: Path) -> None:
    recipe = tmp_path / "keep.yaml"
    recipe.write_text("layers:\n  - {match: relu, neuron: keep}\n  - {match: '*', neuron: if}\n")
    with pytest.raises(SnnfwError, match="^strict=true and 1 operator stays analog: relu at 'relu'"):
        run(registry, f"recipe={recipe}", "strict=true", f"out={tmp_path / 'r'}")
    assert [path.name for path in tmp_path.iterdir()] == ["keep.yaml"]


def test_a_finished_run_is_shown_before_it_is_written(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: list[Any]
) -> None:
    def full(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    console = Console(file=io.StringIO(), width=160)
    config = resolve(["task=toy", "neuron=if", "timesteps=2", f"out={tmp_path / 'r'}"], registry)
    with pytest.raises(SnnfwError) as caught:
        pipeline.run(config, registry, console)
    assert str(caught.value) == (
        f"cannot write the folder '{tmp_path / 'r'}' (No space left on device): make room, or choose another "
        "folder, out=FOLDER."
    )
    assert "results, per sample" in console.file.getvalue()  # type: ignore[attr-defined]  # the StringIO
    assert (seen, list(tmp_path.iterdir())) == ([], [])


def test_a_score_that_is_no_number_loses_no_run(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Nearness, "compute", lambda self: {"nearness": math.nan})
    report = run(registry, "neuron=if", "timesteps=2", f"out={tmp_path / 'r'}")
    assert [point["scores"] for point in report["checkpoints"]] == [{"nearness": None}] * 2
    assert "- (NaN)" in (tmp_path / "r" / "report.html").read_text(encoding="utf-8")


def test_a_part_that_the_network_alone_has_loses_no_run(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network sees a class that the spiking network never names, so that there is no IoU of it."""

    def compute(self: Nearness) -> Mapping[str, float]:
        error = sum(self.errors) / len(self.errors)
        return {"nearness": -error, **({"IoU/chair": 0.75} if error < 1e-6 else {})}

    monkeypatch.setattr(Nearness, "compute", compute)
    report = run(registry, "neuron=if", "timesteps=2", f"out={tmp_path / 'r'}")
    assert (list(report["network"]["scores"]), list(report["checkpoints"][0]["scores"])) == (
        ["nearness", "IoU/chair"],
        ["nearness"],
    )
    assert (tmp_path / "r" / "report.html").read_text(encoding="utf-8").count("- (missing)") == 2


def test_a_device_that_is_not_there_is_refused(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(SnnfwError) as caught:
        run(registry, "plugin=adafire", "device=cuda:7", f"out={tmp_path / 'r'}")
    there = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    assert str(caught.value) == f"device 'cuda:7' is not there: this machine has {', '.join(there)}."
    assert list(tmp_path.iterdir()) == []


def test_a_plan_computes_nothing_and_writes_nothing(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    console = Console(file=io.StringIO(), width=160)
    preview.plan(resolve(["task=toy", "plugin=adafire"], registry), console)
    assert "become accumulations of events" in console.file.getvalue()  # type: ignore[attr-defined]  # the StringIO
    assert list(tmp_path.iterdir()) == []
