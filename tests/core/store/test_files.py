from __future__ import annotations

import logging
import os
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from snnfw.store.files import Store
from snnfw.store.fingerprint import fingerprint

KEY = fingerprint("key")


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_floats_come_back_exactly(tmp_path: Path) -> None:
    values = {"sensitivity": 0.1 + 0.2, "cost": struct.unpack("d", b"\x01" + 7 * b"\x00")[0], "more": [-0.0, 1e300]}
    Store(tmp_path).save(KEY, values)
    found = Store(tmp_path).load(KEY)
    assert found == values
    assert str(found["more"][0]) == "-0.0"


def test_what_was_never_kept_is_not_there(tmp_path: Path) -> None:
    assert Store(tmp_path / "nowhere").load(KEY) is None


@pytest.mark.parametrize("damage", [lambda c: c[: len(c) // 2], lambda c: c.replace(b"1", b"2"), lambda c: b""])
def test_a_damaged_file_is_logged_and_taken_for_missing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Any
) -> None:
    store = Store(tmp_path)
    store.save(KEY, {"cost": 1.5})
    (path,) = files(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    with caplog.at_level(logging.INFO, "snnfw"):
        assert store.load(KEY) is None
    assert caplog.messages == [f"snnfw: measures again what {path} holds, the file is damaged"]
    store.save(KEY, {"cost": 1.5})
    assert store.load(KEY) == {"cost": 1.5}


def test_where_nothing_can_be_written_a_warning_says_so_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = tmp_path / "a file"
    place.write_text("in the way")
    store = Store(place)
    for number in range(3):
        store.save(fingerprint(number), number)
    assert caplog.messages == [
        f"snnfw: measurements are not kept in {place} (Not a directory): a search that is stopped starts over"
    ]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    store.save(KEY, "old")

    def interrupted(source: object, target: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.save(KEY, "new")
    assert len(files(tmp_path)) == 1
    assert store.load(KEY) == "old"


def test_a_store_without_a_folder_keeps_nothing() -> None:
    store = Store(None)
    store.save(KEY, 1)
    assert store.load(KEY) is None


def test_writers_and_readers_share_a_folder(tmp_path: Path) -> None:
    values = [{"number": number, "padding": "x" * 10_000} for number in range(40)]
    keys = [fingerprint(number) for number in range(len(values))]

    def write(_: int) -> None:
        for key, value in zip(keys, values, strict=True):
            Store(tmp_path).save(key, value)

    with ThreadPoolExecutor() as writers:
        running = [writers.submit(write, writer) for writer in range(3)]
        while not all(writing.done() for writing in running):
            for key, value in zip(keys, values, strict=True):
                assert Store(tmp_path).load(key) in (None, value)
        for writing in running:
            writing.result()
    assert [Store(tmp_path).load(key) for key in keys] == values
    assert len(files(tmp_path)) == len(keys)
