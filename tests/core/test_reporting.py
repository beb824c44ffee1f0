from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from made_reports import made_board, made_report
from snnfw.cli import main
from snnfw.errors import SnnfwError
from snnfw.report.leaderboard import Leaderboard
from snnfw.report.reading import read_leaderboard, read_report
from snnfw.report.report import Report
from snnfw.report.saving import leaderboard_files, readable_json, report_files
from snnfw.reporting import rebuild_page, report_runs

PICTURE = b"\x89PNG"
NASTY = "<script>alert(1)</script>"


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def run(folder: Path, config: Mapping[str, Any] | None = None, **values: Any) -> Path:
    """Write the folder of a run with a picture."""
    told = {"model": {"name": "digits-vgg"}, "data": {"name": "digits"}, "seed": 7, **(config or {})}
    report = made_report(
        about={"config": told, **values.pop("about", {})}, pictures={"pictures/seen.png": "seen"}, **values
    )
    return write(folder, {"report.json": readable_json(report.plain()), "pictures/seen.png": PICTURE})


def told(folders: list[Path], **options: Any) -> tuple[str, Path]:
    """Return what is printed in 80 columns, and the page that was written."""
    console = Console(file=io.StringIO(), width=80)
    page = report_runs(folders, console, **options)
    return console.file.getvalue(), page  # type: ignore[attr-defined]  # the StringIO


def test_the_page_of_a_run_is_rebuilt_from_its_folder(tmp_path: Path) -> None:
    folder = run(tmp_path / "run")
    said, page = told([folder])
    report, drawn = read_report(folder), {"pictures/seen.png": PICTURE}
    assert page.read_text() == report_files(report, drawn)["report.html"]
    assert 'alt="seen"' in page.read_text()
    assert said.endswith(f"open {page}\n")
    assert said.startswith("The spiking network reaches accuracy 75.0%")
    assert max(map(len, said.splitlines()[:-1])) <= 80


def test_all_layers_are_shown_where_they_are_asked_for(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", count=30)
    assert [told([folder], full=full)[0].count("act") for full in (False, True)] == [8, 30]


def test_runs_side_by_side_say_what_each_reached_and_where_they_differ(tmp_path: Path) -> None:
    better = tuple(replace(point, scores={"accuracy": 0.9}) for point in made_report().checkpoints)
    one = run(tmp_path / "one", {"exit": {"name": "entropy", "base": 0.5}})
    two = run(tmp_path / "two", {"exit": {"name": "entropy", "base": 0.6}, "seed": 8}, checkpoints=better)
    said, page = told([one, two], out=tmp_path / "side")
    text = page.read_text()
    for sentence in (
        "'two' scores best: accuracy 90.0% after its last timestep.",
        "Of those that end within a point of their network, 'two' is cheapest: 2 µJ.",
        "'two' is within a point soonest: from timestep 1 on.",
    ):
        assert sentence in " ".join(said.split())
        assert sentence.replace("'", "&#39;") in text
    assert re.findall(r"(?m)^(exit.base|seed|exit.name|model.name): (.*)$", said) == [
        ("seed", "one: 7; two: 8"),
        ("exit.base", "one: 0.5; two: 0.6"),
    ]
    assert sorted(path.name for path in page.parent.iterdir()) == ["side-by-side.csv", "side-by-side.html"]
    assert (page.parent / "side-by-side.csv").read_text().count("two,") == 2
    assert max(map(len, said.splitlines()[:-1])) <= 80


def test_rules_that_differ_in_a_parameter_alone_are_told_apart(tmp_path: Path) -> None:
    def layers(phi: int, **more: Any) -> dict[str, Any]:
        return {"layers": [{"match": "*", "neuron": {"name": "adafire", "phi": phi, **more}}]}

    runs = [run(tmp_path / "a", layers(2)), run(tmp_path / "b", layers(4, old=1)), run(tmp_path / "c", layers(2))]
    said, _ = told(runs, out=tmp_path / "side")
    assert "layers.0.neuron.phi: a: 2; b: 4; c: 2" in said
    assert "layers.0.neuron.old: a: -; b: 1; c: -" in said  # of the one in the middle alone


def test_energies_by_other_models_and_other_networks_are_warned_of(tmp_path: Path) -> None:
    other = replace(made_report().network, scores={"accuracy": 0.8})
    said, _ = told([run(tmp_path / "a"), run(tmp_path / "b", energy_model="yan", network=other)], out=tmp_path / "side")
    said = " ".join(said.split())
    assert "! The energies are by different models, and are not to be compared: horowitz, yan." in said
    assert "! The networks themselves score differently: what differs is not the conversion alone." in said


def test_runs_of_one_name_are_told_by_their_paths(tmp_path: Path) -> None:
    said, _ = told([run(tmp_path / "a" / "run"), run(tmp_path / "b" / "run")], out=tmp_path / "side")
    assert "a/run" in re.sub(r"\s", "", said)


def test_names_with_markup_are_shown_as_they_are(tmp_path: Path) -> None:
    nasty = run(tmp_path / "[red]=1+1 & <b>", {"note": NASTY, "model": {"name": NASTY}})
    said, page = told([nasty, run(tmp_path / "plain")], out=tmp_path / "side")
    text = page.read_text()
    assert "<script>alert" not in text
    assert "<b>" not in re.sub(r"<b>[\w.%-]+", "", text)
    assert "[red]=1+1" in said


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "another task": ({"about": {"task": "events"}}, "the task is classification and events"),
    "other data": ({"config": {"data": {"name": "cifar10"}}}, "the data is digits and cifar10"),
    "another split": ({"config": {"data": {"name": "digits", "seed": 3}}}, "the data is digits and digits seed=3"),
    "another metric": ({"headline": "loss"}, "the metric that stands first is accuracy and loss"),
    "fewer samples": ({"samples": 5}, "the number of evaluation samples is 10 and 5"),
}


@pytest.mark.parametrize("other", OTHERS)
def test_runs_that_cannot_be_compared_are_refused(tmp_path: Path, other: str) -> None:
    values, said = OTHERS[other]
    with pytest.raises(SnnfwError) as error:
        told([run(tmp_path / "a"), run(tmp_path / "b", **values)], out=tmp_path / "side")
    assert str(error.value) == (
        f"'a' and 'b' cannot be laid side by side: {said}. Give runs of the same task on the same data."
    )
    assert not (tmp_path / "side").exists()


def test_a_run_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    folder = run(tmp_path / "a")
    with pytest.raises(SnnfwError, match="is given twice: give each run once"):
        told([folder, tmp_path / "b" / ".." / "a"])
    with pytest.raises(SnnfwError, match="30 runs are too many to be laid side by side: give 24 at most"):
        told([tmp_path / str(number) for number in range(30)])


def test_a_comparison_is_rebuilt_and_not_laid_beside_others(tmp_path: Path) -> None:
    board: Leaderboard = made_board()
    folder = write(tmp_path / "compared", leaderboard_files(board))
    assert repr(read_leaderboard(folder)) == repr(board)
    before = (folder / "leaderboard.html").read_text()
    (folder / "leaderboard.html").unlink()
    console = Console(file=io.StringIO(), width=80)
    assert rebuild_page(folder, console).read_text() == before
    with pytest.raises(SnnfwError, match="is the folder of a comparison, which has its runs side by side already"):
        told([run(tmp_path / "a"), folder])


MISTAKES: dict[str, tuple[list[str], str]] = {
    "no folder": ([], "'snnfw report' takes folders of runs: one, whose page is rebuilt, or several"),
    "another option": (["run", "--ful"], "no option named '--ful'. Did you mean '--full'? Options: --full, --help."),
    "a folder that is not there": (["nowhere"], "there is no folder 'nowhere'; name that of a run"),
    "a folder without a report": (["."], "name the folder of a run, which holds a report.json. This one holds run."),
    "out= for one run": (["run", "out=x"], "out=x is for several runs: the page of one is rebuilt in its own folder."),
    "out= that exists": (["run", "copy", "out=run"], "out=run exists already"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], mistake: str
) -> None:
    monkeypatch.chdir(tmp_path)
    run(Path("run"))
    if mistake == "out= that exists":
        run(Path("copy"))
    words, said = MISTAKES[mistake]
    assert main(["report", *words]) == 2
    assert said in capsys.readouterr().err


def test_data_stays_as_it_is(tmp_path: Path) -> None:
    folder = run(tmp_path / "run")
    before = json.loads((folder / "report.json").read_text())
    assert main(["report", str(folder)]) == 0
    assert json.loads((folder / "report.json").read_text()) == before
    assert isinstance(made_report(), Report)
