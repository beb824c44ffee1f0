"""A folder is one sweep's alone, and one call's at a time."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from made_jobs import made_sweep
from snnfw.errors import SnnfwError
from snnfw.sweeping.folder import FILE, choose_folder, describe_sweep, hold

NOW = datetime(2026, 1, 2, 3, 4, 5)


def test_a_sweep_without_a_folder_makes_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = made_sweep(tmp_path / "x")
    object.__setattr__(config, "out", None)
    assert choose_folder(config, NOW) == Path("runs/20260102-030405-sweep-classification")
    assert not any(tmp_path.iterdir())


def test_its_own_folder_is_taken_again(tmp_path: Path) -> None:
    config = made_sweep(tmp_path / "mine")
    with hold(choose_folder(config, NOW)):
        describe_sweep(tmp_path / "mine", config)
    assert choose_folder(made_sweep(tmp_path / "mine", "launcher=local"), NOW) == tmp_path / "mine"
    assert sorted(each.name for each in (tmp_path / "mine").iterdir()) == [".lock", FILE]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["timesteps=1,2,4"], "timesteps is 1,2 there and 1,2,4 here."),
        (["seed=3"], "seed is not said there and 3 here."),
        (["plugin=rate"], "plugin is rate,signed there and rate here."),
        (["seed=3", "task.limit=8"], "seed is not said there and 3 here; task.limit is not said there and 8 here."),
    ],
)
def test_another_sweep_in_the_folder_is_refused_with_what_differs(
    words: list[str], sentence: str, tmp_path: Path
) -> None:
    tmp_path.joinpath("mine").mkdir()
    describe_sweep(tmp_path / "mine", made_sweep(tmp_path / "mine"))
    with pytest.raises(SnnfwError) as caught:
        choose_folder(made_sweep(tmp_path / "mine", *words), NOW)
    assert str(caught.value) == (
        f"'{tmp_path / 'mine'}' holds another sweep: {sentence} Choose another folder, out=FOLDER."
    )


def test_what_changed_behind_the_same_words_is_said(tmp_path: Path) -> None:
    tmp_path.joinpath("mine").mkdir()
    describe_sweep(tmp_path / "mine", made_sweep(tmp_path / "mine"))
    file = tmp_path / "mine" / FILE
    file.write_text(file.read_text().replace('"seed": 0', '"seed": 9', 1))
    with pytest.raises(SnnfwError, match="seed of rate_timesteps=1 is 9 there and 0 here"):
        choose_folder(made_sweep(tmp_path / "mine"), NOW)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert choose_folder(made_sweep(tmp_path / "mine"), NOW) == tmp_path / "mine"  # an empty one
    (tmp_path / "mine" / "thesis.tex").touch()
    sentence = f"out={tmp_path / 'mine'} exists already and is no sweep: name a folder that does not exist."
    for place in (tmp_path / "mine", tmp_path / "mine" / "thesis.tex"):
        with pytest.raises(SnnfwError) as caught:
            choose_folder(made_sweep(place), NOW)
        assert str(caught.value) == sentence.replace(str(tmp_path / "mine"), str(place))


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"shared": 3, "axes": {}, "jobs": {}}'])
def test_a_damaged_description_is_said(text: str, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / FILE).write_text(text)
    with pytest.raises(SnnfwError, match=r"sweep\.json' is damaged \(.*\): choose another folder, out=FOLDER\.$"):
        choose_folder(made_sweep(tmp_path / "mine"), NOW)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(
            SnnfwError, match=r"^cannot write into '.*/file/mine' \(Not a directory\): choose another folder"
        ),
        hold(tmp_path / "file" / "mine"),
    ):
        pass


HOLDING = """
import sys
from pathlib import Path
from snnfw.sweeping.folder import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_calls_at_once_are_refused_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    other = subprocess.Popen(  # noqa: S603  # our own interpreter
        [sys.executable, "-c", HOLDING, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    with pytest.raises(SnnfwError) as caught, hold(tmp_path):
        pass
    assert str(caught.value).startswith(f"another sweep is running in '{tmp_path}' (process {other.pid} on ")
    other.kill()
    other.communicate()
    with hold(tmp_path):
        pass
    assert [each.name for each in tmp_path.iterdir()] == [".lock"]
