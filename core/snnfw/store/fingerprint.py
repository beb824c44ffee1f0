"""Make keys of values, such that whatever changes what they do makes another key: data by its bytes, code by itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import torch
from torch import Tensor

from snnfw.store.code import attributes_of, code_of, globals_of, imports_of
from snnfw.store.digest import bytes_of
from snnfw.store.parts import FingerprintError, is_fixed, name_of, parts_of
from snnfw.store.sources import MAIN, Sources, files_of, is_installed, is_library, version_of

NUMBERS = (bool, int, str, Path, torch.dtype, torch.device, torch.layout, torch.memory_format)


class Fingerprints:
    """Keys that only equal values share, for one search: sources are read once, and again in the next one.

    Tensors and floats go in by their bytes, objects by their class and fields, functions and classes by their compiled
    code with its defaults, what it has captured and the globals that it reads, and by the source of their package.
    """

    def __init__(self, sources: Sources | None = None) -> None:
        self.sources = sources or Sources(memory_key)
        self._definitions: dict[int, tuple[Any, bytes]] = {}

    def key(self, *values: Any) -> str:
        """Return the key of some values.

        Raises:
            FingerprintError: there is a value of which it is not known what it is made of.

        """
        return self._digest(values).hex()

    def _digest(self, value: Any) -> bytes:
        digest = hashlib.sha256()
        for part in self._parts(value):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
        return digest.digest()

    def _parts(self, value: Any) -> Iterator[bytes]:
        """Yield what kind of value it is, and what it holds, piece by piece."""
        kind = type(value)
        yield name_of(kind).encode()
        if value is None or isinstance(value, NUMBERS):
            yield str(value).encode()
        elif isinstance(value, bytes):
            yield value
        elif isinstance(value, float):
            yield float(value).hex().encode()
        elif isinstance(value, Tensor):
            yield f"{value.dtype} {list(value.shape)}".encode()
            yield bytes_of(value).numpy().tobytes()
        elif isinstance(value, ModuleType):
            yield self._origin(value.__name__)
        elif isinstance(value, type | FunctionType):
            yield self._definition(value)
        else:
            yield from self._held(value, kind)

    def _held(self, value: Any, kind: type) -> Iterator[bytes]:
        held, ordered = parts_of(value)
        digests = [self._digest(item) for item in held]
        yield self._definition(kind)
        yield str(len(digests)).encode()
        yield from digests if ordered else sorted(digests)

    def _origin(self, module: str) -> bytes:
        """Return the identity of a module: its name, with its version or the key of its sources, if it has any."""
        top = module.partition(".")[0]
        return f"{module} {version_of(top) if is_library(top) else self.sources.of(top)}".encode()

    def _definition(self, value: type | FunctionType) -> bytes:
        """Return the identity of a function or a class; one that comes back to itself is known there by its name."""
        known = self._definitions.get(id(value))
        if known is not None:
            return known[1]
        self._definitions[id(value)] = value, name_of(value).encode()
        try:
            digest = self._defined(value)
        except FingerprintError:
            del self._definitions[id(value)]
            raise
        self._definitions[id(value)] = value, digest
        return digest

    def _defined(self, value: type | FunctionType) -> bytes:
        module = value.__module__ or ""
        named = name_of(value).encode()
        if is_library(module.partition(".")[0]) and not _is_made_here(value):
            return self._digest([named, self._origin(module)])
        in_a_file = _in_a_file(value)
        parts: list[Any] = [named, self._origin(module) if in_a_file else module]
        if isinstance(value, type):
            parts += [self._definition(base) for base in value.__bases__]
            parts += [(name, self._soft(held, in_a_file)) for name, held in attributes_of(value)]
        else:
            parts += [code_of(value.__code__), value.__defaults__, value.__kwdefaults__, *_captured_values(value)]
            parts += [(name, self._read(held, in_a_file)) for name, held in globals_of(value)]
            parts += [self._origin(name) for name in imports_of(value.__code__)]
        return self._digest(parts)

    def _read(self, value: Any, in_a_file: bool) -> bytes:
        """Return the key of a global; of one that may change as the program runs, a cache say, the file's has to do."""
        changes = in_a_file and not is_fixed(value)
        return name_of(type(value)).encode() if changes else self._soft(value, in_a_file)

    def _soft(self, value: Any, in_a_file: bool) -> bytes:
        """Return the key of what a definition holds; where its source is a file, that tells what the value does not."""
        try:
            return self._digest(value)
        except FingerprintError:
            if in_a_file:
                return name_of(type(value)).encode()
            raise

    def memory_key(self, module: ModuleType) -> bytes:
        """Return the key of a module's content in memory."""
        own = {name: held for name, held in vars(module).items() if not name.startswith("__")}
        return self._digest([(name, self._read(own[name], in_a_file=True)) for name in sorted(own)])


class NamedSources(Sources):
    """Sources that are known by their names alone, for what is told by all that it holds."""

    def of(self, module: str) -> str:
        """Return the name."""
        return module


def memory_key(module: ModuleType) -> bytes:
    """Return the key of a module's content in memory, whatever stands in its file."""
    return Fingerprints(NamedSources(memory_key)).memory_key(module)


def fingerprint(*values: Any) -> str:
    """Return the key of some values, everything read anew."""
    return Fingerprints().key(*values)


def _captured_values(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not set yet
            yield None


def _in_a_file(value: type | FunctionType) -> bool:
    """Tell whether a definition can be read in a file: not in a notebook, in ``python -c`` or in ``exec``."""
    if isinstance(value, FunctionType):
        return Path(value.__code__.co_filename).is_file()
    functions = [held for _, held in attributes_of(value) if isinstance(held, FunctionType)]
    top = (value.__module__ or "").partition(".")[0]
    return all(map(_in_a_file, functions)) if functions else top != MAIN and bool(files_of(top))


def _is_made_here(value: type | FunctionType) -> bool:
    """Tell whether a function only bears a library's name, as one that wraps another does."""
    if isinstance(value, type):
        return False
    file = Path(value.__code__.co_filename)
    return not is_installed(file) if file.is_file() else value.__closure__ is not None
