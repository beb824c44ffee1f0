from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from made_reports import made_report
from read_back import read_back
from snnfw.errors import SnnfwError
from snnfw.report.reading import read_pictures, read_report
from snnfw.report.saving import readable_json
from snnfw.simulate.settling import Certificate
from snnfw.values import Chart, Curve

NASTY = "=1+1\n<b>[red]$x$"


def written(folder: Path, content: str | bytes) -> Path:
    (folder / "report.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def test_a_report_that_is_read_is_the_one_that_was_written(tmp_path: Path) -> None:
    first, last = made_report().checkpoints
    report = made_report(
        checkpoints=(
            replace(first, scores={"accuracy": math.nan, "IoU/a": math.inf}),
            replace(last, energy_ratio=-math.inf),
        ),
        about={NASTY: {"a/b~c": [1, math.nan], "name": NASTY}},
        exits={1: 4, 2: 6},
        search={"cost": math.inf, "uniform": [[1.0, math.nan]]},
        certificate=Certificate(2, {1: 0.5, 2: 0.0}, 2, 10, 0, 0.0, "float32"),
        measured={"SIN/relu": 0.25},
        charts=(Chart("c", "x", "y", (Curve("a", (1.0,), (math.nan,)),), "bars"),),
        chance=0.1,
    )
    folder = written(tmp_path, readable_json(report.plain()))
    read = read_report(folder)
    assert repr(read) == repr(report)  # NaN is not equal to itself
    assert read_back(folder)["checkpoints"][0]["scores"] == {"accuracy": None, "IoU/a": None}


def test_a_report_from_before_fields_were_added_is_read(tmp_path: Path) -> None:
    plain = made_report(checkpoints=(replace(made_report().checkpoints[0], energy_ratio=math.nan),)).plain()
    for name in ("chance", "charts", "measured", "certificate", "coding"):
        del plain[name]
    del plain["network"]["eight_bit"]
    plain["checkpoints"][0]["energy_ratio"] = None  # and nothing says that it was NaN
    plain["of a later version"] = 1
    read = read_report(written(tmp_path, json.dumps(plain)))
    assert math.isnan(read.checkpoints[0].energy_ratio)
    assert (read.chance, read.network.eight_bit) == (None, None)


def broken(**changes: Any) -> str:
    return json.dumps({**made_report().plain(), **changes})


def at_zero() -> str:
    return broken(checkpoints=[asdict(replace(made_report().checkpoints[0], timestep=0))])


BROKEN: dict[str, tuple[str | bytes, str]] = {
    "nothing": (
        b"",
        "is damaged, it is not JSON (Expecting value: line 1 column 1 (char 0)): copy it again, or run again.",
    ),
    "bytes": (b"\xff\xfe\x00", "is damaged, it is not JSON ("),
    "nesting": (b"[" * 100_000, "is damaged, it is not JSON ("),
    "a list": (b"[]", "holds a list instead of an object: it is no report of snnfw."),
    "no schema": (b"{}", "says no version of its fields (schema is None): it is no report of snnfw."),
    "a newer schema": (
        broken(schema=2),
        "is of schema 2, and this snnfw reads up to 1: update snnfw, or report with the version that wrote it.",
    ),
    "a field that is missing": (
        json.dumps({"schema": 1}),
        "is damaged, or older than any that this snnfw reads: it has no 'headline'. Run again.",
    ),
    "a field of another type": (
        broken(samples="many"),
        "is damaged, or older than any that this snnfw reads: 'samples' is 'many' (input should be a valid integer, "
        "unable to parse string as an integer). Run again.",
    ),
    "a null where none belongs": (broken(headline=None), "'headline' is 'None' (input should be a valid string)"),
    "no checkpoints": (broken(checkpoints=[]), "is damaged: it has no checkpoints. Run again."),
    "a checkpoint at no time": (at_zero(), "is damaged: a checkpoint is before the first timestep. Run again."),
    "no samples": (broken(samples=0), "is damaged: it is of 0 samples. Run again."),
    "a certificate of nothing": (
        broken(certificate=asdict(Certificate(1, {}, None, 1, 0, 0.0, "float32"))),
        "is damaged: its certificate has no timestep. Run again.",
    ),
    "a curve of two lengths": (
        broken(charts=[asdict(Chart("", "", "", (Curve("", (1.0,), ()),)))]),
        "is damaged: a curve has more places than values. Run again.",
    ),
    "versions that are none": (
        broken(about={"versions": [1]}),
        "is damaged: 'about.versions' is no object. Run again.",
    ),
    "what is not finite, wrongly": (
        broken(nonfinite={"/seconds": "big"}),
        "'nonfinite' holds something else than nan,",
    ),
    "what is not finite, elsewhere": (broken(nonfinite={"/nowhere/1": "nan"}), "names /nowhere/1, which is not there."),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_what_is_no_report_is_refused_in_a_sentence(tmp_path: Path, fault: str) -> None:
    content, said = BROKEN[fault]
    with pytest.raises(SnnfwError) as error:
        read_report(written(tmp_path, content))
    assert said in str(error.value)
    assert "report.json" in str(error.value)


def test_a_folder_without_a_report_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(
        SnnfwError, match=r"name the folder of a run, which holds a report.json. This one holds notes.txt"
    ):
        read_report(tmp_path)
    with pytest.raises(SnnfwError, match=r"there is no folder '.*nowhere'; name that of a run"):
        read_report(tmp_path / "nowhere")
    with pytest.raises(SnnfwError, match=r"notes.txt' is a file; name the folder that holds it"):
        read_report(tmp_path / "notes.txt")


def test_the_pictures_of_a_folder_are_read_and_nothing_else(tmp_path: Path) -> None:
    for name in ("pictures/a.png", "search/b.png", "search/recipes/c.yaml", "other/d.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"\x89PNG")
    (tmp_path / "pictures" / "z.png").symlink_to(tmp_path / "other" / "d.png")  # it might be anything
    assert list(read_pictures(tmp_path)) == ["pictures/a.png", "search/b.png"]


def test_nothing_that_a_terminal_obeys_comes_in(tmp_path: Path) -> None:
    report = made_report(about={"\x1b[2J": ["\x1b]0;title\x07", "a\tb\nc"]}, energy_model="\x9b31m")
    read = read_report(written(tmp_path, readable_json(report.plain())))
    assert read.about["\\x1b[2J"] == ["\\x1b]0;title\\x07", "a\tb\nc"]
    assert read.energy_model == "\\x9b31m"
