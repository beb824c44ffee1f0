"""The zoo's rows as the table and the totals of the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.zoo_networks import names
from benchmarks.zoo_row import LATER, Row

START, END = "<!-- zoo: written by python -m benchmarks zoo -->", "<!-- end of zoo -->"

GROUPS: Mapping[str, str] = {
    "torchvision/": "torchvision, classification",
    "segmentation": "torchvision, segmentation",
    "ultralytics/": "ultralytics, detection",
    "-seg": "ultralytics, segmentation",
    "-cls": "ultralytics, classification",
}
COLUMNS = ("model", "parameters", "MACs", "sites", "captured", "converted", "spiking", "analog operators")
RATE = ("tracking", "adafire", "gates")
DELTA = ("delta", "quantised")
RECIPES = (*RATE, *DELTA)


def summary(row: Row) -> str:
    """Return one line for the terminal."""
    errors = ", ".join(f"{name} {' '.join(_errors(row, name))}" for name in row.errors)
    return f"{row.name}: {row.failure or errors} ({row.seconds:.0f} s, {row.peak_mib} MiB)"


def page(text: str, rows: Mapping[str, Row]) -> str:
    """Return a page with everything between its marks written anew."""
    before, _, rest = text.partition(START)
    _, _, behind = rest.partition(END)
    waiting = [name for name in names() if name not in rows]
    partly = [name for name, row in rows.items() if not row.failure and row.accumulated is None]
    placed = sum(row.accumulated is not None for row in rows.values())
    missing = _to_measure("Not measured yet", waiting)
    missing += _to_measure(f"{placed} are measured in delta coding, these {len(partly)} not yet", partly)
    return f"{before}{START}\n{content(rows.values())}\n{missing}{END}{behind}"


def _to_measure(what: str, names: Sequence[str]) -> str:
    return f"{what}: {', '.join(names)}. `python -m benchmarks zoo` goes on with them.\n\n" if names else ""


def content(rows: Iterable[Row]) -> str:
    """Return the totals and one table for each group."""
    groups: dict[str, list[Row]] = {name: [] for name in GROUPS.values()}
    for row in rows:
        groups[group(row.name)].append(row)
    parts = ["## Totals", "", *totals(groups)]
    for name, held in groups.items():
        parts += ["", f"## {name}", "", *table(held)]
    return "\n".join(["", *parts, ""])


def group(name: str) -> str:
    """Return the group that an architecture belongs to."""
    if name.startswith("torchvision/"):
        return GROUPS["segmentation" if any(head in name for head in ("deeplab", "fcn", "lraspp")) else "torchvision/"]
    return GROUPS["-seg" if "-se" in name else "-cls" if "-cls" in name else "ultralytics/"]


def totals(groups: Mapping[str, Sequence[Row]]) -> list[str]:
    """Return how many of each group came how far."""
    lines = [
        _line(
            [
                "",
                "architectures",
                "captured",
                "converted",
                *(f"converging, {name}" for name in RECIPES),
                "nothing multiplied, delta",
                "SpikingJelly 2.0",
            ]
        ),
        _line(["---"] * (6 + len(RECIPES))),
    ]
    for name, rows in groups.items():
        reached = [sum(stage in after(row) for row in rows) for stage in ("captured", "converted")]
        falling = [_share(name, rows) for name in RECIPES]
        theirs = sum(row.spikingjelly == "yes" for row in rows)
        placed = [row for row in rows if row.accumulated is not None]
        free = f"{sum(not row.multiplied for row in placed)} of {len(placed)}"
        lines.append(_line([name, str(len(rows)), *map(str, reached), *falling, free, str(theirs)]))
    return lines


def after(row: Row) -> tuple[str, ...]:
    """Return the stages that an architecture has passed."""
    stages = ("nothing", "built", "captured", "planned", "converted")
    return stages[: stages.index(row.reached) + 1]


def converges(row: Row, recipe: str) -> bool:
    """Tell whether the error is smaller at the last measured timestep, or most levels, than at the first."""
    errors = list(row.errors.get(recipe, {}).values())
    return len(errors) > 1 and errors[-1] < errors[0]


def table(rows: Iterable[Row]) -> list[str]:
    """Return a table of architectures; a recipe's cell holds its errors at its timesteps, or by levels."""
    columns = (*COLUMNS, *RATE, "accumulated", "multiplied", "delta", "settled", "quantised")
    return [_line(columns), _line(["---"] * len(columns)), *(_line(_cells(row)) for row in rows)]


def _cells(row: Row) -> list[str]:
    passed = after(row)
    yes = ["yes" if stage in passed else f"no: {row.failure}" for stage in ("captured", "converted")]
    counts = [
        ", ".join(f"{count} {name}" for name, count in held.items()) or "none" for held in (row.sites, row.analog)
    ]
    numbers = [f"{row.parameters / 1e6:.1f} M", f"{row.macs / 1e6:.0f} M"]
    rate, (delta, quantised) = ([", ".join(_errors(row, name)) or "-" for name in part] for part in (RATE, DELTA))
    before = [row.name.partition("/")[2], *numbers, counts[0], *yes, f"{row.spiking:.0%}", counts[1]]
    return [*before, *rate, *_shares(row), delta, settling(row), quantised]


def _shares(row: Row) -> list[str]:
    """Return which shares of the MACs are accumulations and are multiplied at every timestep in delta coding."""
    if row.accumulated is None:
        return [f"no: {row.delta_failure}" if row.delta_failure else "-", "-"]
    share = sum(row.multiplied.values()) / row.macs
    return [f"{row.accumulated:.0%}", f"{share:.0%}" if share == 0 else f"**{share:.1%}**"]


def settling(row: Row) -> str:
    """Say after which timestep nothing was left to be sent, or what was left in the end."""
    if not row.unsent:
        return "no: " + row.delta_failure if row.delta_failure and row.accumulated is not None else "-"
    return f"T = {row.settled}" if row.settled else f"{row.unsent[-1]:.2g} left at T = {len(row.unsent)}"


def _errors(row: Row, recipe: str) -> list[str]:
    found = row.errors.get(recipe, {})
    return [f"{error:.3f}" + (f" (T = {t})" if int(t) in LATER else "") for t, error in found.items()]


def _share(recipe: str, rows: Sequence[Row]) -> str:
    tried = [row for row in rows if recipe in row.errors]
    return f"{sum(converges(row, recipe) for row in tried)} of {len(tried)}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
