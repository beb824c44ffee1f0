from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recordings import (
    SPEC,
    WRITERS,
    Spec,
    write_bin,
    write_npy,
)
from snnfw_tasks.events.data.files import EVENT, read_aedat2, read_bin, read_dat, read_npy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray


def structured(spec: Spec) -> NDArray[Any]:
    return np.array([tuple(event) for event in spec], dtype=EVENT)


READERS: dict[str, Callable[[Path, str], NDArray[Any]]] = {
    ".aedat": read_aedat2,
    ".bin": read_bin,
    ".dat": read_dat,
    ".npy": read_npy,
}


@pytest.mark.parametrize("suffix", [".aedat", ".bin", ".dat"])
def test_every_format_gives_back_what_was_written(tmp_path: Path, suffix: str) -> None:
    WRITERS[suffix](tmp_path / f"a{suffix}", SPEC)
    assert READERS[suffix](tmp_path / f"a{suffix}", "some").tolist() == structured(SPEC).tolist()


def test_gestures_are_in_milliseconds(tmp_path: Path) -> None:
    write_npy(tmp_path / "a.npy", SPEC)
    assert read_npy(tmp_path / "a.npy", "some")["t"].tolist() == [0, 0, 5000, 5000]


def test_the_clock_of_ncaltech101_overflows(tmp_path: Path) -> None:
    write_bin(tmp_path / "a.bin", [(1, 2, 8000, 1), (0, 240, 0, 0), (3, 4, 10, 0)])
    assert read_bin(tmp_path / "a.bin", "some").tolist() == [(1, 2, 8000, True), (3, 4, 10 + 2**13, False)]


@pytest.mark.parametrize("suffix", READERS)
def test_a_file_without_events_is_read_as_such(tmp_path: Path, suffix: str) -> None:
    WRITERS[suffix](tmp_path / f"a{suffix}", [])
    assert len(READERS[suffix](tmp_path / f"a{suffix}", "some")) == 0
