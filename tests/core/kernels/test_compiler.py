"""Compiling: once, from a cache that may be damaged, shared or not there, with a compiler that may fail."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from snnfw.errors import SnnfwError
from snnfw.kernels import compiler
from snnfw.kernels.body import Kernel, KernelBody
from snnfw.kernels.choice import choose_backend
from snnfw.kernels.compiler import CompilerMissing, find_compiler, load_library
from snnfw.values import SiteStats
from snnfw_plugins.integrate_and_fire.node import SPIKE, SoftResetNeuron

pytestmark = pytest.mark.usefixtures("forgetful")

SOURCE = "int run(void) { return 42; }\n"

Compilers = Callable[[str], Path]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "snnfw" / "native"


@pytest.fixture
def as_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compilers:
    """Make a shell script the compiler; $REAL in it is the real one."""

    def take(script: str) -> Path:
        path = tmp_path / "fake-cc"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("CC", str(path))
        find_compiler.cache_clear()
        return path

    return take


@pytest.fixture
def count(c_compiler: tuple[str, ...], as_compiler: Compilers, tmp_path: Path) -> Callable[[], int]:
    """Count how often something is compiled: each time takes two calls, and the first one of all asks for the version."""
    calls = tmp_path / "calls"
    as_compiler(f'case "$*" in *" -c "*) echo >> {calls};; esac\nexec {" ".join(c_compiler)} "$@"')
    return lambda: len(calls.read_text().splitlines()) if calls.exists() else 0


def files(folder: Path) -> list[str]:
    return sorted(re.sub("[0-9a-f]{32}", "KEY", path.name) for path in folder.iterdir())


def test_a_source_is_compiled_once(folder: Path, count: Callable[[], int]) -> None:
    assert load_library(SOURCE).run() == 42
    assert load_library(SOURCE).run() == 42
    assert count() == 1
    assert files(folder) == ["KEY.sha256", "KEY.so"]


def test_another_source_is_another_library(folder: Path, count: Callable[[], int]) -> None:
    assert [load_library(SOURCE).run(), load_library(SOURCE.replace("42", "43")).run()] == [42, 43]
    assert count() == 2


def truncate(library: Path) -> None:
    library.write_bytes(library.read_bytes()[:1000])


def flip_a_bit(library: Path) -> None:
    content = bytearray(library.read_bytes())
    content[len(content) // 2] ^= 1
    library.write_bytes(content)


def empty(library: Path) -> None:
    library.write_bytes(b"")


def lose_the_checksum(library: Path) -> None:
    library.with_suffix(".sha256").unlink()


def spoil_the_checksum(library: Path) -> None:
    library.with_suffix(".sha256").write_bytes(b"\xff\xfe")


@pytest.mark.parametrize("damage", [truncate, flip_a_bit, empty, lose_the_checksum, spoil_the_checksum])
def test_a_damaged_library_is_compiled_again(
    damage: Callable[[Path], None], folder: Path, count: Callable[[], int]
) -> None:
    load_library(SOURCE)
    (library,) = folder.glob("*.so")
    content = library.read_bytes()
    library.unlink()  # the loaded one: writing to it would change this process's memory
    library.write_bytes(content)
    damage(library)
    assert load_library(SOURCE).run() == 42
    assert count() == 2
    assert load_library(SOURCE).run() == 42
    assert count() == 2, "the damage is mended"


def test_a_library_that_does_not_load_is_compiled_again(
    folder: Path,
    count: Callable[[], int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    load_library(SOURCE)
    (library,) = folder.glob("*.so")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))  # what is loaded already would not be loaded again
    other = tmp_path / "other" / "snnfw" / "native" / library.name
    other.parent.mkdir(parents=True)
    other.write_text("not a library")
    other.with_suffix(".sha256").write_text(hashlib.sha256(b"not a library").hexdigest())
    with caplog.at_level(logging.INFO, "snnfw"):
        assert load_library(SOURCE).run() == 42
    assert count() == 2
    (message,) = caplog.messages
    assert message.startswith(f"snnfw: compiles {library.name} again, the cached library does not load: ")


@pytest.mark.usefixtures("c_compiler")
def test_a_library_of_another_machine_is_left_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "processor_name", lambda: "another machine")
    load_library(SOURCE)
    (theirs,) = folder.glob("*.so")
    theirs.unlink()  # it is loaded, and the process would read what is written to it
    theirs.write_bytes(b"of another machine")
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder.parents[1]))
    assert load_library(SOURCE).run() == 42
    assert theirs.read_bytes() == b"of another machine"
    assert len(list(folder.glob("*.so"))) == 2


def test_everything_that_changes_a_library_is_in_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    command, version = ("/usr/bin/cc",), "cc 1.0"
    found = [
        compiler.key_of(SOURCE, command, version),
        compiler.key_of(SOURCE + " ", command, version),
        compiler.key_of(SOURCE, (*command, "-DANSWER=41"), version),
        compiler.key_of(SOURCE, ("/usr/local/bin/cc",), version),
        compiler.key_of(SOURCE, command, "cc 2.0"),
    ]
    others = {
        "FLAGS": (*compiler.FLAGS, "-g"),
        "LINKS": (*compiler.LINKS, "-lomp"),
        "processor_name": lambda: "another machine",
    }
    for name, value in others.items():
        with monkeypatch.context() as patch:
            patch.setattr(compiler, name, value)
            found.append(compiler.key_of(SOURCE, command, version))
    with monkeypatch.context() as patch:  # one flag more, and one word of the command less
        patch.setattr(compiler, "FLAGS", (*compiler.FLAGS, "/usr/bin/cc"))
        found.append(compiler.key_of(SOURCE, (), version))
    assert len(set(found)) == len(found)


def test_machines_differ_by_what_their_processors_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    for features in ("flags : sse2 avx2", "flags : sse2 avx2 avx512f"):
        monkeypatch.setattr(Path, "read_text", lambda self, text=features: f"processor : 0\n{text}\n")
        compiler.processor_name.cache_clear()
        shown.append(compiler.processor_name())
    assert shown[0] != shown[1]


@pytest.mark.usefixtures("c_compiler")
@pytest.mark.parametrize("place", ["a file", "no home"])
def test_without_a_cache_libraries_are_compiled_for_this_run_and_the_log_says_why(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    if place == "a file":
        (tmp_path / "cache").write_text("in the way")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        reason = "Not a directory"
    else:
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
        reason = "no home"
    assert load_library(SOURCE).run() == 42
    assert load_library(SOURCE.replace("42", "43")).run() == 43
    assert caplog.messages == [f"snnfw: cannot keep compiled neurons in the cache ({reason}): compiles for this run"], (
        "said once"
    )
    assert not list(scratch.iterdir())


@pytest.mark.usefixtures("c_compiler")
@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_cache_is_read_only(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o555)
    try:
        assert load_library(SOURCE).run() == 42
    finally:
        folder.chmod(0o755)
    assert "(Permission denied): compiles for this run" in caplog.text
    assert not list(folder.iterdir())


RACE = """
import sys
from pathlib import Path
import torch
from snnfw.kernels.compiler import find_compiler, load_library, processor_name

find_compiler(), processor_name()
Path(sys.argv[1]).touch()
while not Path(sys.argv[2]).exists():
    pass
print(load_library(sys.argv[3]).run())
"""


@pytest.mark.usefixtures("c_compiler")
def test_two_processes_at_once_both_work_and_leave_one_library(folder: Path, tmp_path: Path) -> None:
    ready = [str(tmp_path / "first"), str(tmp_path / "second")]
    racing = [
        subprocess.Popen([sys.executable, "-c", RACE, *order, SOURCE], stdout=subprocess.PIPE)  # noqa: S603  # this Python
        for order in (ready, ready[::-1])
    ]
    printed = [process.communicate()[0] for process in racing]
    assert printed == [b"42\n", b"42\n"]
    assert files(folder) == ["KEY.sha256", "KEY.so"]


@pytest.mark.usefixtures("c_compiler", "folder")
def test_a_process_that_has_not_imported_torch_finds_its_openmp() -> None:
    program = "from snnfw.kernels.choice import choose_backend; print(choose_backend('native', 'cpu').name)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)  # noqa: S603  # this Python
    assert (done.stdout, done.stderr) == ("native\n", "")


@pytest.mark.usefixtures("folder")
def test_options_may_stand_in_cc(c_compiler: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", f"{c_compiler[0]} -DANSWER=41")
    find_compiler.cache_clear()
    assert load_library("int run(void) { return ANSWER; }").run() == 41


MISSING = "install gcc (apt-get install gcc), or choose backend=reference."


def no_such_compiler(monkeypatch: pytest.MonkeyPatch, as_compiler: Compilers) -> str:
    monkeypatch.setenv("CC", "nonexistent")
    return f"there is no C compiler 'nonexistent' (from CC): {MISSING}"


def empty_path(monkeypatch: pytest.MonkeyPatch, as_compiler: Compilers) -> str:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", "")
    return f"there is no C compiler: {MISSING}"


def fails_at_once(monkeypatch: pytest.MonkeyPatch, as_compiler: Compilers) -> str:
    path = as_compiler("echo 'error: no licence' >&2; exit 1")
    return f"the C compiler '{path}' fails (no licence): mend it, or choose backend=reference."


def fails_on_code(monkeypatch: pytest.MonkeyPatch, as_compiler: Compilers) -> str:
    path = as_compiler(
        'case "$*" in *" -c "*) printf "a.c:1: warning: error-prone\\n/x/a.c:2:3: error: bad option\\n" >&2; exit 1;; esac'
        "\necho fake 1.0"
    )
    return f"the C compiler '{path}' fails (bad option): mend it, or choose backend=reference."


def fails_without_a_word(monkeypatch: pytest.MonkeyPatch, as_compiler: Compilers) -> str:
    path = as_compiler("exit 1")
    return f"the C compiler '{path}' fails (it says nothing): mend it, or choose backend=reference."


def makes_nothing(monkeypatch: pytest.MonkeyPatch, as_compiler: Compilers) -> str:
    path = as_compiler("exit 0")
    return f"the C compiler '{path}' makes nothing: choose backend=reference."


def is_no_program(monkeypatch: pytest.MonkeyPatch, as_compiler: Compilers) -> str:
    path = as_compiler("")
    path.write_bytes(b"\x00\x01")
    return f"the C compiler '{path}' fails (Exec format error): mend it, or choose backend=reference."


def makes_no_library(monkeypatch: pytest.MonkeyPatch, as_compiler: Compilers) -> str:
    as_compiler('case "$*" in *" -o "*) for last in "$@"; do :; done; echo text > "$last";; *) echo fake 1.0;; esac')
    return r"what the C compiler makes does not load \(.*file too short\): choose backend=reference\."


FAILURES = [
    no_such_compiler, empty_path, fails_at_once, fails_on_code, fails_without_a_word, makes_nothing, is_no_program,
]  # fmt: skip


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("fail", FAILURES)
def test_without_a_compiler_that_works_native_is_an_error_and_auto_is_the_reference(
    fail: Callable[[pytest.MonkeyPatch, Compilers], str],
    monkeypatch: pytest.MonkeyPatch,
    as_compiler: Compilers,
    caplog: pytest.LogCaptureFixture,
) -> None:
    message = fail(monkeypatch, as_compiler)
    find_compiler.cache_clear()
    with pytest.raises(SnnfwError, match=f"^{re.escape(message)}$"):
        choose_backend("native", "cpu")
    with caplog.at_level(logging.INFO, "snnfw"):
        chosen = choose_backend("auto", "cpu")
    assert (chosen.name, chosen.reason, chosen.automatic) == ("reference", message, True)
    assert caplog.messages == [f"snnfw: neurons run on backend reference ({message})"]


@pytest.mark.usefixtures("folder")
def test_what_does_not_load_is_an_error(monkeypatch: pytest.MonkeyPatch, as_compiler: Compilers) -> None:
    with pytest.raises(CompilerMissing, match=makes_no_library(monkeypatch, as_compiler)):
        load_library(SOURCE)


@pytest.mark.usefixtures("folder")
def test_a_compiler_that_miscompiles_is_found_out(c_compiler: tuple[str, ...], as_compiler: Compilers) -> None:
    as_compiler(
        f'for a in "$@"; do case "$a" in *.c) sed -i "s/n++/n--/" "$a";; esac; done; exec {" ".join(c_compiler)} "$@"'
    )
    wrong = "what the C compiler makes computes wrong numbers: choose backend=reference."
    with pytest.raises(SnnfwError, match=f"^{re.escape(wrong)}$"):
        choose_backend("native", "cpu")


class Unfinished(SoftResetNeuron):
    """A neuron of somebody else's, whose kernel has a mistake."""

    def kernel(self) -> Kernel:
        body = KernelBody(SPIKE.states, SPIKE.parameters, SPIKE.code + "potential = potental;")
        return Kernel(body, self.parameters_of_kernel())


def test_a_body_that_does_not_compile_is_an_error_under_native(c_compiler: tuple[str, ...]) -> None:
    neuron = Unfinished(SiteStats(torch.tensor(0.5)), 4)
    neuron.backend, neuron.insists = "native", True
    with pytest.raises(SnnfwError) as raised:
        neuron(torch.rand(3, 4))
    assert str(raised.value).startswith(f"the C compiler '{c_compiler[0]}' fails (")
    assert "potental" in str(raised.value)
    assert str(raised.value).endswith("): mend it, or choose backend=reference.")


@pytest.mark.usefixtures("c_compiler")
def test_a_body_that_does_not_compile_falls_back_under_auto(caplog: pytest.LogCaptureFixture) -> None:
    drive, stats = torch.rand(6, 4), SiteStats(torch.tensor(0.5))
    neuron, reference = Unfinished(stats, 4), SoftResetNeuron(stats, 4)
    neuron.backend = "native"
    assert torch.equal(neuron(drive[:3]), reference(drive[:3]))
    assert torch.equal(neuron(drive[3:]), reference(drive[3:]))
    (message,) = caplog.messages
    assert message.startswith("snnfw: Unfinished runs on the reference backend: the C compiler '")
    assert "potental" in message
