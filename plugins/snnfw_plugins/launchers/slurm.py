"""Run a function as jobs of Slurm, by Submitit, or by its stand-in on this machine."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import Field

from snnfw import Lost, SnnfwError
from snnfw.launching import UnreachableError, count_cores, share_cores
from snnfw_plugins.launchers.workers import import_library, make_worker, require_fit

Given = TypeVar("Given")
Returned = TypeVar("Returned")

POLLS = {"slurm": 2.0, "local": 0.1}
"""Seconds between two looks at the jobs."""


@dataclass(frozen=True, slots=True)
class Submitit:
    """Run as jobs of Slurm, by Submitit: one for each item, from a folder that all machines see."""

    name: ClassVar[str] = "submitit"
    runs: ClassVar[tuple[str, ...]] = ("setup", "options")

    cluster: Annotated[
        Literal["slurm", "local"], Field(description="slurm, or processes of this machine in its place, to try it")
    ] = "slurm"
    folder: Annotated[Path, Field(description="where jobs, their logs and what comes of them are written")] = Path(
        "runs/submitit"
    )
    workers: Annotated[int | None, Field(ge=1, description="jobs at once; without it, as many as Slurm runs")] = None
    partition: Annotated[str | None, Field(description="the partition; without it, Slurm's default")] = None
    time: Annotated[int, Field(ge=1, description="minutes that a job may take")] = 60
    memory: Annotated[float | None, Field(gt=0, allow_inf_nan=False, description="GiB of memory of a job")] = None
    cpus: Annotated[int, Field(ge=1, description="cores of a job")] = 1
    gpus: Annotated[int, Field(ge=0, description="GPUs of a job")] = 0
    setup: Annotated[tuple[str, ...], Field(description="lines of shell before each job, like module load cuda")] = ()
    options: Annotated[
        dict[str, str | int], Field(description="what else sbatch is told, such as {account: mine, qos: long}")
    ] = field(default_factory=dict)
    wait: Annotated[float, Field(gt=0, allow_inf_nan=False, description="seconds until Slurm has to answer")] = 30

    def require(self) -> None:
        """Refuse to begin without the library, and without a Slurm that answers and has the partition."""
        import_library("submitit")
        if self.cluster == "slurm":
            _require_slurm(self)

    def map(
        self, function: Callable[[Given], Returned], items: Sequence[Given], /
    ) -> Iterator[tuple[int, Returned | Lost]]:
        """Yield what comes of each item."""
        return map_on_slurm(self, function, items)


def map_on_slurm(launcher: Submitit, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """Yield what comes of each item; the folder of this call goes when all jobs ended well, and keeps its logs else."""
    launcher.require()
    submitit = import_library("submitit")
    try:
        launcher.folder.mkdir(parents=True, exist_ok=True)
        folder = Path(mkdtemp(prefix="jobs-", dir=launcher.folder)).resolve()
        file = folder / "function"
        file.write_bytes(pickle.dumps(function))
    except OSError as error:
        raise SnnfwError(
            f"launcher=submitit cannot write into '{launcher.folder}' ({error.strerror or error}): make room, or "
            "choose another folder that all machines see, launcher.folder=FOLDER."
        ) from error

    def fetch() -> bytes:
        return file.read_bytes()

    workers = _at_once(launcher, len(items))
    threads = launcher.cpus if launcher.cluster == "slurm" else share_cores(workers)
    executor = _executor(submitit, launcher, folder)
    lost = False
    for at, outcome in _map(submitit, executor, make_worker(fetch, threads), items, (workers, POLLS[launcher.cluster])):
        lost |= isinstance(outcome, Lost)
        yield at, outcome
    if not lost:
        shutil.rmtree(folder, ignore_errors=True)


def _at_once(launcher: Submitit, items: int) -> int:
    """Return how many jobs are given at once: Slurm queues what it has no room for, this machine does not."""
    return launcher.workers or (items if launcher.cluster == "slurm" else count_cores())


def _require_slurm(launcher: Submitit) -> None:
    """Refuse a machine without Slurm's commands, a Slurm that does not answer, and a partition that there is not."""
    if shutil.which("sbatch") is None or shutil.which("sinfo") is None:
        raise UnreachableError(
            "launcher=submitit finds no Slurm here (no sbatch): run it on a login node, or say launcher.cluster=local "
            "to run on this machine."
        )
    try:
        told = subprocess.run(
            ["sinfo", "--noheader", "--format=%R"],  # noqa: S607  # wherever Slurm is installed
            capture_output=True, text=True, timeout=launcher.wait, check=True,
        )  # fmt: skip
    except (subprocess.SubprocessError, OSError) as error:
        reason = " ".join((getattr(error, "stderr", "") or str(error)).split())
        raise UnreachableError(
            f"launcher=submitit gets no answer from Slurm within {launcher.wait:g} seconds ({reason})."
        ) from error
    partitions = sorted(set(told.stdout.split()))
    if launcher.partition and launcher.partition not in partitions:
        raise SnnfwError(
            f"launcher.partition={launcher.partition} is none of this Slurm's partitions: {', '.join(partitions)}."
        )


def _executor(submitit: Any, launcher: Submitit, folder: Path) -> Any:
    if launcher.cluster == "local":
        executor = submitit.LocalExecutor(folder=folder)
        executor.update_parameters(timeout_min=launcher.time, gpus_per_node=launcher.gpus, setup=list(launcher.setup))
        return executor
    executor = submitit.SlurmExecutor(folder=folder)
    asked = {"partition": launcher.partition, "mem": f"{launcher.memory:g}G" if launcher.memory else None}
    executor.update_parameters(
        job_name="snnfw",
        time=launcher.time,
        cpus_per_task=launcher.cpus,
        setup=list(launcher.setup),
        additional_parameters=dict(launcher.options),
        **({"gpus_per_node": launcher.gpus} if launcher.gpus else {}),
        **{key: value for key, value in asked.items() if value is not None},
    )
    return executor


def _map(
    submitit: Any, executor: Any, work: Callable[[bytes], Any], items: Sequence[Any], pace: tuple[int, float]
) -> Iterator[tuple[int, Any]]:
    workers, poll = pace
    waiting, running = list(enumerate(items)), dict[int, Any]()
    try:
        while waiting or running:
            begun = [waiting.pop(0) for _ in range(min(len(waiting), workers - len(running)))]
            if begun:
                jobs = _submit(executor, work, [item for _, item in begun])
                running.update((at, job) for (at, _), job in zip(begun, jobs, strict=True))
            ended = [at for at, job in running.items() if job.done()]
            for at in ended:
                yield at, _outcome(submitit, running.pop(at))
            if not ended:
                time.sleep(poll)
    finally:
        for job in running.values():
            job.cancel()


def _submit(executor: Any, work: Callable[[bytes], Any], items: Sequence[Any]) -> list[Any]:
    """Give out items as one array of jobs."""
    try:
        with executor.batch():
            return [executor.submit(work, item) for item in items]
    except Exception as error:  # sbatch refuses in submitit's own errors, and the disk in OSErrors
        reason = " ".join(str(error).split())[:300]
        raise SnnfwError(f"launcher=submitit cannot submit jobs: {type(error).__name__}: {reason}") from error


def _outcome(submitit: Any, job: Any) -> Any:
    """Return what a job returned, ``Lost`` where it is gone without a word, and raise what else went wrong."""
    core = submitit.core.utils
    try:
        return require_fit("submitit", job.result())
    except core.FailedJobError as error:
        raise SnnfwError(
            f"launcher=submitit: job {job.job_id} failed: {' '.join(str(error).split())[-300:]}"
        ) from error
    except core.UncompletedJobError:
        return Lost(f"job {job.job_id} ended as {job.state} and left nothing, see {job.paths.stderr}")
