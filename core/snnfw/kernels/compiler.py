"""Compile a C source once, keep it in the user's cache, and load it."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from snnfw.errors import SnnfwError

LOG = logging.getLogger("snnfw")

FLAGS = (
    "-O3",
    "-march=native",
    "-std=gnu11",
    "-fopenmp",
    "-fPIC",
    "-ffp-contract=off",  # a fused multiply-add would round once where the reference rounds twice
    "-fno-math-errno",
    "-fno-trapping-math",
)


class CompilerMissing(SnnfwError):
    """There is no compiler, or it fails."""


def load(source: str) -> ctypes.CDLL:
    """Return the library compiled from a source, from the cache where it is there and whole.

    Safe when two processes start at once: each compiles into a file of its own and renames it.
    """
    compiler = find_compiler()
    key = hashlib.sha256("\0".join((source, *FLAGS, *compiler, machine())).encode()).hexdigest()[:32]
    cached = cache_folder() / f"{key}.so"
    if _is_whole(cached):
        try:
            return ctypes.CDLL(str(cached))
        except OSError as error:
            LOG.info("snnfw: compiles %s again, the cached library does not load: %s", cached.name, error)
    return _compiled(source, compiler[0], cached)


@functools.cache
def find_compiler() -> tuple[str, str]:
    """Return the C compiler's path and version."""
    wanted = os.environ.get("CC")
    for name in [wanted] if wanted else ["cc", "gcc", "clang"]:
        path = shutil.which(name)
        if path:
            shown = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)  # noqa: S603  # the compiler found above
            if shown.returncode == 0:
                return path, shown.stdout.splitlines()[0]
            raise CompilerMissing(f"the C compiler '{path}' fails: {_first_line(shown.stderr)}")
    raise CompilerMissing(
        f"there is no C compiler{f' {wanted!r} (from CC)' if wanted else ''}: install gcc (apt-get install gcc), or choose "
        "backend=reference."
    )


@functools.cache
def machine() -> str:
    """Return what this processor is, so that a cache shared between machines never serves another one's code."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    features = next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())
    return f"{platform.machine()} {features}"


def cache_folder() -> Path:
    """Return where compiled neurons are kept."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "snnfw" / "native"


def _is_whole(library: Path) -> bool:
    """Tell whether a library is what was written; loading half of one could kill the process."""
    try:
        wanted = library.with_suffix(".sha256").read_text()
        return hashlib.sha256(library.read_bytes()).hexdigest() == wanted
    except OSError:
        return False


def _compiled(source: str, compiler: str, cached: Path) -> ctypes.CDLL:
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.mkdtemp(prefix=".compile-", dir=cached.parent)
        keep = True
    except OSError as error:
        LOG.warning("snnfw: cannot keep compiled neurons in %s (%s), compiles for this run", cached.parent, error)
        scratch, keep = tempfile.mkdtemp(prefix="snnfw-"), False
    try:
        built = Path(scratch) / cached.name
        _run_compiler(source, compiler, built)
        if keep:
            _publish(built, cached)
            built = cached
        return ctypes.CDLL(str(built))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _run_compiler(source: str, compiler: str, built: Path) -> None:
    """Compile with OpenMP but link without it: torch has loaded a runtime already, and two would fight for the cores."""
    text, thing = built.with_suffix(".c"), built.with_suffix(".o")
    text.write_text(source)
    for command in (
        [compiler, *FLAGS, "-c", str(text), "-o", str(thing)],
        [compiler, "-shared", str(thing), "-lm", "-o", str(built)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # the compiler found above
        if done.returncode:
            raise CompilerMissing(f"the C compiler '{compiler}' fails on a neuron: {_first_line(done.stderr)}")


def _publish(built: Path, cached: Path) -> None:
    checksum = built.with_suffix(".sha256")
    checksum.write_text(hashlib.sha256(built.read_bytes()).hexdigest())
    built.replace(cached)
    checksum.replace(cached.with_suffix(".sha256"))


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line), lines[0] if lines else "no message") + "."
