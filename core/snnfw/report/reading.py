"""Read a run's report, or a comparison's leaderboard, back from its folder: data that somebody may have sent."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from snnfw.errors import SnnfwError, printable
from snnfw.report import leaderboard
from snnfw.report import report as reports
from snnfw.report.leaderboard import Leaderboard
from snnfw.report.report import Report

REPORT, LEADERBOARD, PICTURES = "report.json", "leaderboard.json", ("pictures", "search")
OBJECTS = ("config", "versions")
"""What ``about`` holds as objects, where it holds it."""
NONFINITE = "nonfinite"
"""Where a file says which of its nulls are NaN or infinite, by their place; a file without it means NaN."""

Read = TypeVar("Read", Report, Leaderboard)
Path_ = tuple[str | int, ...]


def read_report(folder: Path) -> Report:
    """Return the report of a run's folder.

    Raises:
        SnnfwError: there is none, it is damaged, or of a newer version than this one.

    """
    report = _read(folder / REPORT, Report, reports.SCHEMA)
    _require(_report_faults(report), folder / REPORT)
    return report


def read_leaderboard(folder: Path) -> Leaderboard:
    """Return the leaderboard of a comparison's folder, or raise an SnnfwError as for a report."""
    board = _read(folder / LEADERBOARD, Leaderboard, leaderboard.SCHEMA)
    _require(_board_faults(board), folder / LEADERBOARD)
    return board


def read_pictures(folder: Path) -> dict[str, bytes]:
    """Return the pictures that stand in a run's folder, by their path within it."""
    there = (path for kind in PICTURES for path in sorted((folder / kind).glob("*.png")))
    found = (path for path in there if path.is_file() and not path.is_symlink())  # which may show any file of the user
    try:
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
    except OSError as error:
        raise SnnfwError(
            f"a picture in '{folder}' cannot be read ({error.strerror or error}): copy it again."
        ) from error


def nonfinite_places(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield where plain data holds a number that JSON has not, as a JSON pointer, and which one."""
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield from nonfinite_places(entry, f"{place}/{str(key).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list | tuple):
        for number, entry in enumerate(value):
            yield from nonfinite_places(entry, f"{place}/{number}")
    elif isinstance(value, float) and not math.isfinite(value):
        yield place, str(value)


def _report_faults(report: Report) -> Iterator[str]:
    """Yield what no run leaves, though each field is of its type."""
    if not report.checkpoints:
        yield "it has no checkpoints"
    if any(point.timestep < 1 for point in report.checkpoints):
        yield "a checkpoint is before the first timestep"
    if report.samples < 1:
        yield f"it is of {report.samples} samples"
    if report.certificate is not None and not report.certificate.unsent:
        yield "its certificate has no timestep"
    if any(len(curve.xs) != len(curve.ys) for chart in report.charts for curve in chart.curves):
        yield "a curve has more places than values"
    yield from _about_faults(report.about)


def _board_faults(board: Leaderboard) -> Iterator[str]:
    if not board.checkpoints or not board.entries:
        yield "it compares nothing"
    if any(step < 1 for step in board.checkpoints):
        yield "a checkpoint is before the first timestep"
    yield from _about_faults(board.about)


def _about_faults(about: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"'about.{key}' is no object" for key in OBJECTS if not isinstance(about.get(key, {}), Mapping))


def _require(faults: Iterator[str], path: Path) -> None:
    if fault := next(faults, None):
        raise SnnfwError(f"'{path}' is damaged: {fault}. Run again.")


def _read(path: Path, kind: type[Read], schema: int) -> Read:
    plain = _plain(path)
    found = plain.get("schema")
    if not isinstance(found, int) or found < 1:
        raise SnnfwError(
            f"'{path}' says no version of its fields (schema is {found!r}): it is no {path.stem} of snnfw."
        )
    if found > schema:
        raise SnnfwError(
            f"'{path}' is of schema {found}, and this snnfw reads up to {schema}: update snnfw, or report with the "
            "version that wrote it."
        )
    for place, number in _said_nonfinite(plain.pop(NONFINITE, {}), path):
        _put(plain, place, float(number), path)
    try:
        return _build(plain, kind)
    except ValidationError as error:
        raise _damaged(path, error) from error


def _plain(path: Path) -> dict[str, Any]:
    try:
        plain = json.loads(path.read_bytes())
    except OSError as error:
        raise SnnfwError(f"'{path}' cannot be read ({error.strerror or error}): {_instead(path)}") from error
    except (ValueError, RecursionError) as error:
        raise SnnfwError(f"'{path}' is damaged, it is not JSON ({error}): copy it again, or run again.") from error
    if not isinstance(plain, dict):
        raise SnnfwError(
            f"'{path}' holds a {type(plain).__name__} instead of an object: it is no {path.stem} of snnfw."
        )
    tamed: dict[str, Any] = _tame(plain)
    return tamed


def _tame(value: Any) -> Any:
    """Return plain data without anything in its texts that a terminal obeys."""
    if isinstance(value, Mapping):
        return {_tame(key): _tame(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_tame(entry) for entry in value]
    return "\t".join(map(printable, value.split("\t"))) if isinstance(value, str) else value


def _instead(path: Path) -> str:
    folder = path.parent
    if folder.is_file():
        return f"'{folder}' is a file; name the folder that holds it, '{folder.parent}'."
    if not folder.is_dir():
        return (
            f"there is no folder '{folder}'; name that of a run, such as runs/20250101-120000-classification-adafire."
        )
    held = ", ".join(sorted(entry.name for entry in folder.iterdir())[:6]) or "nothing"
    return f"name the folder of a run, which holds a report.json. This one holds {held}."


def _build(plain: Mapping[str, Any], kind: type[Read]) -> Read:
    """Return the value that plain data describes; where a number has to be and a null is, it is NaN."""
    adapter = TypeAdapter(kind)
    try:
        return adapter.validate_python(plain)
    except ValidationError as error:
        found = error.errors(include_url=False)
        if not all(each["type"] == "float_type" and each["input"] is None for each in found):
            raise
        for each in found:
            _set(plain, each["loc"], math.nan)
    return adapter.validate_python(plain)


def _said_nonfinite(said: Any, path: Path) -> list[tuple[str, str]]:
    known = {"nan", "inf", "-inf"}
    if not isinstance(said, Mapping) or not all(number in known for number in said.values()):
        raise SnnfwError(f"'{path}' is damaged: '{NONFINITE}' holds something else than nan, inf and -inf by place.")
    return [(str(place), str(number)) for place, number in said.items()]


def _put(plain: Any, place: str, number: float, path: Path) -> None:
    """Set what stands at a JSON pointer."""
    keys = [key.replace("~1", "/").replace("~0", "~") for key in place.split("/")[1:]]
    try:
        _set(plain, keys, number)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise SnnfwError(f"'{path}' is damaged: '{NONFINITE}' names {place}, which is not there.") from error


def _set(plain: Any, keys: Sequence[str | int], number: float) -> None:
    *before, last = keys
    for key in before:
        plain = plain[int(key)] if isinstance(plain, list) else plain[key]
    if isinstance(plain, list):
        plain[int(last)] = number
    elif plain[last] is None:
        plain[last] = number


def _damaged(path: Path, error: ValidationError) -> SnnfwError:
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    missing = first["type"] == "missing"
    fault = f"it has no '{place}'" if missing else f"'{place}' is {str(first['input'])[:40]!r} ({first['msg'].lower()})"
    return SnnfwError(f"'{path}' is damaged, or older than any that this snnfw reads: {fault}. Run again.")
