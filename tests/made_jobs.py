"""Jobs that are done at once: each leaves a made report, fails, or is killed, by its words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from made_reports import made_report
from snnfw.config.sweep import SweepConfig, resolve_sweep
from snnfw.registry import Registry
from snnfw.report.saving import readable_json
from snnfw.sweeping.jobs import Job
from snnfw.sweeping.status import RUN, Status, write_status

WORDS = ["task=classification", "model=digits-vgg", "plugin=rate,signed", "timesteps=1,2"]


def made_sweep(out: Path, *words: str, base: list[str] = WORDS) -> SweepConfig:
    return resolve_sweep([*base, *words, f"out={out}"], Registry())


def leave_report(folder: Path, words: tuple[str, ...], **values: Any) -> None:
    config = dict(word.partition("=")[::2] for word in words)
    about = {"task": config.get("task"), "config": {"data": {"name": config.get("data", "digits")}, **config}}
    (folder / RUN).mkdir(parents=True)
    (folder / RUN / "report.json").write_text(readable_json(made_report(about=about, **values).plain()))


def finish(job: Job) -> Status:
    """Stand in for a job that ends well."""
    leave_report(Path(job.folder), job.words)
    status = Status("done", seconds=2.0)
    write_status(Path(job.folder), status)
    return status
