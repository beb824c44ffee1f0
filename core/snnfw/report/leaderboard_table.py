"""Show leaderboards in the terminal: a table for each thing that is compared, methods down and timesteps across."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from snnfw.report.leaderboard import Leaderboard, Standing, standing_at
from snnfw.report.sentences import quantised_cell
from snnfw.report.units import format_joules, format_percent, format_score, format_si

COLUMNS: Mapping[str, Callable[[Standing], str]] = {
    "energy per sample": lambda standing: format_joules(standing.energy.total),
    "energy, of the network's": lambda standing: format_percent(standing.energy_ratio),
    "energy of the network quantised to as much information": lambda standing: quantised_cell(standing.energy),
    "spikes per sample": lambda standing: format_si(standing.energy.spikes),
    "seconds to simulate all samples": lambda standing: "" if standing.seconds is None else f"{standing.seconds:.2f}",
}
"""What is compared beside the headline metric, each with how it is written."""


def show_leaderboard(board: Leaderboard, console: Console) -> None:
    """Print the headline metric, energy, spikes and wall clock of every method, and why some got no further."""
    own, networks = board.network, network_cells(board)
    # Titles stand by themselves: within a table they would be folded to its width.
    console.print(Text(board.headline, style="italic"), _table(board, format_score(own.scores, board.headline)))
    for (title, write), network in zip(COLUMNS.items(), networks, strict=True):
        console.print(Text(title, style="italic"), _table(board, network, write))
    console.print(Text(describe_conditions(board)))
    for entry in board.entries:
        if entry.error:
            console.print(Text(f"{entry.name}: {entry.error}", style="red"))


def network_cells(board: Leaderboard) -> tuple[str, ...]:
    """Return what the network itself has in each of the ``COLUMNS``."""
    own = board.network
    return (format_joules(own.energy), "100%", "", "", f"{own.seconds:.2f}")


def _table(board: Leaderboard, network: str, write: Callable[[Standing], str] | None = None) -> Table:
    table = Table(header_style="bold")
    table.add_column("method", no_wrap=True)
    for step in board.checkpoints:
        table.add_column(f"T={step}", justify="right")
    table.add_row("network", *[network] * len(board.checkpoints), style="bold")
    for entry in board.entries:
        found = [standing_at(entry, step) for step in board.checkpoints]
        table.add_row(Text(entry.name), *[_cell(board, standing, write) for standing in found])
    return table


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
