"""See that a file of points is whole: open3d fills what is missing with whatever was in memory, or stops in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw.errors import SnnfwError

if TYPE_CHECKING:
    from pathlib import Path

BYTES = {
    **dict.fromkeys(("char", "uchar", "int8", "uint8"), 1),
    **dict.fromkeys(("short", "ushort", "int16", "uint16"), 2),
    **dict.fromkeys(("int", "uint", "int32", "uint32", "float", "float32"), 4),
    **dict.fromkeys(("double", "float64"), 8),
}
"""Sizes of PLY's types."""

PLAIN = (".xyz", ".xyzn", ".xyzrgb")
"""Formats of a point for each line and nothing else."""


def require_whole(file: Path, read: int) -> None:
    """Raise an SnnfwError if open3d has read fewer points than a file of points promises."""
    promised, lines = _promised(file)
    usable = min(read, lines)
    if 0 < usable < promised:
        raise SnnfwError(f"'{file}' promises {promised} points and {usable} can be read: repair or remove it.")


def require_whole_ply(file: Path) -> None:
    """Raise an SnnfwError if a PLY file ends before what its header promises, each of its faces being a triangle."""
    header, end, body = file.read_bytes().partition(b"end_header")
    lines = [line.split() for line in header.decode("ascii", "replace").splitlines()]
    if not end or lines[:1] != [["ply"]]:
        return  # open3d reads nothing of it
    counts, sizes = _elements(lines)
    if ["format", "ascii", "1.0"] in lines:
        there, wanted = sum(bool(line.strip()) for line in body.splitlines()), sum(counts)
    else:
        there = len(body.partition(b"\n")[2])
        wanted = sum(count * size for count, size in zip(counts, sizes, strict=True))
    if there < wanted:
        raise SnnfwError(f"'{file}' ends before the {sum(counts)} points and faces that it promises: copy it anew.")


def _elements(lines: list[list[str]]) -> tuple[list[int], list[int]]:
    """Return how many of each element there are, and the fewest bytes that each of them takes."""
    counts: list[int] = []
    sizes: list[int] = []
    for words in lines:
        if words[:1] == ["element"] and len(words) == 3 and words[2].isdigit():
            counts.append(int(words[2]))
            sizes.append(0)
        elif words[:1] == ["property"] and sizes:
            sizes[-1] += _least(words)
    return counts, sizes


def _least(words: list[str]) -> int:
    """Return the fewest bytes of a property: of a list its length, and three corners where it is a face's."""
    if words[1:2] != ["list"]:
        return BYTES.get(words[1], 1)
    corners = 3 if words[-1] in ("vertex_indices", "vertex_index") else 0
    return BYTES.get(words[2], 1) + corners * BYTES.get(words[3], 1)


def _promised(file: Path) -> tuple[int, int]:
    """Return how many points there should be and how many lines hold one; nothing is promised in other formats."""
    suffix = file.suffix.lower()
    if suffix not in (".pts", *PLAIN):
        return 0, 0
    lines = [line.strip() for line in file.read_text(encoding="utf-8", errors="replace").splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if suffix == ".pts" and lines and lines[0].isdigit():
        return int(lines[0]), len(lines) - 1
    return len(lines), len(lines)
