from __future__ import annotations

import errno
import io
import itertools
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
import yaml
from rich.console import Console

from networks import ConvNet, estimated, noise, seeded
from snnfw import pipeline
from snnfw.comparing import compare_methods
from snnfw.config.comparison import resolve_comparison
from snnfw.config.resolution import resolve
from snnfw.conversion.converter import Converter
from snnfw.conversion.direct import Direct
from snnfw.errors import SnnfwError
from snnfw.hookspecs import hookimpl
from snnfw.planning.placement import Plan
from snnfw.registry import Registry
from snnfw.report.leaderboard import Leaderboard
from snnfw.search.results import SearchResult
from snnfw.search.trials import Trials
from snnfw.simulate.run import simulate
from snnfw.values import Batch, Bundle, Data, Judgement


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
    loads: ClassVar[list[str]] = []

    def load(self, model: Any, data: Any, resources: Any) -> Bundle:
        self.loads.append("load")
        x = noise(8, 3, 8, 8)
        net = estimated(seeded(ConvNet), x).double()
        with torch.no_grad():
            target = net(x)
        batches = [Batch((x[:4],), target[:4]), Batch((x[4:],), target[4:])]
        return Bundle(
            model=net,
            example=(x[:2],),
            data=Data(calibration=[(x,)], evaluation=batches, tuning=batches),
            judgement=Judgement(scorer=Nearness, headline="nearness"),
            description={"model": "ConvNet"},
        )


@dataclass(frozen=True)
class ToyNet:
    """A small network."""

    name: ClassVar[str] = "toy-net"
    tasks: ClassVar[tuple[str, ...]] = ("toy",)

    def build(self, wanted: Any, resources: Any) -> None: ...


@dataclass(frozen=True)
class ToyNoise:
    """Noise."""

    name: ClassVar[str] = "toy-noise"
    tasks: ClassVar[tuple[str, ...]] = ("toy",)

    def open(self) -> None: ...


@dataclass(frozen=True)
class Unfinished(Direct):
    """Convert for the first timestep, and fail for others."""

    name: ClassVar[str] = "unfinished"
    fault: str = "RuntimeError"

    def convert(self, graph: Any, plan: Any, calibration: Any, timesteps: int, resources: Any) -> Any:
        if timesteps > 1:
            raise {"RuntimeError": RuntimeError, "SnnfwError": SnnfwError, "Interrupt": KeyboardInterrupt}[self.fault](
                "no\n  further"
            )
        return Direct().convert(graph, plan, calibration, timesteps, resources)


@dataclass(frozen=True)
class Keeping:
    """Keep the plan."""

    name: ClassVar[str] = "keeping"
    asked: ClassVar[list[int]] = []

    def search(self, plan: Plan, trials: Trials) -> SearchResult:
        self.asked.append(trials.timesteps)
        return SearchResult(plan)


@pytest.fixture
def registry() -> Registry:
    Toy.loads.clear()
    Keeping.asked.clear()
    converters: list[type[Converter]] = [Unfinished]
    plugin = SimpleNamespace(
        __name__="toys",
        snnfw_register_tasks=hookimpl(lambda: [Toy]),
        snnfw_register_models=hookimpl(lambda: [ToyNet]),
        snnfw_register_data=hookimpl(lambda: [ToyNoise]),
        snnfw_register_converters=hookimpl(lambda: converters),
        snnfw_register_searches=hookimpl(lambda: [Keeping]),
    )
    return Registry(plugins=[plugin])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def compared(registry: Registry, *words: str, console: Console | None = None) -> Leaderboard:
    return compare_methods(resolve_comparison(["task=toy", *words], registry), console)


def folder(here: Path) -> Path:
    [found] = (here / "runs").iterdir()
    return found


@pytest.mark.usefixtures("here")
def test_each_number_of_timesteps_is_what_a_run_of_that_length_gives(registry: Registry) -> None:
    board = compared(registry, "methods=[if,adafire]", "checkpoints=[1,4]")
    standing = board.entries[1].standings[1]
    words = ["task=toy", "plugin=adafire", "search=null", "exit=null", "timesteps=4", "checkpoints=[4]"]
    run = json.loads((pipeline.run(resolve(words, registry), registry) / "report.json").read_text())
    [point] = run["checkpoints"]
    assert (standing.timestep, standing.scores) == (4, point["scores"])
    assert (standing.energy.total, standing.energy.spikes) == (point["energy"]["total"], point["energy"]["spikes"])
    assert standing.energy_ratio == point["energy_ratio"]
    assert board.network.energy == run["network"]["energy"]


@pytest.mark.usefixtures("here")
def test_checkpoints_read_off_one_run_share_its_conversion(registry: Registry) -> None:
    board = compared(registry, "methods=[adafire]", "checkpoints=[1,4]", "retarget=false")
    run = pipeline.run(
        resolve(
            ["task=toy", "plugin=adafire", "search=null", "exit=null", "timesteps=4", "checkpoints=[1,4]"], registry
        ),
        registry,
    )
    points = json.loads((run / "report.json").read_text())["checkpoints"]
    [entry] = board.entries
    assert [dict(standing.scores) for standing in entry.standings] == [point["scores"] for point in points]
    assert entry.standings[0].seconds is None
    assert entry.standings[1].seconds is not None


def test_everything_is_loaded_once_and_left_in_one_folder(registry: Registry, here: Path) -> None:
    compared(registry, "methods=[adafire,if]", "checkpoints=[1,2]")
    assert Toy.loads == ["load"]
    assert re.fullmatch(r"\d{8}-\d{6}-compare-toy", folder(here).name)
    assert sorted(path.name for path in folder(here).iterdir()) == [
        "config.yaml",
        "leaderboard.csv",
        "leaderboard.html",
        "leaderboard.json",
    ]


def test_the_json_holds_every_method_and_what_it_is_made_of(registry: Registry, here: Path) -> None:
    board = compared(registry, "methods=[{name: mine, plugin: adafire, neuron: {phi: 2}},if]", "checkpoints=[1,2]")
    written = json.loads((folder(here) / "leaderboard.json").read_text())
    assert (written["schema"], written["headline"], written["retarget"]) == (1, "nearness", True)
    assert written["network"]["scores"] == board.network.scores
    first, second = written["entries"]
    assert (first["name"], first["plugin"], first["layers"]) == (
        "mine",
        "adafire",
        ["* (relu): adafire(phi=2)", "*: tracking"],
    )
    assert (second["name"], second["plugin"], second["converter"]) == ("if", None, "direct")
    assert [standing["timestep"] for standing in second["standings"]] == [1, 2]
    assert second["samples"] == 8
    assert written["about"]["command"].startswith("snnfw compare task=toy 'methods=[")
    assert written["about"]["config"] == yaml.safe_load((folder(here) / "config.yaml").read_text())


def test_the_page_names_every_method_and_loads_nothing(registry: Registry, here: Path) -> None:
    compared(registry, "methods=[adafire,{name: '_<b>$x', neuron: if}]", "checkpoints=[1,2]")
    page = (folder(here) / "leaderboard.html").read_text()
    assert re.findall(r"<figcaption>([^<]+)", page) == [
        "Score (nearness) over timesteps",
        "Score (nearness) over energy; dotted, what the network itself takes",
    ]
    assert [found[:40] for found in re.findall(r'(?:src|href)="([^"]*)', page) if not found.startswith("data:")] == []
    assert page.count("_&lt;b&gt;$x") >= 6
    assert "<b>$x" not in page


@pytest.mark.parametrize(
    ("fault", "said"), [("RuntimeError", "RuntimeError: no further"), ("SnnfwError", "no further")]
)
def test_a_method_that_fails_says_why_and_loses_nobody_elses_numbers(
    fault: str, said: str, registry: Registry, here: Path
) -> None:
    console = Console(file=io.StringIO(), width=120)
    words = f"methods=[{{name: bad, plugin: adafire, converter: {{name: unfinished, fault: {fault}}}}},if]"
    board = compared(registry, words, "checkpoints=[1,2]", console=console)
    assert not board.complete
    bad, good = board.entries
    assert (bad.error, [standing.timestep for standing in bad.standings]) == (said, [1])
    assert (good.error, [standing.timestep for standing in good.standings]) == (None, [1, 2])
    assert f"bad: {said}" in console.file.getvalue()  # type: ignore[attr-defined]  # the StringIO
    page = (folder(here) / "leaderboard.html").read_text()
    assert f"<b>bad</b>: {said}" in page
    assert page.count(">failed<") == 6


def test_where_all_methods_fail_the_reasons_are_all_there_is(registry: Registry, here: Path) -> None:
    board = compared(registry, "methods=[{name: bad, neuron: if, layers: [{match: nowhere}]}]", "checkpoints=[1]")
    [entry] = board.entries
    assert (entry.standings, entry.samples) == ((), 0)
    assert entry.error is not None
    assert entry.error.startswith("no rule covers site 'relu' (relu)")
    [written] = json.loads((folder(here) / "leaderboard.json").read_text())["entries"]
    assert written["error"] == entry.error


def test_scores_that_are_no_numbers_neither_win_nor_lose_the_others(
    registry: Registry, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = itertools.count()

    def compute(self: Nearness) -> Mapping[str, float]:
        scores = [{"nearness": -0.5}, {"nearness": math.nan}, {}, {"nearness": 0.25}, {"nearness": 0.125}]
        return scores[next(computed)]

    monkeypatch.setattr(Nearness, "compute", compute)
    monkeypatch.setattr("snnfw.stages.islice", lambda batches, count: [])  # no untimed batch, which scores too
    monkeypatch.setattr(
        "snnfw.stages.simulate", lambda model, data, *rest: simulate(model, data, *rest) if data else None
    )
    console = Console(file=io.StringIO(), width=120)
    board = compared(registry, "methods=[if,tracking,adafire,burst]", "checkpoints=[2]", console=console)
    assert board.best(2) == 0.25
    shown = console.file.getvalue()  # type: ignore[attr-defined]  # the StringIO
    assert [shown.count(f"- ({word})") for word in ("NaN", "missing")] == [1, 1]
    written = json.loads((folder(here) / "leaderboard.json").read_text())
    scores = [entry["standings"][0]["scores"] for entry in written["entries"]]
    assert scores == [{"nearness": None}, {}, {"nearness": 0.25}, {"nearness": 0.125}]
    assert (folder(here) / "leaderboard.html").read_text().count('class="n best"') == 1


def test_a_full_disk_loses_no_comparison(registry: Registry, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    console = Console(file=io.StringIO(), width=120)
    with pytest.raises(SnnfwError, match=r"^cannot write the folder 'runs/.*-compare-toy' \(No space left on device\)"):
        compared(registry, "methods=[if]", "checkpoints=[1]", console=console)
    assert "energy per sample" in console.file.getvalue()  # type: ignore[attr-defined]  # the StringIO
    assert list((here / "runs").iterdir()) == []


def test_an_interruption_leaves_nothing(registry: Registry, here: Path) -> None:
    words = "methods=[if,{name: bad, neuron: if, converter: {name: unfinished, fault: Interrupt}}]"
    with pytest.raises(KeyboardInterrupt):
        compared(registry, words, "checkpoints=[1,2]")
    assert list(here.iterdir()) == []


def test_a_folder_that_is_there_is_refused_before_anything_is_loaded(registry: Registry, here: Path) -> None:
    with pytest.raises(SnnfwError) as caught:
        compared(registry, "methods=[if]", f"out={here}")
    assert str(caught.value) == f"out={here} exists already: name a folder that does not, nothing is ever overwritten."
    assert Toy.loads == []


@pytest.mark.usefixtures("here")
def test_a_search_that_is_asked_for_runs_for_each_number_of_timesteps(registry: Registry) -> None:
    board = compared(registry, "methods=[if,{name: searched, neuron: if, search: keeping}]", "checkpoints=[1,2]")
    assert Keeping.asked == [1, 2]
    assert [entry.search for entry in board.entries] == [None, "keeping"]


@pytest.mark.usefixtures("here")
def test_the_terminal_shows_network_and_methods_across_timesteps(registry: Registry) -> None:
    console = Console(file=io.StringIO(), width=120)
    board = compared(registry, "methods=[adafire,if]", "checkpoints=[1,2]", console=console)
    text = console.file.getvalue()  # type: ignore[attr-defined]  # the StringIO
    lines = [" ".join(line.replace("│", " ").replace("┃", " ").split()) for line in text.splitlines()]
    scores = [f"{standing.scores['nearness']:.4f}" for standing in board.entries[0].standings]
    for line in (
        "nearness",
        "method T=1 T=2",
        "network -0.0000 -0.0000",
        f"adafire {scores[0]} {scores[1]}",
        "energy, of the network's",
        "8 samples. Each number of timesteps is a run of its own, converted for it. Searches and exits of plugins are left out.",
    ):
        assert line in lines


@pytest.mark.usefixtures("here")
def test_a_methods_numbers_do_not_depend_on_who_else_is_there(registry: Registry) -> None:
    alone = compared(registry, "methods=[if]", "checkpoints=[2]").entries[-1]
    behind = compared(registry, "methods=[adafire,calibration,if]", "checkpoints=[2]").entries[-1]
    assert [standing.scores for standing in alone.standings] == [standing.scores for standing in behind.standings]
