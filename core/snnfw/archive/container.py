"""The zip that holds a network: two members, stored as they are, each believed only as far as it has been checked."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from snnfw.errors import SnnfwError

HEADER, TENSORS = "header.json", "tensors.safetensors"
MEMBERS = (HEADER, TENSORS)
LONGEST_HEADER = 64 * 2**20
"""Bytes that a header may have; one of a network with ten thousand operators has four million."""

FORMAT, SCHEMA = "snnfw network", 1
"""What the file is, and the version of how; a field may be added within a version, none changes its meaning."""

STARTED = (1980, 1, 1, 0, 0, 0)
"""The time of every member, so that equal networks make equal files."""


def pack(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> bytes:
    """Return the file of a header and tensors, each of which gets memory of its own on the CPU."""
    stored = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    written = {"format": FORMAT, "schema": SCHEMA, **header}
    members = {
        HEADER: json.dumps(written, allow_nan=False, ensure_ascii=False).encode(),
        TENSORS: safetensors.torch.save(stored),
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in MEMBERS:
            archive.writestr(zipfile.ZipInfo(name, STARTED), members[name])
    return target.getvalue()


def unpack(source: Path | bytes) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the header and the tensors of a file."""
    with _opened(source) as archive:
        header = _read_header(archive)
        return header, safetensors.torch.load(archive.read(TENSORS))


def unpack_header(source: Path | bytes) -> dict[str, Any]:
    """Return the header alone; no tensor is read."""
    with _opened(source) as archive:
        return _read_header(archive)


@contextmanager
def _opened(source: Path | bytes) -> Iterator[zipfile.ZipFile]:
    """Yield the zip, its members checked."""
    with (
        io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file,
        zipfile.ZipFile(file) as zipped,
    ):
        _check_members(zipped, file.seek(0, io.SEEK_END))
        yield zipped


def _check_members(archive: zipfile.ZipFile, length: int) -> None:
    """Refuse other members than ``MEMBERS``, and sizes that the file itself does not have."""
    infos = archive.infolist()
    if sorted(info.filename for info in infos) != sorted(MEMBERS):
        raise SnnfwError(f"it holds other members than {' and '.join(MEMBERS)}.")
    for info in infos:
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size or info.flag_bits & 0x1:
            raise SnnfwError(f"its member {info.filename} is compressed or encrypted.")
        if info.file_size > length:
            raise SnnfwError(f"its member {info.filename} claims more bytes than the file has.")
    header = archive.getinfo(HEADER).file_size
    if header > LONGEST_HEADER:
        raise SnnfwError(f"its header has {header} bytes, and {LONGEST_HEADER} are allowed.")


def _read_header(archive: zipfile.ZipFile) -> dict[str, Any]:
    header = json.loads(archive.read(HEADER))
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise SnnfwError("it does not say that it is a network of snnfw.")
    if header.get("schema") != SCHEMA:
        wrote = header.get("about", {}).get("versions", {}).get("snnfw", "which it does not say")
        raise SnnfwError(
            f"its schema is {header.get('schema')!r} and this version reads {SCHEMA}: open it with the version of "
            f"snnfw that wrote it ({str(wrote)[:40]}), or a newer one."
        )
    return header
