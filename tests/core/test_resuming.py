"""A run that is killed goes on where it was, and ends with the numbers of one that was not."""

from __future__ import annotations

import json
import multiprocessing
import os
import shlex
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from filelock import FileLock
from rich.console import Console
from torch import Tensor

from networks import ConvNet, estimated, noise, seeded
from snnfw import pipeline
from snnfw.comparing import compare_methods
from snnfw.config.comparison import resolve_comparison
from snnfw.config.resolution import resolve, resolve_mapping
from snnfw.errors import SnnfwError, StaleError
from snnfw.hookspecs import hookimpl
from snnfw.registry import Registry
from snnfw.store import progress
from snnfw.values import Batch, Bundle, Data, ExitRule, Judgement


class Mean:
    """The mean of what a batch is like, kept for each of them."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def update(self, output: Tensor, target: Any) -> None:
        self.seen.append(float((output - target).norm()))

    def compute(self) -> Mapping[str, float]:
        return {"nearness": -sum(self.seen) / len(self.seen)}

    def state(self) -> Mapping[str, Tensor]:
        return {"seen": torch.tensor(self.seen, dtype=torch.float64)}

    def merge(self, state: Mapping[str, Tensor]) -> None:
        self.seen += state["seen"].tolist()


class Forgetful:
    """The same, which cannot say what it saw."""

    def __init__(self) -> None:
        self.mean = Mean()

    def update(self, output: Tensor, target: Any) -> None:
        self.mean.update(output, target)

    def compute(self) -> Mapping[str, float]:
        return self.mean.compute()


@dataclass
class Counted:
    """Batches of two samples whose reading is counted, and of which some can be left out."""

    positions: range = range(6)
    read: list[int] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)
    noise: float = 0.0

    def __len__(self) -> int:
        return len(self.positions)

    def __iter__(self) -> Iterator[Batch]:
        for position in self.positions:
            self.read.append(position)
            if position in self.broken:
                raise SnnfwError(f"batch {position} cannot be read.")
            x = noise(2, 3, 8, 8, seed=position) + self.noise
            yield Batch((x,), torch.zeros(2, 5, dtype=x.dtype))

    def part(self, positions: range) -> Counted:
        return Counted(self.positions[positions.start : positions.stop], self.read, self.broken, self.noise)


EVALUATED: list[Counted] = [Counted()]


@dataclass(frozen=True)
class Toy:
    """Come near nothing."""

    name: ClassVar[str] = "toy"
    default_model: ClassVar[str] = "toy-net"
    default_data: ClassVar[str] = "toy-noise"
    scorer: ClassVar[Any] = Mean
    shift: float = 0.0

    def load(self, model: Any, data: Any, resources: Any) -> Bundle:
        x = noise(8, 3, 8, 8)
        net = estimated(seeded(ConvNet), x).double()
        with torch.no_grad():
            next(net.parameters()).add_(self.shift)
        return Bundle(
            model=net,
            example=(x[:2],),
            data=Data(calibration=[(x,)], evaluation=EVALUATED[0]),
            judgement=Judgement(scorer=self.scorer, headline="nearness"),
        )


@dataclass(frozen=True)
class Forgotten(Toy):
    """The same with a scorer that cannot say what it saw."""

    name: ClassVar[str] = "forgotten"
    scorer: ClassVar[Any] = Forgetful


@dataclass(frozen=True)
class ToyNet:
    """A small network."""

    name: ClassVar[str] = "toy-net"
    tasks: ClassVar[tuple[str, ...]] = ("toy", "forgotten")

    def build(self, wanted: Any, resources: Any) -> None: ...


@dataclass(frozen=True)
class ToyNoise:
    """Noise."""

    name: ClassVar[str] = "toy-noise"
    tasks: ClassVar[tuple[str, ...]] = ("toy", "forgotten")

    def open(self) -> None: ...


@dataclass(frozen=True)
class Draw:
    """Let samples leave by lot."""

    name: ClassVar[str] = "draw"
    fits: ClassVar[bool] = False

    def prepare(self, model: Any, bundle: Bundle, timesteps: int, resources: Any) -> ExitRule:
        return Lot()


class Lot:
    def done(self, output: Tensor, timestep: int, timesteps: int) -> Tensor:
        return torch.rand(len(output)) < 0.3

    def record(self) -> Mapping[str, Any]:
        return {"share": 0.3}


@pytest.fixture
def registry() -> Registry:
    plugin = SimpleNamespace(
        __name__="toys",
        snnfw_register_tasks=hookimpl(lambda: [Toy, Forgotten]),
        snnfw_register_models=hookimpl(lambda: [ToyNet]),
        snnfw_register_data=hookimpl(lambda: [ToyNoise]),
        snnfw_register_exit_policies=hookimpl(lambda: [Draw]),
    )
    return Registry(plugins=[plugin])


@pytest.fixture(autouse=True)
def evaluated(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Let every group be kept, and return what is evaluated."""
    monkeypatch.setattr(progress, "EVERY", 0.0)
    monkeypatch.setattr(progress, "SHARE", 0)
    monkeypatch.setattr("snnfw.report.saving.page_files", lambda *_: {})  # which takes longer than all the rest
    monkeypatch.setattr("snnfw.pipeline.draw_gallery", lambda *_: ())
    EVALUATED[0] = Counted()
    return EVALUATED[0]


WORDS = ("neuron=if", "timesteps=4", "backend=reference", "save=false")


class Stopped(BaseException):
    """What ends a run where a test wants it to end."""


def stop_at(kept: int, monkeypatch: pytest.MonkeyPatch, stop: Any) -> None:
    """Call ``stop`` once so much was kept."""
    write, written = progress.Progress.write, []

    def counting(self: progress.Progress, name: str, content: bytes) -> None:
        write(self, name, content)
        written.append(name)
        if len(written) == kept:
            stop()

    monkeypatch.setattr(progress.Progress, "write", counting)


def stopped(
    registry: Registry, kept: int, monkeypatch: pytest.MonkeyPatch, *words: str, by: Callable[..., Any] | None = None
) -> None:
    """Stop a run once so much was kept, or what is done ``by`` another command."""

    def stop() -> None:
        raise Stopped

    with monkeypatch.context() as patch:
        stop_at(kept, patch, stop)
        with pytest.raises(Stopped):
            (by or run)(registry, *words)


def numbers(folder: Path) -> dict[str, Any]:
    """Return what a report says, without when and how long, and where it was written."""
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    for key in ("created", "stages", "config"):
        report["about"].pop(key)
    report["about"]["command"] = report["about"]["command"].partition(" out=")[0]
    told: dict[str, Any] = without_times(report)
    return told


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_times(entry) for key, entry in value.items() if "second" not in key}
    return [without_times(entry) for entry in value] if isinstance(value, list | tuple) else value


def run(registry: Registry, *words: str) -> Path:
    return pipeline.run(resolve(words, registry), registry)


@pytest.mark.parametrize(
    ("exits", "kept", "done"),
    # Of the simulation each group is kept, and its end, of the network's own scores each batch.
    [("exit=null", 1, 1), ("exit=null", 7, 6), ("exit=null", 12, 11), ("exit=draw", 1, 4), ("exit=draw", 6, 9)],
)
def test_a_run_that_was_stopped_goes_on_and_reads_nothing_again(
    registry: Registry,
    tmp_path: Path,
    exits: str,
    kept: int,
    done: int,
    monkeypatch: pytest.MonkeyPatch,
    evaluated: Counted,
) -> None:
    words = ("task=toy", *WORDS, exits)
    whole = run(registry, *words, f"out={tmp_path / 'whole'}")
    stopped(registry, kept, monkeypatch, *words, f"out={tmp_path / 'cut'}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.partial", "whole"]
    evaluated.read.clear()
    torch.manual_seed(99)  # another process draws otherwise
    folder = run(registry, f"resume={tmp_path / 'cut'}")
    assert folder == tmp_path / "cut"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut", "whole"]
    assert numbers(folder) == numbers(whole)
    assert len(evaluated.read) == 12 - done + 1 + 3  # the first, to know the data by, and three more to look at


METHODS = "methods=[{name: a, neuron: if}, {name: b, neuron: if, exit: draw}]"
COMPARED = ("task=toy", METHODS, "checkpoints=[2,4]", "backend=reference")


def compare(registry: Registry, *words: str) -> Any:
    return compare_methods(resolve_comparison(words, registry), registry=registry)


@pytest.mark.parametrize(
    ("kept", "done"),
    # Of the network each batch is kept, of a method at a budget each group, one batch or two, and its end.
    [(2, 2), (6, 6), (10, 10), (13, 12), (20, 18), (22, 22)],
)
def test_a_comparison_that_was_stopped_goes_on(
    registry: Registry, tmp_path: Path, kept: int, done: int, monkeypatch: pytest.MonkeyPatch, evaluated: Counted
) -> None:
    whole = compare(registry, *COMPARED, f"out={tmp_path / 'whole'}")

    stopped(registry, kept, monkeypatch, *COMPARED, f"out={tmp_path / 'cut'}", by=compare)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.partial", "whole"]
    evaluated.read.clear()
    torch.manual_seed(99)
    board = compare(registry, f"resume={tmp_path / 'cut'}")
    assert without_times([asdict(entry) for entry in board.entries]) == without_times(
        [asdict(entry) for entry in whole.entries]
    )
    assert board.network.scores == whole.network.scores
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut", "whole"]
    assert board.about["command"] == f"snnfw compare {shlex.join([*COMPARED, f'out={tmp_path}/cut'])}"
    assert len(evaluated.read) == 30 - done + 1  # five passes, and the first batch to know the data by


def test_short_passes_that_were_held_are_gone_on_with(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evaluated: Counted
) -> None:
    whole = compare(registry, *COMPARED, f"out={tmp_path / 'whole'}")
    part = progress.Progress.part

    def keeping(self: progress.Progress, name: str, key: Any) -> progress.Part:
        monkeypatch.setattr(progress, "EVERY", 0.0 if name.startswith("method-1") else 1e9)
        return part(self, name, key)

    monkeypatch.setattr(progress.Progress, "part", keeping)
    stopped(registry, 1, monkeypatch, *COMPARED, f"out={tmp_path / 'cut'}", by=compare)
    names = {"network", "method-0-T2", "method-0-T4", "method-1-T2"}
    assert {path.stem for path in (tmp_path / "cut.partial").glob("*.safetensors")} == names
    evaluated.read.clear()
    board = compare(registry, f"resume={tmp_path / 'cut'}")
    assert without_times([asdict(entry) for entry in board.entries]) == without_times(
        [asdict(entry) for entry in whole.entries]
    )
    assert len(evaluated.read) < 30 - 18


def test_what_a_comparison_kept_of_a_method_and_is_damaged_is_no_fault_of_the_method(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped(registry, 10, monkeypatch, *COMPARED, f"out={tmp_path / 'cut'}", by=compare)
    kept = tmp_path / "cut.partial" / "method-0-T2.safetensors"
    kept.write_bytes(kept.read_bytes()[:-9])
    with pytest.raises(StaleError) as caught:
        compare(registry, f"resume={tmp_path / 'cut'}")
    assert str(caught.value) == f"'{kept}' is damaged: delete it, and what it stood for is computed again."
    kept.unlink()
    assert compare(registry, f"resume={tmp_path / 'cut'}").complete


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("task=classification neuron=if timesteps=4 task.limit=96 task.batch=8 exit=entropy exit.base=0.5", 5),
        ("task=segmentation neuron=if timesteps=2 task.limit=6 task.batch=1 task.calibration=4", 9),
    ],
)
def test_a_process_that_is_killed_goes_on_in_another_one(
    tmp_path: Path, words: str, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, said = Registry(), (*words.split(), "save=false")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # a fork has no others
    try:

        def child() -> None:
            stop_at(kept, monkeypatch, lambda: os.kill(os.getpid(), signal.SIGKILL))
            run(registry, *said, f"out={tmp_path / 'cut'}")

        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert [path.name for path in tmp_path.iterdir()] == ["cut.partial"]
        whole = run(registry, *said, f"out={tmp_path / 'whole'}")
        assert numbers(run(registry, f"resume={tmp_path / 'cut.partial'}")) == numbers(whole)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("method", ["plugin=sigmadelta", "plugin=ibra"])
def test_a_run_reads_the_data_twice_and_beside_that_three_batches_to_look_at(
    registry: Registry, tmp_path: Path, method: str, evaluated: Counted
) -> None:
    run(registry, "task=toy", method, "timesteps=4", "search=null", "save=false", f"out={tmp_path / 'run'}")
    passes = [*range(6), *range(6)]
    assert evaluated.read[:12] == passes
    assert all(position for position in evaluated.read[12:])  # certificate, hash, errors and measures take what is kept


def test_a_file_that_is_mended_lets_a_run_go_on(registry: Registry, tmp_path: Path, evaluated: Counted) -> None:
    evaluated.broken.append(4)
    with pytest.raises(SnnfwError, match="batch 4 cannot be read"):
        run(registry, "task=toy", *WORDS, f"out={tmp_path / 'cut'}")
    evaluated.broken.clear()
    assert run(registry, f"resume={tmp_path / 'cut'}").is_dir()


def test_how_to_go_on_is_told_once_and_a_short_run_keeps_nothing(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    console = Console(record=True, width=400)
    pipeline.run(resolve(["task=toy", *WORDS, f"out={tmp_path / 'a b'}"], registry), registry, console)
    line = (
        f"is kept in '{tmp_path / 'a b'}.partial': if it is stopped, 'snnfw run resume='{tmp_path / 'a b'}'' goes on."
    )
    assert console.export_text().count(line) == 1
    monkeypatch.setattr(progress, "EVERY", 30.0)
    monkeypatch.setattr(progress.Progress, "write", lambda *_: pytest.fail("it took no half minute"))
    run(registry, "task=toy", *WORDS, f"out={tmp_path / 'short'}")


def refused(registry: Registry, *words: str) -> str:
    with pytest.raises(SnnfwError) as caught:
        run(registry, *words)
    return str(caught.value)


def test_what_cannot_be_gone_on_with_says_why(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evaluated: Counted
) -> None:
    cut = tmp_path / "cut"
    folder, resume = tmp_path / "cut.partial", f"resume={cut}"
    assert refused(registry, resume) == (
        f"resume={cut} does not work: there is no '{folder}/config.yaml'. A run keeps how far it is once it took half a "
        "minute, where its scorer can say what it saw: begin it anew."
    )
    stopped(registry, 3, monkeypatch, "task=toy", *WORDS, f"out={cut}")
    assert refused(registry, "task=toy", *WORDS, f"out={cut}") == (
        f"a run to '{cut}' was begun and not finished: resume={cut} goes on with it, and without the folder '{folder}' "
        "it begins anew."
    )
    assert refused(registry, resume, "timesteps=8") == (
        f"resume={cut} goes on with what its config.yaml says: leave timesteps out, or begin anew."
    )
    assert refused(registry, resume, "task.shift=1") == (
        f"resume={cut} goes on with what its config.yaml says: leave task out, or begin anew."
    )
    back = " Bring that back, or delete the folder and begin anew."
    evaluated.noise = 1.0
    changed = f"'{folder}' cannot be gone on with: the evaluation data is not what it was.{back}"
    assert refused(registry, resume) == changed
    evaluated.noise = 0.0
    monkeypatch.setattr("snnfw.resuming.version", lambda name: "9.9")
    was = torch.__version__.partition("+")[0]
    said = refused(registry, resume)
    assert said.startswith(f"'{folder}' cannot be gone on with: the version of snnfw is not what it was (")
    assert said.endswith(f", and now 9.9).{back}"), was
    monkeypatch.undo()


def test_a_changed_file_is_noticed(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut, folder = tmp_path / "cut", tmp_path / "cut.partial"
    stopped(registry, 3, monkeypatch, "task=toy", *WORDS, f"out={cut}")
    config = folder / "config.yaml"
    written = config.read_text()
    config.write_text(written.replace("timesteps: 4", "timesteps: 3").replace("- 4", "- 3"))
    assert "what config.yaml says is not what it was." in refused(registry, f"resume={cut}")
    config.write_text(written.replace("shift: 0.0", "shift: 0.5"))
    assert "what config.yaml says is not what it was." in refused(registry, f"resume={cut}")
    config.write_text(written)
    kept = folder / "simulate.safetensors"
    content = kept.read_bytes()
    for damaged in (content[:-9], content[:-1] + bytes([content[-1] ^ 1]), b"", content.replace(b'"cut"', b'"out"')):
        if damaged != content:
            kept.write_bytes(damaged)
            assert refused(registry, f"resume={cut}") == (
                f"'{kept}' is damaged: delete it, and what it stood for is computed again."
            )
    kept.unlink()
    run(registry, f"resume={cut}")
    assert refused(registry, f"resume={cut}") == (
        f"resume={cut} is finished: its results are in '{cut}', and nothing is left to run."
    )


def test_two_do_not_go_on_at_once(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut, folder = tmp_path / "cut", tmp_path / "cut.partial"
    stopped(registry, 3, monkeypatch, "task=toy", *WORDS, f"out={cut}")
    with FileLock(folder / "lock"):
        assert refused(registry, f"resume={cut}") == (
            f"another process works in '{folder}': wait for it, or stop it, and go on then."
        )
    assert run(registry, f"resume={cut}") == cut


def test_a_full_disk_ends_what_is_kept_and_not_the_run(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("snnfw.store.progress.os.fsync", full)
    console = Console(record=True, width=400)
    config = resolve(["task=toy", *WORDS, f"out={tmp_path / 'run'}"], registry)
    assert pipeline.run(config, registry, console).is_dir()
    assert console.export_text().count("No space left on device") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_scorer_that_cannot_say_what_it_saw_keeps_nothing(registry: Registry, tmp_path: Path) -> None:
    run(registry, "task=forgotten", *WORDS, f"out={tmp_path / 'run'}")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_program_resumes_by_the_same_word(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped(registry, 3, monkeypatch, "task=toy", *WORDS, f"out={tmp_path / 'cut'}")
    config = resolve_mapping({"resume": tmp_path / "cut"}, registry)
    assert pipeline.run(config, registry) == tmp_path / "cut"
