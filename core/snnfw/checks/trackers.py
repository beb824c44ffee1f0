"""Hold a tracker against its contract: it logs a small run, and a comparison, in a folder that is gone afterwards."""

from __future__ import annotations

import contextlib
import io
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from snnfw.checks.faults import NotTriedError, faults_or_failure, pickle_faults
from snnfw.contracts import Tracker
from snnfw.errors import SnnfwError, describe_type
from snnfw.values import Setting, Tracked

NAME = "snnfw-check"
"""What is logged goes by this name, where a tracker's words say that it goes to a server."""


def check_tracker(tracker: Tracker) -> list[str]:
    """Return the faults of a tracker, in sentences; empty when it has none."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch, contextlib.chdir(scratch):
        try:
            tracker.require()
        except SnnfwError as error:
            raise NotTriedError(str(error)) from error
        except Exception as error:  # whatever a stranger's code raises
            return [
                f"require() raises {describe_type(error)}: what could not be logged is an SnnfwError, in a sentence."
            ]
        return [
            *pickle_faults(tracker),
            *faults_or_failure(lambda: _faults(tracker, Path(scratch)), "logging a small run"),
        ]


def _faults(tracker: Tracker, scratch: Path) -> Iterator[str]:
    whole, part = _small_run(scratch / NAME)
    threads = set(threading.enumerate())
    for parts in ((), (part, part)):
        before = {path: path.read_bytes() for path in whole.files}
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            answer: object = tracker.log(whole, parts)
        if not isinstance(answer, str) or not answer:
            yield f"log() returns {describe_type(answer)}: it must return text, where the run is to be seen."
        if said.getvalue():
            yield f"log() prints {said.getvalue().splitlines()[0]!r}: return what there is to say."
        if any(not path.exists() or path.read_bytes() != content for path, content in before.items()):
            yield "log() changes the results in the run's folder."
    if left := [thread for thread in threading.enumerate() if thread not in threads and not thread.daemon]:
        yield f"log() leaves the thread '{left[0].name}' behind, which keeps a program from ending."


def _small_run(folder: Path) -> tuple[Tracked, Tracked]:
    """Return a run whose results are written, and a method that belongs to it, with what is awkward in names."""
    (folder / "pictures").mkdir(parents=True)
    (folder / "report.html").write_text("<p>a small run</p>", encoding="utf-8")
    (folder / "pictures" / "one.png").write_bytes(b"no picture")
    settings: dict[str, Setting] = {
        "task": "classification",
        "neuron.phi": 4,
        "layers.0.match": "*",
        "search": None,
        "save": True,
    }
    points = {1: {"top1": 0.25, "IoU/chair": 0.5, "mAP@50": 0.5}, 4: {"top1": 0.5}}
    tags = {"plugin": "small", "version.snnfw": "0"}
    whole = Tracked(NAME, "run", settings, {"seconds": 0.5}, points, tags, folder=folder)
    return whole, Tracked("a method", "method", settings, {}, points, tags, error="it went wrong")
