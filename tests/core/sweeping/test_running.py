"""A sweep runs what is missing, names what failed, and is the same by every launcher."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from made_jobs import finish, made_sweep
from snnfw import cli
from snnfw.errors import SnnfwError
from snnfw.launching import UnreachableError, collect
from snnfw.launching.launcher import Lost
from snnfw.sweeping import running
from snnfw.sweeping.folder import JOBS, hold
from snnfw.sweeping.jobs import Job, run_job
from snnfw.sweeping.running import sweep
from snnfw.sweeping.status import Status, read_status, write_status
from snnfw_plugins.launchers.clusters import Ray


def stand_in(names: list[str]) -> Callable[[Job], Status]:
    """Return what is run in place of a job, which notes its name."""

    def run_at_once(job: Job) -> Status:
        names.append(Path(job.folder).name)
        return finish(job)

    return run_at_once


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let jobs be done at once, without a plan, and return which ones were."""
    names: list[str] = []

    monkeypatch.setattr(running, "run_job", stand_in(names))
    monkeypatch.setattr(running, "require_plans", lambda config, jobs: None)
    return names


def failing(given: list[str], name: str, how: Callable[[Job], Status]) -> Callable[[Job], Status]:
    def run_or_fail(job: Job) -> Status:
        given.append(Path(job.folder).name)
        return how(job) if Path(job.folder).name == name else finish(job)

    return run_or_fail


def states(folder: Path) -> dict[str, str]:
    return {job.name: read_status(job).state for job in sorted((folder / JOBS).iterdir())}


def test_running_it_again_does_nothing(given: list[str], tmp_path: Path) -> None:
    console = Console(record=True, width=150)
    config = made_sweep(tmp_path / "s")
    assert sweep(config, console)
    assert given == [job.name for job in config.jobs]
    text = console.export_text()
    assert f"4 runs on this machine, one after the other, in {tmp_path / 's'}\n" in text
    assert "signed_timesteps=1: done in 2 seconds (3 of 4)\n" in text
    assert sweep(config, console)
    assert len(given) == 4
    assert (
        f"0 runs on this machine, one after the other, in {tmp_path / 's'}, 4 of 4 are there already\n"
        in console.export_text()
    )


def raise_full(job: Job) -> Status:
    raise OSError(28, "No space left on device")


def end_by_signal(job: Job) -> Status:
    status = Status("lost", "it was ended by signal 9 (SIGKILL)")
    write_status(Path(job.folder), status)
    return status


@pytest.mark.parametrize(
    ("how", "state", "reason"),
    [
        (raise_full, "failed", "OSError: [Errno 28] No space left on device."),
        (end_by_signal, "lost", "it was ended by signal 9 (SIGKILL)"),
    ],
)
def test_what_goes_wrong_is_named_and_done_again(
    how: Callable[[Job], Status],
    state: str,
    reason: str,
    given: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    console = Console(record=True, width=200)
    config = made_sweep(tmp_path / "s")
    whole = stand_in(given)
    monkeypatch.setattr(running, "run_job", failing(given, "rate_timesteps=2", how))
    assert not sweep(config, console)
    text = console.export_text()
    assert f"rate_timesteps=2: {state}, {reason} (2 of 4)\n" in text
    assert f"to do what is missing: snnfw sweep {' '.join(config.words)}\n" in text
    assert states(tmp_path / "s") == {
        **dict.fromkeys((job.name for job in config.jobs), "done"),
        "rate_timesteps=2": state,
    }
    monkeypatch.setattr(running, "run_job", whole)
    assert sweep(config, console)
    assert given[4:] == ["rate_timesteps=2"]


def test_a_dead_worker_is_named(given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "launch", lambda *a, **k: (each for each in [(0, Lost("a worker died"))]))
    console = Console(record=True, width=150)
    assert not sweep(made_sweep(tmp_path / "s"), console)
    assert "rate_timesteps=1: lost, a worker died (1 of 4)\n" in console.export_text()
    assert states(tmp_path / "s")["rate_timesteps=1"] == "lost"
    assert states(tmp_path / "s")["signed_timesteps=1"] == "waiting"


def test_ctrl_c_leaves_a_folder_that_goes_on(given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(job: Job) -> Status:
        write_status(Path(job.folder), Status("running", pid=os.getpid()))
        raise KeyboardInterrupt

    whole = stand_in(given)
    monkeypatch.setattr(running, "run_job", failing(given, "signed_timesteps=1", interrupt))
    config = made_sweep(tmp_path / "s")
    with pytest.raises(KeyboardInterrupt):
        sweep(config, Console(quiet=True))
    assert list(states(tmp_path / "s").values()) == ["done", "done", "waiting", "waiting"]
    monkeypatch.setattr(running, "run_job", whole)
    assert sweep(config, Console(quiet=True))
    assert given[3:] == ["signed_timesteps=1", "signed_timesteps=2"]


@pytest.mark.parametrize("stage", ["require_plans", "launch"])
def test_a_sweep_that_never_began_leaves_nothing(
    stage: str, given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*words: Any, **options: Any) -> Any:
        raise UnreachableError("no cluster.")
        yield

    monkeypatch.setattr(running, stage, refuse if stage == "launch" else lambda *given: next(refuse()))
    with pytest.raises(SnnfwError, match=r"^no cluster\.$"):
        sweep(made_sweep(tmp_path / "s"), Console(quiet=True))
    assert not any(tmp_path.iterdir())


def test_two_calls_at_once_are_refused_before_anything_is_loaded(given: list[str], tmp_path: Path) -> None:
    with hold(tmp_path / "s"), pytest.raises(SnnfwError, match="^another sweep is running in "):
        sweep(made_sweep(tmp_path / "s"), Console(quiet=True))  # the first one has written nothing yet
    assert sweep(made_sweep(tmp_path / "t"), Console(quiet=True))
    with hold(tmp_path / "t"), pytest.raises(SnnfwError, match="^another sweep is running in "):
        sweep(made_sweep(tmp_path / "t"), Console(quiet=True))


def test_the_command_ends_with_the_status_of_its_jobs(
    given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["sweep", "task=classification", "plugin=rate,signed", f"out={tmp_path / 's'}"]
    monkeypatch.setattr(running, "run_job", failing(given, "rate", end_by_signal))
    assert cli.main(words) == 1
    monkeypatch.setattr(running, "run_job", finish)
    assert cli.main(words) == 0
    assert cli.main([*words, "--config"]) == 0
    assert "axes:\n  plugin:\n  - rate\n  - signed\n" in capsys.readouterr().out
    assert cli.main([*words, "seed=3"]) == 2
    assert "holds another sweep: seed is not said there and 3 here." in capsys.readouterr().err


def test_jobs_on_ray_are_processes_of_their_own(ray_here: None, tmp_path: Path) -> None:
    jobs = [Job(str(tmp_path / words), (words,), str(tmp_path)) for words in ("--help", "task=nothing")]
    refused, helped = sorted(collect(Ray(), run_job, jobs, seed=None), key=lambda status: status.state)[::-1]
    assert (helped.state, refused.state) == ("done", "failed")
    assert refused.reason.startswith("no task named 'nothing'. Registered: ")
    assert f"$ cd {tmp_path}\n" in (tmp_path / "task=nothing" / "log.txt").read_text()


def test_one_that_was_killed_before_it_began_goes_on(given: list[str], tmp_path: Path) -> None:
    with hold(tmp_path / "s"):
        left = [(file.name, file.read_bytes()) for file in (tmp_path / "s").iterdir()]
    for name, content in left:
        (tmp_path / "s" / name).write_bytes(content)
    assert len(left) == 2
    assert sweep(made_sweep(tmp_path / "s"), Console(quiet=True))


def test_a_folder_that_was_there_stays_when_nothing_begins(
    given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(config: object, jobs: object) -> None:
        raise SnnfwError("no network.")

    (tmp_path / "mine").mkdir()
    monkeypatch.setattr(running, "require_plans", refuse)
    with pytest.raises(SnnfwError, match="no network"):
        sweep(made_sweep(tmp_path / "mine"), Console(quiet=True))
    assert list(tmp_path.iterdir()) == [tmp_path / "mine"]
    assert not any((tmp_path / "mine").iterdir())


def test_a_launcher_that_could_not_launch_is_refused_before_anything_is_loaded(
    given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(config: object, jobs: object) -> None:
        raise AssertionError("loaded")

    monkeypatch.setattr(running, "require_plans", load)
    monkeypatch.setitem(sys.modules, "joblib", None)
    with pytest.raises(UnreachableError):
        sweep(made_sweep(tmp_path / "s", "launcher=local"), Console(quiet=True))
    assert not any(tmp_path.iterdir())
