from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from snnfw_tasks.samples import cache as arrays

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

load_or_make = partial(arrays.load_or_make, kind="events", what="recordings")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    arrays._say_once.cache_clear()
    return tmp_path / "cache" / "snnfw" / "events"


def numbers(value: int = 1) -> dict[str, NDArray[Any]]:
    return {"events": np.full(5, value), "bounds": np.array([0, 5])}


def unwanted() -> dict[str, NDArray[Any]]:
    raise AssertionError("made again")


def test_what_was_made_once_is_read_from_the_cache(cache: Path) -> None:
    load_or_make("key", numbers)
    found = load_or_make("key", unwanted)
    assert {name: array.tolist() for name, array in found.items()} == {"events": [1] * 5, "bounds": [0, 5]}
    assert len(list(cache.iterdir())) == 1


def test_another_key_is_another_file(cache: Path) -> None:
    load_or_make("key", numbers)
    assert load_or_make("another key", lambda: numbers(2))["events"].tolist() == [2] * 5
    assert load_or_make("key", unwanted)["events"].tolist() == [1] * 5


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: b"", lambda content: content[::-1]])
def test_a_damaged_file_is_made_again(
    cache: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[bytes], bytes]
) -> None:
    load_or_make("key", numbers)
    (path,) = cache.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    with caplog.at_level(logging.INFO, "snnfw"):
        assert load_or_make("key", lambda: numbers(2))["events"].tolist() == [2] * 5
    assert caplog.messages == [f"snnfw: generates the recordings again, {path.name} is damaged"]
    assert load_or_make("key", unwanted)["events"].tolist() == [2] * 5


def test_without_a_cache_recordings_are_made_for_this_run_and_the_log_says_why(
    cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.parents[1].write_text("in the way")
    with caplog.at_level(logging.WARNING, "snnfw"):
        for _ in range(2):
            assert load_or_make("key", numbers)["events"].tolist() == [1] * 5
    assert caplog.messages == [
        "snnfw: cannot keep the recordings in the cache (Not a directory): generates them for this run"
    ]


def test_a_write_that_fails_leaves_the_old_file(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_or_make("key", numbers)
    (path,) = cache.iterdir()
    before = path.read_bytes()

    def full(self: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    monkeypatch.setattr(arrays, "_read", lambda *given: None)
    assert load_or_make("key", lambda: numbers(2))["events"].tolist() == [2] * 5
    assert path.read_bytes() == before
    assert list(cache.iterdir()) == [path]
