from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from snnfw.report.reading import NONFINITE, read_report
from snnfw.report.saving import readable_json


def read_back(folder: Path) -> dict[str, Any]:
    """Return what a run's report.json holds, once it is shown that reading it loses nothing, and what guessing gives."""
    held: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert json.loads(readable_json(read_report(folder).plain())) == held
    held.pop(NONFINITE, None)
    if held["headline"] == "accuracy" and "classes" in held["about"]:
        assert held["chance"] == 1 / len(held["about"]["classes"])
    return held
