"""See that a PLY file is whole: open3d fills what is missing with whatever was in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from snnfw import SnnfwError

if TYPE_CHECKING:
    from pathlib import Path

BYTES = {
    **dict.fromkeys(("char", "uchar", "int8", "uint8"), 1),
    **dict.fromkeys(("short", "ushort", "int16", "uint16"), 2),
    **dict.fromkeys(("int", "uint", "int32", "uint32", "float", "float32"), 4),
    **dict.fromkeys(("double", "float64"), 8),
}
"""Sizes of PLY's types."""

CORNERS = ("vertex_indices", "vertex_index")
"""What the list of a face's corners is called."""


@dataclass(frozen=True, slots=True)
class Element:
    """So many entries, each with these properties: a name, and the size of a value, or of a list's length and item."""

    count: int
    properties: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)

    def scalar(self) -> bool:
        """Tell whether no property is a list."""
        return all(len(sizes) == 1 for _, sizes in self.properties)


def check_ply(file: Path) -> int | None:
    """Return how many triangles the faces of a PLY file make, or raise an SnnfwError if it ends before its promises."""
    header, end, body = file.read_bytes().partition(b"end_header")
    lines = [line.split() for line in header.decode("ascii", "replace").splitlines()]
    if not end or lines[:1] != [["ply"]]:
        return None  # open3d reads nothing of it
    elements = _elements(lines)
    try:
        if ["format", "ascii", "1.0"] in lines:
            return _walk(elements, body.split())
        highest_first = ["format", "binary_big_endian", "1.0"] in lines
        return _walk_bytes(elements, body.partition(b"\n")[2], "big" if highest_first else "little")
    except (IndexError, ValueError) as error:
        promised = sum(element.count for element in elements)
        raise SnnfwError(
            f"'{file}' ends before the {promised} points and faces that it promises: copy it anew."
        ) from error


def _elements(lines: list[list[str]]) -> list[Element]:
    found: list[Element] = []
    for words in lines:
        if words[:1] == ["element"] and len(words) == 3 and words[2].isdigit():
            found.append(Element(int(words[2])))
        elif words[:1] == ["property"] and found:
            types = words[2:4] if words[1:2] == ["list"] else words[1:2]
            found[-1].properties.append((words[-1], tuple(BYTES.get(kind, 1) for kind in types)))
    return found


def _walk(elements: list[Element], words: list[bytes]) -> int:
    """Return the triangles of a body in words, or raise an IndexError where it ends."""
    place = triangles = 0
    for element in elements:
        if element.scalar():
            place += element.count * len(element.properties)
            continue
        for _ in range(element.count):
            for name, sizes in element.properties:
                length = int(words[place]) if len(sizes) > 1 else 0
                place += 1 + length
                triangles += max(0, length - 2) if name in CORNERS else 0
    _require(place, len(words))
    return triangles


def _walk_bytes(elements: list[Element], body: bytes, order: Literal["big", "little"]) -> int:
    """Return the triangles of a binary body, or raise an IndexError where it ends."""
    place = triangles = 0
    for element in elements:
        if element.scalar():
            place += element.count * sum(sizes[0] for _, sizes in element.properties)
            continue
        for _ in range(element.count):
            for name, sizes in element.properties:
                length = int.from_bytes(body[place : place + sizes[0]], order) if len(sizes) > 1 else 0
                place += sizes[0] + length * sizes[-1]
                triangles += max(0, length - 2) if name in CORNERS else 0
            _require(place, len(body))
    _require(place, len(body))
    return triangles


def _require(wanted: int, there: int) -> None:
    if wanted > there:
        raise IndexError(wanted)
