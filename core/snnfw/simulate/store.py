"""Keep what was measured in files of their own, by what it was measured of."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import torch
from torch import Tensor

LOG = logging.getLogger("snnfw")


class FingerprintError(TypeError):
    """There is a value of which it is not known what it is made of."""


class Store:
    """A folder with one file for each value, which several processes may read and write at once.

    A file is written beside its place and renamed, and starts with a checksum: what is there is whole, or is taken for
    missing. Where nothing can be written, a warning says so once and nothing more is kept; ``None`` keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def load(self, key: str) -> Any:
        """Return the value of a key, as JSON holds it; None where there is none, or a damaged one."""
        if self.folder is None:
            return None
        path = _path(self.folder, key)
        try:
            checksum, _, text = path.read_bytes().partition(b"\n")
        except OSError:
            return None
        if hashlib.sha256(text).hexdigest().encode() != checksum:
            LOG.info("snnfw: measures again what %s holds, the file is damaged", path)
            return None
        return json.loads(text)

    def save(self, key: str, value: Any) -> None:
        """Keep a value; floats are written so that they come back exactly."""
        if self.folder is None:
            return
        text = json.dumps(value, sort_keys=True, allow_nan=False).encode()
        content = hashlib.sha256(text).hexdigest().encode() + b"\n" + text
        try:
            _replace(_path(self.folder, key), content)
        except OSError as error:
            LOG.warning(
                "snnfw: measurements are not kept in %s (%s): a search that is stopped starts over",
                self.folder,
                error.strerror or error,
            )
            self.folder = None


def _path(folder: Path, key: str) -> Path:
    return folder / key[:2] / f"{key}.json"


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that everybody sees either the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def fingerprint(*values: Any) -> str:
    """Return a key that only equal values share: tensors and floats go in by their bytes, methods by their fields.

    Raises:
        FingerprintError: there is a value of which it is not known what it is made of.

    """
    digest = hashlib.sha256()
    for part in _parts(values):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


@functools.cache
def source_of(module: str) -> str:
    """Return a key of the Python files of the package that a module belongs to, or of its one file."""
    top = sys.modules.get(module.partition(".")[0])
    folders = [Path(folder) for folder in getattr(top, "__path__", ())]
    alone = getattr(sys.modules.get(module), "__file__", None)
    files = [path for folder in folders for path in folder.rglob("*.py")] or ([Path(alone)] if alone else [])
    return fingerprint([path.read_bytes() for path in sorted(files)])


def _parts(value: Any) -> Iterator[bytes]:
    """Yield what kind of value it is, and what it holds, piece by piece."""
    yield f"{type(value).__module__}.{type(value).__qualname__}".encode()
    if value is None or isinstance(value, bool | int | str | Path | torch.dtype | torch.device):
        yield str(value).encode()
    elif isinstance(value, bytes):
        yield value
    elif isinstance(value, float):
        yield value.hex().encode()
    elif isinstance(value, Tensor):
        yield f"{value.dtype} {list(value.shape)}".encode()
        yield value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    else:
        held = _held(value)
        yield str(len(held)).encode()
        for item in held:
            yield from _parts(item)


def _held(value: Any) -> Sequence[Any]:
    """Return what a value is made of."""
    if isinstance(value, Mapping):
        return sorted(value.items(), key=lambda item: str(item[0]))
    if isinstance(value, Sequence):
        return value
    if isinstance(value, Set):
        return sorted(value, key=str)
    if isinstance(value, FunctionType):
        captured = [cell.cell_contents for cell in value.__closure__ or ()]
        return value.__module__, value.__code__.co_firstlineno, source_of(value.__module__), captured
    if isinstance(value, BuiltinFunctionType | type):
        return str(value.__module__), value.__qualname__
    if isinstance(value, MethodType):
        return value.__func__, value.__self__
    if isinstance(value, functools.partial):
        return value.func, value.args, value.keywords
    if is_dataclass(value):
        return [(field.name, getattr(value, field.name)) for field in fields(value)]
    raise FingerprintError(f"a {type(value).__qualname__} has no fields to tell it by")
