"""Every launcher carries results and exceptions home, says which worker died, and what it lacks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cloudpickle
import pytest

from snnfw.checks.squares import square_or_fail
from snnfw.errors import SnnfwError
from snnfw.launching import Launcher, Lost, Raised, UnreachableError, collect, launch
from snnfw.registry import Registry
from snnfw_plugins.launchers import slurm
from snnfw_plugins.launchers.clusters import Ray
from snnfw_plugins.launchers.processes import Local
from snnfw_plugins.launchers.slurm import Submitit
from snnfw_plugins.launchers.workers import make_worker, require_fit

LAUNCHERS = ["local", "ray", "submitit"]

WORDS = {"local": "SIGKILL", "ray": "WorkerCrashedError", "submitit": "ended as"}
"""What each says of a worker that was killed."""


def test_every_launcher_is_tried() -> None:
    assert sorted(Registry().launchers) == LAUNCHERS


@pytest.fixture(scope="module", params=LAUNCHERS)
def launcher(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Launcher:
    """Return each launcher so that what dies takes nothing else with it."""
    pytest.importorskip({"local": "joblib"}.get(request.param, request.param))
    if request.param == "ray":
        request.getfixturevalue("ray_here")
    made: dict[str, Launcher] = {
        "local": Local(workers=1),
        "ray": Ray(workers=1),
        "submitit": Submitit(cluster="local", folder=tmp_path_factory.mktemp("jobs"), workers=3),
    }
    return made[request.param]


@pytest.fixture(scope="module")
def outcomes(launcher: Launcher) -> dict[int, Any]:
    """Return what came of an item that raises, one that kills its worker, and one that is computed after them."""
    items = [(os.getpid(), number, how) for number, how in enumerate(("raise", "die", "return"))]
    return dict(launch(launcher, square_or_fail, items, seed=None))


def test_results_come_home(outcomes: dict[int, Any]) -> None:
    assert outcomes[2] == 4


def test_exceptions_come_home(outcomes: dict[int, Any]) -> None:
    assert isinstance(outcomes[0], Raised)
    assert type(outcomes[0].error) is ValueError
    assert "in square_or_fail" in outcomes[0].error.__notes__[0]


def test_a_worker_that_dies_is_named(launcher: Launcher, outcomes: dict[int, Any]) -> None:
    assert isinstance(outcomes[1], Lost)
    assert WORDS[launcher.name] in outcomes[1].reason


MODULE = """
from dataclasses import dataclass

import snnfw

@dataclass(frozen=True)
class Doubling:
    amount: int

    def __call__(self, item):
        return Doubling(self.amount * item)

@snnfw.hookimpl
def snnfw_register_launchers():
    return []
"""


def test_what_a_loaded_file_brings_goes_along(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(MODULE)
    Registry(entry_points=False).load_file(file)
    module = next(module for name, module in sys.modules.items() if name.startswith("snnfw_loaded_mine_"))
    found = collect(Local(workers=1), module.Doubling(2), [1, 2], seed=None)
    assert found == [module.Doubling(2), module.Doubling(4)]


@pytest.mark.parametrize(
    ("library", "made"),
    [("joblib", Local()), ("ray", Ray()), ("submitit", Submitit(cluster="local"))],
)
def test_a_library_that_is_missing_is_named(library: str, made: Launcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UnreachableError) as caught:
        collect(made, square_or_fail, [(0, 1, "return")])
    assert str(caught.value).startswith(f"launcher={made.name} needs {library} (")
    assert str(caught.value).endswith(f"): pip install 'snnfw[{made.name}]'.")


def test_a_cluster_that_does_not_answer_is_waited_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    with pytest.raises(
        UnreachableError, match=r"^launcher=ray reaches nothing at 127\.0\.0\.1:9 within 0\.2 seconds \("
    ):
        collect(Ray(address="127.0.0.1:9", wait=0.2), square_or_fail, [(0, 1, "return")])


def test_more_than_a_node_has_is_refused(ray_here: None) -> None:
    with pytest.raises(SnnfwError) as caught:
        collect(Ray(cpus=64, gpus=8), square_or_fail, [(0, 1, "return")])
    assert str(caught.value) == (
        "launcher.cpus=64 launcher.gpus=8 is more than any node of Ray has (2 cores, 0 GPUs): ask for less."
    )


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            None,
            "launcher=submitit finds no Slurm here (no sbatch): run it on a login node, or say launcher.cluster=local",
        ),
        (subprocess.TimeoutExpired("sinfo", 1), "launcher=submitit gets no answer from Slurm within 1 seconds ("),
        (
            SimpleNamespace(stdout="long\nshort\n"),
            "launcher.partition=big is none of this Slurm's partitions: long, short.",
        ),
    ],
)
def test_a_slurm_that_cannot_be_used_is_said(answer: Any, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*words: Any, **options: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("shutil.which", lambda name: name if answer else None)
    monkeypatch.setattr("subprocess.run", run)
    with pytest.raises(SnnfwError) as caught:
        collect(Submitit(partition="big", wait=1), square_or_fail, [(0, 1, "return")])
    assert str(caught.value).startswith(sentence)


def test_what_slurm_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    submitit = pytest.importorskip("submitit")
    monkeypatch.setattr(submitit.SlurmExecutor, "affinity", lambda: 1)
    monkeypatch.setattr("submitit.slurm.slurm.SlurmExecutor.affinity", staticmethod(lambda: 1))
    monkeypatch.setattr("shutil.which", lambda name: name)
    asked = Submitit(
        partition="long", time=90, memory=16, cpus=4, gpus=1, setup=("module load cuda",), options={"qos": "x"}
    )
    made = slurm._executor(submitit, asked, tmp_path)
    assert {key: made.parameters[key] for key in ("partition", "time", "mem", "cpus_per_task", "gpus_per_node")} == {
        "partition": "long",
        "time": 90,
        "mem": "16G",
        "cpus_per_task": 4,
        "gpus_per_node": 1,
    }
    assert made.parameters["setup"] == ["module load cuda"]
    assert made.parameters["additional_parameters"] == {"qos": "x"}


def test_a_folder_that_takes_no_files_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = tmp_path / "taken"
    taken.touch()
    with pytest.raises(SnnfwError, match=rf"^launcher=submitit cannot write into '{taken}' \("):
        collect(Submitit(cluster="local", folder=taken), square_or_fail, [(0, 1, "return")])
    monkeypatch.setattr("tempfile.tempdir", str(taken))
    with pytest.raises(SnnfwError, match="^launcher=local cannot write what processes read"):
        collect(Local(), square_or_fail, [(0, 1, "return")])


WITHOUT = """
import pickle, sys
sys.modules.update(snnfw=None, snnfw_plugins=None)
print(*pickle.load(sys.stdin.buffer)(b""), sep="; ")
"""


def test_a_worker_without_the_framework_is_named() -> None:
    work = make_worker(lambda: b"cnot_there\nnothing\n.", 1)
    told = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", WITHOUT], input=cloudpickle.dumps(work), capture_output=True, check=True
    )
    absent, where, lack = told.stdout.decode().strip().split("; ", 2)
    assert sys.executable in where
    assert lack.startswith("No module named 'snnfw")
    with pytest.raises(
        SnnfwError, match=r"^launcher=ray: the worker on .* cannot read its work \(No module named 'snnfw"
    ):
        require_fit("ray", (absent, where, lack))
    assert require_fit("ray", 3) == 3


def test_a_worker_without_a_plugin_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snnfw.launching.limit_threads", lambda threads: None)
    answer = make_worker(lambda: b"cnot_there\nnothing\n.", 1)(b"")
    with pytest.raises(
        SnnfwError, match=r"cannot read its work \(No module named 'not_there'\): install snnfw and the"
    ):
        require_fit("ray", answer)


CALLER = """
import time
from snnfw_plugins.launchers.processes import Local
import asleep
list(Local(workers=1).map(asleep.tell, [0]))
"""
ASLEEP = """
import os, time
def tell(item):
    print(os.getpid(), flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="processes are looked up in /proc")
def test_processes_of_this_machine_end_with_a_caller_that_is_killed(tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    (tmp_path / "caller.py").write_text(CALLER)
    (tmp_path / "asleep.py").write_text(ASLEEP)
    caller = subprocess.Popen(  # noqa: S603  # our own
        [sys.executable, str(tmp_path / "caller.py")], stdout=subprocess.PIPE, text=True
    )
    assert caller.stdout is not None
    worker = Path("/proc") / caller.stdout.readline().strip()
    caller.kill()
    caller.wait()
    caller.stdout.close()
    until = time.monotonic() + 15
    while _runs(worker) and time.monotonic() < until:
        time.sleep(0.1)
    assert not _runs(worker)


def _runs(process: Path) -> bool:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
