from __future__ import annotations

import errno
from pathlib import Path

import pytest

from snnfw.errors import SnnfwError
from snnfw.files import write_file, write_folder


def full(path: Path, content: str | bytes, encoding: str | None = None) -> int:
    """Write the beginning of a file, as a disk does that is full."""
    with path.open("wb") as half:
        half.write(content[:1] if isinstance(content, bytes) else content[:1].encode(encoding or "utf-8"))
    raise OSError(errno.ENOSPC, "No space left on device")


def test_all_files_appear_at_once(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "deep" / "run", {"a.txt": "one\n", "b.txt": "zwö\n"})
    assert folder == tmp_path / "deep" / "run"
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == {
        "a.txt": "one\n",
        "b.txt": "zwö\n",
    }
    assert [path.name for path in folder.parent.iterdir()] == ["run"]


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write_folder(tmp_path / "run", {"a.txt": "fine", "b.txt": "\udc80"})
    assert list(tmp_path.iterdir()) == []


def test_two_runs_of_the_same_second_get_two_folders(tmp_path: Path) -> None:
    first = write_folder(tmp_path / "run", {"a.txt": "1"})
    second = write_folder(tmp_path / "run", {"a.txt": "2"})
    assert (first.name, second.name) == ("run", "run-2")
    assert (first / "a.txt").read_text() == "1"


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        SnnfwError, match="^cannot write results beside '.*' \\(.*\\): choose another folder, out=FOLDER\\.$"
    ):
        write_folder(tmp_path / "file" / "run", {"a.txt": ""})


def test_a_full_disk_names_the_folder_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(SnnfwError) as caught:
        write_folder(tmp_path / "run", {"a.txt": "1"})
    assert str(caught.value) == (
        f"cannot write the folder '{tmp_path / 'run'}' (No space left on device): make room, or choose another "
        "folder, out=FOLDER."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_written_whole_or_left_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "training.json"
    write_file(path, "first")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(SnnfwError) as caught:
        write_file(path, "second")
    assert str(caught.value) == (
        f"cannot write '{path}' ([Errno 28] No space left on device): make room; what was there is untouched."
    )
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("training.json", "first")]
