"""What two processes come to, beside one alone: started once for all tests, it writes what it found as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchmetrics.regression import MeanSquaredError

import snnfw
from networks import ConvNet, captured, converted, noise
from snnfw.cli.entry import main
from snnfw.errors import SnnfwError
from snnfw.network.judging import MeanScorer, MetricScorer
from snnfw.ranks.group import ALONE, Ranks, in_step, require_same
from snnfw.ranks.start import start_ranks
from snnfw.simulate.accuracy import Accuracy
from snnfw.simulate.kept import restore_pass
from snnfw.simulate.run import evaluate_network, simulate
from snnfw.simulate.trace import Trace
from snnfw.store import progress
from snnfw.values import Batch, Data, Output, Resources, Scorer
from snnfw_plugins.adafire import AdaFire

T = 6
RUNS = {
    "classification": ("task.limit=70", "task.batch=10", "task.calibration=32", "search=null", "exit=confidence"),
    "events": ("task.limit=10", "task.batch=2", "task.calibration=4", "search=null", "timesteps=3"),
}
COMPARED = [
    "compare",
    "task=classification",
    "methods=[adafire,if]",
    "checkpoints=[2]",
    "task.limit=30",
    "task.batch=10",
    "task.calibration=16",
]


@dataclass(frozen=True)
class LeaveAbove:
    """Let samples leave once their largest probability is high."""

    name: ClassVar[str] = "leave-above"

    def done(self, output: Any, timestep: int, timesteps: int) -> Tensor:
        leave: Tensor = output.softmax(1).amax(1) > 0.35
        return leave

    def record(self) -> Mapping[str, Any]:
        return {}


class Noted:
    """Batches that note which of them are read, and can be asked for a part."""

    def __init__(self, batches: list[Batch], positions: range | None = None, read: list[int] | None = None) -> None:
        self.batches, self.positions = batches, range(len(batches)) if positions is None else positions
        self.read: list[int] = [] if read is None else read

    def __len__(self) -> int:
        return len(self.positions)

    def __iter__(self) -> Iterator[Batch]:
        for position in self.positions:
            self.read.append(position)
            yield self.batches[position]

    def part(self, positions: range) -> Noted:
        return Noted(self.batches, positions, self.read)


class Plain:
    """A scorer that cannot be put together."""

    def update(self, output: Any, target: Any) -> None: ...

    def compute(self) -> Mapping[str, float]:
        return {"none": 0.0}


SCORERS: dict[str, Callable[[], Scorer]] = {
    "accuracy": partial(Accuracy, 5),
    "loss": partial(MeanScorer, nn.functional.cross_entropy, "loss"),
    "error": lambda: MetricScorer(MeanSquaredError(), "error"),
}


def told(trace: Trace) -> dict[str, Any]:
    """Return all but the time."""
    points = [
        {name: value for name, value in asdict(point).items() if name != "scorer"} | {"scores": dict(point.scores)}
        for point in trace.points
    ]
    return {"points": points, "samples": trace.samples, "exits": dict(trace.exits)}


def batches(count: int, last: int = 3) -> list[Batch]:
    x = noise(5 * (count - 1) + last, 3, 8, 8, seed=3)
    labels = torch.arange(len(x)) % 5
    return [Batch((part,), of) for part, of in zip(x.split(5), labels.split(5), strict=True)]


def simulations(ranks: Ranks) -> dict[str, Any]:
    """Return traces of each process alone, and of both together."""
    x = noise(10, 3, 8, 8)
    graph = captured(ConvNet, x)
    model = converted(graph, AdaFire(phi=2), x, T)
    found: dict[str, Any] = {}
    for count in (1, 2, 5):
        for rule in (None, LeaveAbove()):
            for name in ("accuracy", "loss"):
                run = partial(simulate, model, batches(count), [2, T], SCORERS[name], Resources(), rule)
                found[f"{count} batches, {name}, {'exits' if rule else 'all'}"] = [told(run()), told(run(ranks))]
    data = Data((), batches(5))
    for name in ("accuracy", "loss"):
        network = partial(evaluate_network, graph, data, SCORERS[name], Resources())
        found[f"network, {name}"] = [network()[0], network(ranks)[0]]
    single = [Batch(batch.inputs, batch.inputs[0].mean((1, 2, 3))[:, None].repeat(1, 5)) for batch in batches(5)]
    sums = partial(simulate, model, single, [T], SCORERS["error"], Resources())
    found["sums of floats"] = [told(sums()), told(sums(ranks=ranks))]
    return found


def reading(ranks: Ranks) -> list[Any]:
    """Return which of five batches each process has read."""
    x = noise(10, 3, 8, 8)
    model = converted(captured(ConvNet, x), AdaFire(phi=2), x, T)
    noted = Noted(batches(5))
    simulate(model, noted, [2], SCORERS["accuracy"], Resources(), ranks=ranks)
    return ranks.gather(noted.read)


def draws(ranks: Ranks) -> dict[str, Any]:
    """Return what is drawn in each process during an evaluation, and afterwards."""
    drawn: list[float] = []

    def judge(output: Output, target: Any) -> float:
        drawn.append(float(torch.rand(())))
        return 0.0

    x = noise(10, 3, 8, 8)
    graph = captured(ConvNet, x)
    torch.manual_seed(0)
    evaluate_network(graph, Data((), batches(2)), partial(MeanScorer, judge, "none"), Resources(seed=3), ranks)
    behind = float(torch.rand(()))
    evaluate_network(graph, Data((), batches(2)), partial(MeanScorer, judge, "none"), Resources(seed=3), ranks)
    return {"during": ranks.gather(drawn), "behind": ranks.gather(behind)}


def refusals(ranks: Ranks) -> dict[str, Any]:
    """Return what each process says where one of them fails, and that both go on."""
    x = noise(10, 3, 8, 8)
    graph = captured(ConvNet, x)

    def fails(error: Exception, rank: int) -> None:
        with in_step(ranks):
            if ranks.rank == rank:
                raise error
            ranks.gather("of the other one")

    shuffled: Any = DataLoader(batches(5), batch_size=None, shuffle=True)  # type: ignore[arg-type]  # a list will do
    asked: dict[str, Callable[[], Any]] = {
        "another order": lambda: evaluate_network(graph, Data((), shuffled), SCORERS["accuracy"], Resources(), ranks),
        "a mistake in the last": partial(fails, SnnfwError("this is what is wrong."), 1),
        "a mistake in the first": partial(fails, SnnfwError("this is wrong here."), 0),
        "a fault in the last": partial(fails, KeyError("nothing"), 1),
        "others": lambda: require_same(ranks, "the spiking network", f"made by {ranks.rank}"),
        "a scorer": lambda: evaluate_network(graph, Data((), batches(2)), Plain, Resources(), ranks),
        "one device": lambda: start_ranks(2, 1, "cuda:1").__enter__(),
        "more": lambda: start_ranks(3, 1, "cpu").__enter__(),
    }
    found: dict[str, Any] = {}
    for name, ask in asked.items():
        said = "nothing"
        try:
            ask()
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            quiet = getattr(error, "told", None)
        found[name] = ranks.gather((said, quiet))
    return found


def evaluated(ranks: Ranks) -> dict[str, list[Any]]:
    """Return what ``snnfw.evaluate`` and ``snnfw.compare`` say in one process alone, and in each of both."""
    x = noise(10, 3, 8, 8).float()
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10)).eval()
    with torch.no_grad():
        for index, parameter in enumerate(net.parameters()):
            parameter.copy_(0.2 * noise(*parameter.shape, seed=index))
    snn = snnfw.convert(net, x, method="adafire")
    data = [(batch.inputs[0].float(), batch.target) for batch in batches(5)]
    reports = [snnfw.evaluate(snn, data), snnfw.evaluate(snn, data, devices=2)]
    said = [[asdict(point) for point in report.checkpoints] + [dict(report.network.scores)] for report in reports]
    two = {"one": snn, "another": snnfw.convert(net, x, method="if")}
    alone, together = (
        [asdict(entry) for entry in board.entries]
        for board in (snnfw.compare(two, data), snnfw.compare(two, data, devices=2))
    )
    return {"evaluate": [said[0], *ranks.gather(said[1])], "compare": [alone, *ranks.gather(together)]}


def commands(ranks: Ranks, folder: Path) -> dict[str, Any]:
    """Run commands as one process and as both, and return their statuses.

    What one process does alone both do at the same time, each some of it.
    """
    asked = {task: ["run", f"task={task}", "plugin=adafire", "save=false", *words] for task, words in RUNS.items()} | {
        "compare": COMPARED
    }
    alone = {name: words for name, words in asked.items() if (name == "classification") == (ranks.rank == 0)}
    done = {f"{name} one": main([*words, f"out={folder / f'{name}-one'}"]) for name, words in alone.items()}
    found: dict[str, Any] = {name: status for each in ranks.gather(done) for name, status in each.items()}
    for name, words in asked.items():
        found[f"{name} two"] = ranks.gather(main([*words, f"out={folder / f'{name}-two'}", "devices=2"]))
    taken = [
        "run",
        "task=classification",
        "plugin=adafire",
        "task.limit=20",
        f"out={folder / 'classification-two'}",
        "devices=2",
    ]
    found["a folder that is there"] = ranks.gather(main(taken))
    return found


def stopped(ranks: Ranks, folder: Path) -> dict[str, Any]:
    """Run as both until one of them fails behind what both have kept, and go on from there."""
    words = ["run", "task=events", "plugin=adafire", "save=false", *RUNS["events"], f"out={folder / 'stopped'}"]
    write, begin = progress.Progress.write, restore_pass
    done = list[int]()

    def failing(self: progress.Progress, name: str, content: bytes) -> None:
        write(self, name, content)
        if name == "simulate-1.safetensors":
            raise SnnfwError("it stops here.")

    def waiting(self: progress.Progress) -> bool:
        while ranks.rank and not self.folder.is_dir():
            time.sleep(0.01)
        return True

    def restoring(part: Any, tallies: Any) -> Any:
        counts = begin(part, tallies)
        done.append(counts.batches)
        return counts

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress, "EVERY", 0.0)
        patch.setattr(progress, "SHARE", 0)
        patch.setattr(progress.Progress, "write", failing)
        patch.setattr(progress.Progress, "takes", property(waiting))
        status = ranks.gather(main([*words, "devices=2"]))
    kept = sorted(path.name for path in (folder / "stopped.partial").iterdir())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("snnfw.simulate.run.restore_pass", restoring)
        resumed = ranks.gather(main(["run", f"resume={folder / 'stopped'}"]))
    return {"stopped": status, "resumed": resumed, "kept": kept, "done": ranks.gather(done)}


if __name__ == "__main__":
    out = Path(sys.argv[1])
    with start_ranks(2, 1, "cpu") as together:
        assert ALONE.gather(1) == [1]
        results = {
            "simulations": simulations(together),
            "reading": reading(together),
            "draws": draws(together),
            "refusals": refusals(together),
            "evaluated": evaluated(together),
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("snnfw.report.saving.page_files", lambda *_: {})  # which takes longer than all the rest
            patch.setattr("snnfw.pipeline.draw_gallery", lambda *_: ())
            results |= {"commands": commands(together, out), "stopped": stopped(together, out)}
        if together.rank == 0:
            (out / "found.json").write_text(json.dumps(results))
