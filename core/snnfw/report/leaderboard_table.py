"""Show leaderboards in the terminal: a table for each thing that is compared, methods down and timesteps across."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from rich.console import Console
from rich.text import Text

from snnfw.report.leaderboard import Leaderboard, Standing, standing_at
from snnfw.report.leaders import describe_failures, describe_leaders
from snnfw.report.sentences import quantised_cell
from snnfw.report.tables import plain_table
from snnfw.report.units import format_count, format_joules, format_percent, format_score

COLUMNS: Mapping[str, Callable[[Standing], str]] = {
    "energy per sample": lambda standing: format_joules(standing.energy.total),
    "energy, of the network's": lambda standing: format_percent(standing.energy_ratio),
    "energy of the network quantised to as much information": lambda standing: quantised_cell(standing.energy),
    "events per sample": lambda standing: format_count(standing.energy.spikes),
    "seconds to simulate all samples": lambda standing: "" if standing.seconds is None else f"{standing.seconds:.2f}",
}
"""What is compared beside the headline metric, each with how it is written."""


GAP = 2
"""Blanks between two columns."""

LONGEST_NAME = 28
"""Letters of a method's name that stand in one line in the terminal."""


def show_leaderboard(board: Leaderboard, console: Console) -> None:
    """Print what came out, then headline metric, energy, events and wall clock of every method, and why some failed."""
    own, networks = board.network, network_cells(board)
    for sentence in describe_leaders(board):
        console.print(Text(sentence, style="bold"))
    for sentence in describe_failures(board):
        console.print(Text(f"! {sentence}", style="yellow"))
    _show(board, board.headline, format_score(own.scores, board.headline), None, console)
    for (title, write), network in zip(COLUMNS.items(), networks, strict=True):
        _show(board, title, network, write, console)
    console.print(Text(describe_conditions(board)))
    for entry in board.entries:
        if entry.error:
            console.print(Text(f"{entry.name}: {entry.error}", style="red"))


def network_cells(board: Leaderboard) -> tuple[str, ...]:
    """Return what the network itself has in each of the ``COLUMNS``."""
    own = board.network
    return (format_joules(own.energy), "100%", "", "", f"{own.seconds:.2f}")


def _show(
    board: Leaderboard, title: str, network: str, write: Callable[[Standing], str] | None, console: Console
) -> None:
    """Print one table, or several where the timesteps do not fit beside each other."""
    # Titles stand by themselves: within a table they would be folded to its width.
    console.print(Text(title, style="italic"))
    columns = {
        f"T={step}": [
            Text(network),
            *[_cell(board, standing_at(entry, step), write) for entry in board.entries],
        ]
        for step in board.checkpoints
    }
    names = ["network", *(entry.name for entry in board.entries)]
    room = console.width - min(LONGEST_NAME, max(map(len, names))) - GAP
    for headings in _fitting(
        {heading: max(len(heading), *map(len, cells)) for heading, cells in columns.items()}, room
    ):
        table = plain_table()
        table.add_column("method", overflow="fold", max_width=LONGEST_NAME)
        for heading in headings:
            table.add_column(heading, justify="right", no_wrap=True)
        for row, name in enumerate(names):
            cells = [columns[heading][row] for heading in headings]
            table.add_row(Text(name), *cells, style=None if row else "bold")
        console.print(table)


def _fitting(widths: Mapping[str, int], room: int) -> list[list[str]]:
    """Return the headings in groups whose columns fit beside each other, at least one in each."""
    groups: list[list[str]] = [[]]
    left = room
    for heading, width in widths.items():
        if groups[-1] and width + GAP > left:
            groups.append([])
            left = room
        groups[-1].append(heading)
        left -= width + GAP
    return groups


def _cell(board: Leaderboard, standing: Standing | None, write: Callable[[Standing], str] | None) -> Text:
    """Return one number; a score with the mean timesteps where samples left early, the best one bold."""
    if standing is None:
        return Text("failed", style="red")
    if write is not None:
        return Text(write(standing))
    return Text(headline_score(board, standing), style="bold" if is_best(board, standing) else "")


def headline_score(board: Leaderboard, standing: Standing) -> str:
    """Return the headline score, with the mean number of timesteps where that is another one."""
    early = "" if standing.steps == standing.timestep else f" (mean {standing.steps:.2f})"
    return f"{format_score(standing.scores, board.headline)}{early}"


def is_best(board: Leaderboard, standing: Standing) -> bool:
    """Tell whether no method scores better at this checkpoint."""
    return standing.scores.get(board.headline, math.nan) == board.best(standing.timestep)


def describe_conditions(board: Leaderboard) -> str:
    """Return in a sentence or two how the numbers came about."""
    converted = (
        "Each number of timesteps is a run of its own, converted for it."
        if board.retarget
        else f"Every checkpoint is read off one run, converted for {board.checkpoints[-1]} timesteps."
    )
    extra = [entry.name for entry in board.entries if entry.search or entry.exit]
    left = (
        f"Searches and exits are left out, except where asked for: {', '.join(extra)}."
        if extra
        else ("Searches and exits of plugins are left out.")
    )
    passes = board.network.passes
    frames = f" The network is scored on {passes} frames of each sample and charged for all of them." * (passes > 1)
    return f"{max(entry.samples for entry in board.entries)} samples. {converted} {left}{frames}"
