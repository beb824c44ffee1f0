"""Compile a C source once, keep it in the user's cache, and load it."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import logging
import os
import platform
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from snnfw.errors import SnnfwError
from snnfw.files import cache_folder, replace_file, write_file

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


LINKS = ("-shared", "-lm")


class CompilerMissing(SnnfwError):  # noqa: N818  # named for what is wrong with the machine
    """There is no compiler, or it fails, or what it makes does not load."""


def load_library(source: str) -> ctypes.CDLL:
    """Return the library compiled from a source, from the cache where it is there and whole.

    Safe when two processes start at once: each compiles into a folder of its own and renames the result.

    Raises:
        CompilerMissing: the message says what is missing or what failed.

    """
    import torch  # noqa: F401  # what is compiled here calls the OpenMP runtime that torch has loaded

    command, version = find_compiler()
    key = key_of(source, command, version)
    try:
        cached = cache_folder("native") / f"{key}.so"
        return _from_cache(cached) or _into_cache(source, command, cached)
    except OSError as error:
        _say_once(f"snnfw: cannot keep compiled neurons in the cache ({_first_line(error)}): compiles for this run")
    try:
        with tempfile.TemporaryDirectory(prefix="snnfw-", ignore_cleanup_errors=True) as scratch:
            return ctypes.CDLL(str(_build(source, command, Path(scratch) / f"{key}.so")))
    except OSError as error:
        raise CompilerMissing(
            f"what the C compiler makes does not load ({_first_line(error)}): choose backend=reference."
        ) from error


def key_of(source: str, command: tuple[str, ...], version: str) -> str:
    """Return the name in the cache of what a compiler makes of a source here: everything that changes it is in it."""
    return hashlib.sha256(repr((source, FLAGS, LINKS, command, version, processor_name())).encode()).hexdigest()[:32]


@functools.cache
def find_compiler() -> tuple[tuple[str, ...], str]:
    """Return the C compiler's command, which is ``$CC`` or the first of cc, gcc and clang, and its version."""
    wanted = os.environ.get("CC", "").strip()
    for name, *options in [wanted.split()] if wanted else [["cc"], ["gcc"], ["clang"]]:
        path = shutil.which(name)
        if path:
            command = (path, *options)
            return command, next(iter(_invoke(command, "--version").splitlines()), "of unknown version")
    raise CompilerMissing(
        f"there is no C compiler{f' {wanted!r} (from CC)' if wanted else ''}: install gcc (apt-get install gcc), or "
        "choose backend=reference."
    )


@functools.cache
def processor_name() -> str:
    """Return the processor's features, so that a cache shared between machines never serves another one's code."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    features = next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())
    return f"{platform.machine()} {features}"


def _from_cache(cached: Path) -> ctypes.CDLL | None:
    """Return a library that is there, is what was written (half of one could kill the process), and loads."""
    try:
        wanted = cached.with_suffix(".sha256").read_text()
        content = cached.read_bytes()
    except (OSError, UnicodeDecodeError):
        return None
    if hashlib.sha256(content).hexdigest() != wanted:
        LOG.info("snnfw: compiles %s again, the cached library is damaged", cached.name)
        return None
    try:
        return ctypes.CDLL(str(cached))
    except OSError as error:
        LOG.info("snnfw: compiles %s again, the cached library does not load: %s", cached.name, error)
        return None


def _into_cache(source: str, command: tuple[str, ...], cached: Path) -> ctypes.CDLL:
    with replace_file(cached, refuse=()) as library:
        content = _build(source, command, library).read_bytes()
    write_file(cached.with_suffix(".sha256"), hashlib.sha256(content).hexdigest(), refuse=())
    return ctypes.CDLL(str(cached))


def _build(source: str, command: tuple[str, ...], library: Path) -> Path:
    """Compile with OpenMP but link without it: torch has loaded a runtime, and two would fight for the cores."""
    text, thing = library.with_suffix(".c"), library.with_suffix(".o")
    text.write_text(source)
    _invoke(command, *FLAGS, "-c", str(text), "-o", str(thing))
    _invoke(command, str(thing), *LINKS, "-o", str(library))
    if not library.exists():
        raise CompilerMissing(f"the C compiler '{shlex.join(command)}' makes nothing: choose backend=reference.")
    return library


def _invoke(command: tuple[str, ...], *arguments: str) -> str:
    """Return the compiler's output; in English, where its errors can be told from its warnings."""
    try:
        done = subprocess.run(  # noqa: S603  # the compiler that the user has chosen or installed
            [*command, *arguments], capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
        )
    except OSError as error:
        raise CompilerMissing(_failure(command, _first_line(error))) from error
    if done.returncode:
        raise CompilerMissing(_failure(command, first_error(done.stderr)))
    return done.stdout


def _failure(command: tuple[str, ...], reason: str) -> str:
    return f"the C compiler '{shlex.join(command)}' fails ({reason}): mend it, or choose backend=reference."


def first_error(text: str) -> str:
    """Return the first error that a compiler or CuPy reports, without the place in the code."""
    lines = [line.strip() for line in text.splitlines() if line.strip(" =\t")]
    found = next((re.search(r"error:\s+(\S.*)", line, re.IGNORECASE) for line in lines if "rror: " in line), None)
    return (found[1] if found else lines[0] if lines else "it says nothing").rstrip(".")


def _first_line(error: OSError) -> str:
    return error.strerror or str(error)


@functools.cache
def _say_once(message: str) -> None:
    LOG.warning(message)
