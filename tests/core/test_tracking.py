"""A run, a comparison and a training are told to a tracker once their results are there, and never lost by it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest
from rich.console import Console

from snnfw import pipeline
from snnfw.comparing import compare_methods
from snnfw.config.comparison import resolve_comparison
from snnfw.config.resolution import resolve
from snnfw.config.training import resolve_training
from snnfw.config.trust import tracker_words
from snnfw.errors import SnnfwError
from snnfw.hookspecs import hookimpl
from snnfw.registry import Registry
from snnfw.tracking import require_tracker, track
from snnfw.train import train
from snnfw.values import Tracked

QUICK = (
    "task.limit=8",
    "task.calibration=8",
    "model=cifar-resnet",
    "model.channels=1",
    "model.depth=8",
    "model.width=4",
)


@dataclass(frozen=True)
class Kept:
    """Remember what it is told, or break as it is told to."""

    name: ClassVar[str] = "kept"
    seen: ClassVar[list[tuple[Tracked, Sequence[Tracked]]]] = []
    fault: str = ""

    def require(self) -> None:
        if self.fault == "refused":
            raise SnnfwError("no account.")

    def log(self, whole: Tracked, parts: Sequence[Tracked]) -> str:
        if self.fault == "ends":
            raise SystemExit(1)
        if self.fault:
            raise OSError(28, self.fault)
        self.seen[:] = [(whole, parts)]
        return "here"


def told(tracker: Kept | None) -> list[str]:
    said: list[str] = []
    track(tracker, said.append, Tracked("a", "run", {}, {}, {}, folder=Path("runs/a")))
    return said


def test_nothing_is_told_without_a_tracker() -> None:
    require_tracker(None)
    assert told(None) == []


def test_what_is_logged_says_where() -> None:
    assert told(Kept()) == ["logged with kept: here"]
    assert Kept.seen[0][0].name == "a"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("No space left on device", "OSError: [Errno 28] No space left on device."),
        ("ends", "SystemExit: 1."),
    ],
)
def test_a_tracker_that_fails_is_a_sentence(fault: str, reason: str) -> None:
    assert told(Kept(fault)) == [f"tracker=kept did not log this: {reason} The results in runs/a are whole."]


def test_a_tracker_that_could_log_nothing_is_refused() -> None:
    with pytest.raises(SnnfwError, match=r"no account\."):
        require_tracker(Kept("refused"))


def test_everything_that_leaves_a_folder_is_told(tmp_path: Path) -> None:
    """A run, a comparison and a training, by the command line's own doors, on the toys of the tests of each."""
    registry = Registry(plugins=[SimpleNamespace(__name__="kept", snnfw_register_trackers=hookimpl(lambda: [Kept]))])
    words = ["task=classification", "tracker=kept", *QUICK]
    folder = pipeline.run(
        resolve([*words, "plugin=rate", "timesteps=2", f"out={tmp_path / 'run'}"], registry), registry
    )
    whole, parts = Kept.seen[0]
    assert (whole.folder, whole.kind, sorted(whole.points), parts) == (folder, "run", [1, 2], ())
    assert {"report.html", "net.snn", "card.md", "config.yaml"} <= {path.name for path in whole.files}
    assert whole.parameters["tracker"] == "kept"
    said = Console(file=io.StringIO(), width=300)
    compared = [*words, "methods=[if,rate]", "checkpoints=[1,2]", f"out={tmp_path / 'compare'}"]
    compare_methods(resolve_comparison(compared, registry), said, registry)
    whole, parts = Kept.seen[0]
    assert (whole.kind, [part.name for part in parts], sorted(parts[1].points)) == (
        "comparison",
        ["if", "rate"],
        [1, 2],
    )
    assert said.file.getvalue().rstrip().endswith("logged with kept: here")  # type: ignore[attr-defined]  # a StringIO
    begun = [*words, "plugin=inflor", "timesteps=1", "trainer.epochs=1", f"out={tmp_path / 'train'}"]
    trained = train(resolve_training(begun, registry))
    assert (Kept.seen[0][0].kind, sorted(Kept.seen[0][0].points)) == ("training", [0])
    # A folder is data: who is told of it says whoever uses it.
    assert resolve([f"checkpoint={trained}"], registry).tracker is None
    assert resolve_training([f"resume={trained}"], registry).run.tracker is None
    assert resolve_training([f"resume={trained}", "tracker=kept"], registry).run.tracker == Kept()
    assert tracker_words(resolve([*words, "plugin=rate", "tracker.fault=a b"], registry)) == [
        "tracker=kept",
        "'tracker.fault=a b'",
    ]


def test_a_run_that_is_refused_computes_nothing_and_one_that_cannot_be_told_is_whole(tmp_path: Path) -> None:
    registry = Registry(plugins=[SimpleNamespace(__name__="kept", snnfw_register_trackers=hookimpl(lambda: [Kept]))])
    words = ["task=classification", "tracker=kept", "plugin=rate", "timesteps=1", *QUICK, f"out={tmp_path / 'run'}"]
    for command in (
        lambda *more: pipeline.run(resolve([*words, *more], registry), registry),
        lambda *more: compare_methods(resolve_comparison([*words[:2], "methods=[if]", *words[4:], *more], registry)),
        lambda *more: train(resolve_training([*words, *more], registry)),
    ):
        with pytest.raises(SnnfwError, match=r"no account\."):
            command("tracker.fault=refused")
        assert not list(tmp_path.iterdir())
    folder = pipeline.run(resolve([*words, "tracker.fault=full"], registry), registry)
    assert (folder / "report.json").is_file()
