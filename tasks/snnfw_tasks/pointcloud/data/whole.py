"""See that a file of points or faces is whole: open3d fills what is missing, or stops, in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw import SnnfwError
from snnfw_tasks.pointcloud.data.ply import check_ply

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PLAIN = (".xyz", ".xyzn", ".xyzrgb")
"""Formats of a point for each line and nothing else."""


def check_file(file: Path) -> int | None:
    """Return how many triangles the faces of a file make, where it says so of itself.

    Raise an SnnfwError if it ends before what it promises. OBJ promises nothing: only a line that is cut shows.
    """
    checks: dict[str, Callable[[Path], int | None]] = {
        ".ply": check_ply,
        ".off": check_off,
        ".obj": check_obj,
        ".stl": check_stl,
        ".pcd": check_pcd,
    }
    check = checks.get(file.suffix.lower())
    return check(file) if check else None


def require_whole(file: Path, read: int) -> None:
    """Raise an SnnfwError if open3d has read fewer points than a file of points promises."""
    promised, lines = _promised_points(file)
    usable = min(read, lines)
    if usable > 0:
        _require(file, promised, usable, "points")


def check_off(file: Path) -> int | None:
    """Return the triangles of an OFF file: a header, the counts, a line for each point and then for each face.

    Only the last line can be cut; a face that is broken elsewhere is missing in what open3d reads.
    """
    lines = [line for line in file.read_bytes().splitlines() if line.strip() and not line.lstrip().startswith(b"#")]
    _, mark, after = (lines[0] if lines else b"").partition(b"OFF")
    if not mark:
        return None  # open3d reads nothing of it
    counts = after.partition(b"#")[0].split()  # some of ModelNet's files have no line break there
    begin = 1 if counts else 2
    counts = counts or (lines[1].split() if len(lines) > 1 else [])
    if len(counts) < 2 or not all(word.isdigit() for word in counts[:2]):
        return None
    points, faces = (int(word) for word in counts[:2])
    rows = lines[begin : begin + points + faces]
    if rows and not _is_entire(rows[-1].split(), face=len(rows) > points):
        rows.pop()
    _require(file, points, min(points, len(rows)), "points")
    _require(file, faces, len(rows) - points, "faces")
    corners = (row.split(None, 1)[0] for row in rows[points:])
    return sum(max(0, int(count) - 2) for count in corners if count.isdigit())


def _is_entire(words: list[bytes], face: bool) -> bool:
    """Tell whether a line of an OFF file holds a point, or a face of as many corners as it says."""
    if not face:
        return len(words) >= 3
    return words[0].isdigit() and len(words) > int(words[0])


def check_obj(file: Path) -> None:
    """Raise an SnnfwError that names the first line of an OBJ file that is no whole point or face."""
    text = file.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if words[:1] in (["v"], ["f"]) and len(words) < 4 and not line.endswith("\\"):
            kind = "point" if words[0] == "v" else "face"
            raise SnnfwError(f"line {number} of '{file}' is no whole {kind}, '{line.strip()}': copy it anew.")


def check_stl(file: Path) -> None:
    """Raise an SnnfwError if an STL file ends early: 50 bytes a face after 84 that count them, or words."""
    content = file.read_bytes()
    if content.lstrip().lower().startswith(b"solid") and b"facet" in content[:1000].lower():
        if b"endsolid" not in content[-1000:].lower():
            raise SnnfwError(f"'{file}' ends before its 'endsolid': copy it anew.")
    else:
        _require(file, int.from_bytes(content[80:84], "little"), max(0, len(content) - 84) // 50, "faces")


def check_pcd(file: Path) -> None:
    """Raise an SnnfwError if a PCD file has fewer points than its header says: as lines, as bytes, or compressed."""
    header, _, body = file.read_bytes().partition(b"\nDATA ")
    lines = [line.split() for line in header.decode("ascii", "replace").splitlines()]
    words = {line[0]: line[1:] for line in lines if line}
    kind, _, body = body.partition(b"\n")
    sizes, points = words.get("SIZE", []), words.get("POINTS", [])
    counts = words.get("COUNT", ["1"] * len(sizes))
    if not points or not sizes or not all(word.isdigit() for word in (*points, *sizes, *counts)):
        return  # open3d reads nothing of it
    promised, size = int(points[0]), sum(int(a) * int(b) for a, b in zip(sizes, counts, strict=False))
    if kind.strip() == b"ascii":
        there = sum(len(line.split()) >= sum(map(int, counts)) for line in body.splitlines())
    elif kind.strip() == b"binary":
        there = len(body) // max(1, size)
    else:
        there = promised if len(body) >= 8 + int.from_bytes(body[:4], "little") else 0
    _require(file, promised, there, "points")


def _require(file: Path, promised: int, there: int, what: str) -> None:
    if there < promised:
        raise SnnfwError(f"'{file}' promises {promised} {what} and {there} can be read: repair or remove it.")


def _promised_points(file: Path) -> tuple[int, int]:
    """Return how many points there should be and how many lines hold one; nothing is promised in other formats."""
    suffix = file.suffix.lower()
    if suffix not in (".pts", *PLAIN):
        return 0, 0
    lines = [line.split() for line in file.read_text(encoding="utf-8", errors="replace").splitlines()]
    lines = [words for words in lines if words and not words[0].startswith("#")]
    promised = len(lines)
    if suffix == ".pts" and lines and len(lines[0]) == 1 and lines[0][0].isdigit():
        promised = int(lines.pop(0)[0])
    return promised, sum(len(words) >= 3 for words in lines)
