"""Run the tests that need a GPU in a process of their own, and put what they say into a table."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.result import Cell, Section
from benchmarks.timing import Measured

ROOT = Path(__file__).parents[1]

COLUMNS = ("", "passed", "failed", "seconds")


def run_tests(tests: Path, limit: float) -> Section:
    """Run the tests marked ``gpu`` for at most so many seconds; return a row for each, and one for each that fails."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        command = [sys.executable, "-m", "pytest", str(tests), "-m", "gpu", "-q", "-rf", f"--junitxml={report}"]
        try:
            status = subprocess.run(command, cwd=ROOT, check=False, timeout=limit).returncode  # noqa: S603  # pytest
        except subprocess.TimeoutExpired:
            return _broken(f"not finished after {limit:g} seconds")
        if not report.exists():
            return _broken(f"pytest ended with {status} and without a report")
        found = ElementTree.parse(report).getroot()  # noqa: S314  # what pytest has just written
    return _table(found, status)


def failed(section: Section) -> bool:
    """Tell whether a test failed, or none ran."""
    return section.columns == COLUMNS and any(row[2] not in ("0", "") for row in section.rows)


def _broken(reason: str) -> Section:
    return Section("Tests on the GPU", COLUMNS, ((reason, "0", "1", ""),), Measured({}))


def _table(report: ElementTree.Element, status: int) -> Section:
    seconds: dict[str, list[float]] = {}
    failures: dict[str, list[str]] = {}
    for case in report.iter("testcase"):
        name, _, _ = case.get("name", "").partition("[")
        if case.find("skipped") is None:
            seconds.setdefault(name, []).append(float(case.get("time", 0)))
            failures.setdefault(name, []).extend(_failures(case))
    if not seconds:
        return _broken(f"no test ran: pytest ended with {status}")
    rows: list[tuple[Cell, ...]] = []
    for name, times in seconds.items():
        wrong = failures[name]
        rows.append((name, str(len(times) - len(wrong)), str(len(wrong)), f"{sum(times):.1f}"))
        rows += [(line, "", "", "") for line in wrong]
    return Section("Tests on the GPU", COLUMNS, tuple(rows), Measured({n: tuple(t) for n, t in seconds.items()}))


def _failures(case: ElementTree.Element) -> Iterator[str]:
    for kind in ("failure", "error"):
        found = case.find(kind)
        if found is not None:
            message = (found.get("message") or kind).splitlines()[0]
            yield f"{case.get('name')}: {message[:200]}"
            return
