from __future__ import annotations

import logging
import os
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from snnfw.simulate.store import FingerprintError, Store, fingerprint, source_of
from snnfw_plugins.adafire import AdaFire

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


@dataclass(frozen=True)
class Scale:
    """A factor."""

    by: float

    def times(self, value: float) -> float:
        return self.by * value


def scaled(by: float) -> Callable[[float], float]:
    return lambda value: by * value


DIFFERENT: dict[str, tuple[Any, Any]] = {
    "a float by one bit": (0.3, 0.1 + 0.2),
    "zero's sign": (0.0, -0.0),
    "one and true": (1, True),
    "a number and its text": (1, "1"),
    "a tensor's type": (torch.zeros(2), torch.zeros(1, dtype=torch.float64)),
    "a tensor's shape": (torch.zeros(2, 3), torch.zeros(3, 2)),
    "a tensor by one bit": (torch.tensor(0.3), torch.tensor(0.3).nextafter(torch.tensor(1.0))),
    "nesting": ([[1], 2], [[1, 2]]),
    "the end of a word": (["ab", "c"], ["a", "bc"]),
    "a method's parameter": (AdaFire(phi=1), AdaFire(phi=2)),
    "a name": ({"a": 1}, {"b": 1}),
    "a bound argument": (partial(int, base=2), partial(int, base=3)),
    "functions": (fingerprint, files),
    "functions without a name": (
        lambda x: x,
        lambda x: -x,
    ),
    "what a function has captured": (scaled(1.0), scaled(2.0)),
    "whose method": (Scale(1.0).times, Scale(2.0).times),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_values_have_different_fingerprints(name: str) -> None:
    one, other = DIFFERENT[name]
    assert fingerprint(one) != fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2.5}, {"b": 2.5, "a": 1}),
        (AdaFire(phi=3), AdaFire(phi=3)),
        (scaled(2.0), scaled(2.0)),
        (Scale(2.0).times, Scale(2.0).times),
        (torch.arange(6.0).reshape(2, 3), torch.arange(6.0).reshape(3, 2).reshape(2, 3)),
        (torch.ones(2, 3, 4, 4), torch.ones(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)),
        (torch.tensor([1.5], dtype=torch.bfloat16), torch.tensor([1.5], dtype=torch.bfloat16)),
    ],
)
def test_equal_values_have_equal_fingerprints(one: Any, other: Any) -> None:
    assert fingerprint(one) == fingerprint(other)


def test_what_cannot_be_told_from_others_has_no_fingerprint() -> None:
    with pytest.raises(FingerprintError, match=r"^a object has no fields to tell it by$"):
        fingerprint({"value": object()})


def test_methods_of_different_packages_have_different_sources() -> None:
    assert source_of("snnfw.contracts") == source_of("snnfw.simulate.store")
    assert source_of("snnfw.contracts") != source_of("snnfw_plugins.adafire")
