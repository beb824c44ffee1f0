"""Freed memory is kept where the allocator is known and nobody has set it up, and only then."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import snnfw
from snnfw import allocator
from snnfw.allocator import Allocator, advise_large_pages, find_allocator

GLIBC = find_allocator({}).name.startswith("glibc")
needs_glibc = pytest.mark.skipif(not GLIBC, reason="another allocator is used here")

FAULTS = """
import json, resource, torch
import snnfw
kept = snnfw.keep_freed_memory() if {keep} else False
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
make = lambda: torch.ones(2**23)
make()
before = faults()
for _ in range(5):
    make()
print(json.dumps([kept, faults() - before]))
"""


def loaded(**functions: Any) -> SimpleNamespace:
    """Return a C library that has what glibc's allocator is known by, and these functions in its place."""
    return SimpleNamespace(gnu_get_libc_version=lambda: b"2.36", mallopt=lambda *_: 1, **functions)


@needs_glibc
@pytest.mark.parametrize("keep", [True, False])
def test_memory_that_was_freed_is_used_again_without_a_page_fault_where_it_is_kept(keep: bool) -> None:
    done = subprocess.run([sys.executable, "-c", FAULTS.format(keep=keep)], capture_output=True, text=True, check=True)  # noqa: S603  # our own
    kept, faults = json.loads(done.stdout)
    assert kept is keep
    assert (faults < 20) is keep


@needs_glibc
@pytest.mark.parametrize(
    ("variables", "left"),
    [
        ({"HOME": "/", "GLIBC_TUNABLES": "glibc.cpu.x86_ibt=on"}, ""),
        ({"MALLOC_TRIM_THRESHOLD_": "1", "MALLOC_MMAP_THRESHOLD_": "1"},
         "MALLOC_MMAP_THRESHOLD_, MALLOC_TRIM_THRESHOLD_ set it up"),
        ({"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}, "GLIBC_TUNABLES set it up"),
    ],
)  # fmt: skip
def test_what_a_user_has_set_up_is_left(variables: Mapping[str, str], left: str) -> None:
    assert find_allocator(variables).left == left


@pytest.mark.parametrize(
    ("library", "file", "found"),
    [
        (None, "", Allocator("the system's", "only glibc's is known")),
        (SimpleNamespace(mallopt=lambda *_: 1), "", Allocator("the system's", "only glibc's is known")),
        (loaded(), "libjemalloc.so.2", Allocator("libjemalloc.so.2", "it stands before glibc's")),
        (loaded(), "", Allocator("unknown", "it stands before glibc's")),
        (loaded(), "libc.so.6", Allocator("glibc 2.36")),
        (loaded(), "libc-2.31.so", Allocator("glibc 2.36")),
    ],
)
def test_another_allocator_is_left(monkeypatch: pytest.MonkeyPatch, library: Any, file: str, found: Allocator) -> None:
    if library is not None and hasattr(library, "gnu_get_libc_version"):
        library.gnu_get_libc_version = _Function(library.gnu_get_libc_version)
    monkeypatch.setattr(allocator, "_library", lambda: library)
    monkeypatch.setattr(allocator, "_file_of", lambda *_: file)
    assert find_allocator({}) == found
    if found.left:
        assert not snnfw.keep_freed_memory()


class _Function:
    """A function of a C library, whose types may be set."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def __call__(self, *values: Any) -> Any:
        return self.function(*values)


def test_room_is_halved_until_the_system_gives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    advised: list[tuple[int, int]] = []

    def malloc(size: int) -> int | None:
        asked.append(size)
        return 4096 if size <= allocator.ROOM // 4 else None

    library = SimpleNamespace(malloc=_Function(malloc), free=_Function(lambda _: None))
    monkeypatch.setattr(allocator, "advise_large_pages", lambda *range_: advised.append(range_))
    allocator._make_room(library)
    assert asked == [allocator.ROOM, allocator.ROOM // 2, allocator.ROOM // 4]
    assert advised == [(4096, 4096 + allocator.ROOM // 4)]


def test_room_that_nobody_gives_is_done_without() -> None:
    allocator._make_room(SimpleNamespace(malloc=_Function(lambda _: None), free=_Function(lambda _: None)))


def test_a_system_without_advice_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator, "_library", lambda: None)
    assert not advise_large_pages(0, 4 * allocator.PAGE)


@pytest.mark.parametrize(("words", "kept"), [(None, 1), (["--version"], 0)])
def test_the_command_keeps_it_and_a_call_of_it_does_not(
    monkeypatch: pytest.MonkeyPatch, words: list[str] | None, kept: int
) -> None:
    from snnfw.cli import entry

    calls: list[bool] = []
    monkeypatch.setattr(entry, "keep_freed_memory", lambda: calls.append(True))
    monkeypatch.setattr(sys, "argv", [str(Path("snnfw")), "--version"])
    assert entry.main(words) == 0
    assert len(calls) == kept
