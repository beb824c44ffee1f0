"""What became of the mutants: a table, the survivors' diffs, and everything as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.mutants.trial import Fate, Tried

ENOUGH = 0.95
"""Share of the mutants that change behaviour which the tests have to kill."""


def score(tried: Sequence[Tried]) -> float:
    """Return the share that was killed of the mutants that change behaviour."""
    alive = [each.fate is Fate.SURVIVED for each in tried if each.fate is not Fate.EQUIVALENT]
    return 1 - sum(alive) / max(1, len(alive))


def show(tried: Sequence[Tried], console: Console) -> None:
    """Print a row for each module, and below the table what survived."""
    title = f"{score(tried):.1%} of the mutants that change behaviour were killed"
    table = Table("module", "mutants", *Fate, title=title)
    for module in sorted({each.mutant.module for each in tried}):
        counted = Counter(each.fate for each in tried if each.mutant.module == module)
        table.add_row(module, str(counted.total()), *(str(counted[fate] or "") for fate in Fate))
    counted = Counter(each.fate for each in tried)
    table.add_section()
    table.add_row("all", str(counted.total()), *(str(counted[fate]) for fate in Fate))
    console.print(table)
    for each in tried:
        if each.fate is Fate.SURVIVED:
            console.print(f"survived at {each.mutant.module}:{each.mutant.line}\n{each.mutant.diff}\n", markup=False)


def save(tried: Sequence[Tried], command: str, path: Path) -> None:
    """Write everything as JSON."""
    rows = [
        {
            "module": each.mutant.module,
            "line": each.mutant.line,
            "operator": each.mutant.operator,
            "change": dict(zip(("from", "to"), each.mutant.lines, strict=True)),
            "fate": each.fate,
            "why": each.why,
            "seconds": round(each.seconds, 1),
        }
        for each in tried
    ]
    counted = Counter(each.fate for each in tried)
    fates = {str(fate): counted[fate] for fate in Fate}
    whole = {"command": command, "score": round(score(tried), 4), "fates": fates, "mutants": rows}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
