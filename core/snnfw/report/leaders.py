"""Say first what came out of a comparison: which method is best, which is cheapest near the network, what failed."""

from __future__ import annotations

import math

from snnfw.report.answers import is_chance, is_within, say_score
from snnfw.report.leaderboard import Entry, Leaderboard, Standing
from snnfw.report.units import describe_share, format_joules, format_percent


def describe_leaders(board: Leaderboard) -> list[str]:
    """Return what came out of the comparison in sentences, the most important first."""
    ended = _ended(board)
    if not ended:
        return []
    own = board.network.scores.get(board.headline, math.nan)
    best = max(ended, key=lambda each: _score(board, each[1]))
    first = [entry.name for entry, standing in ended if _score(board, standing) == _score(board, best[1])]
    score = "score" if len(first) > 1 else "scores"
    network = f"; the network itself has {say_score(own)}" if math.isfinite(own) else ""
    said = [
        f"Of {len(board.entries)} methods {_all_of(first)} {score} best: {board.headline} "
        f"{say_score(_score(board, best[1]))} at T={best[1].timestep}{network}."
    ]
    if not math.isfinite(own):
        return said
    near = [
        (entry, standing)
        for entry in board.entries
        for standing in entry.standings
        if is_within(_score(board, standing), own)
    ]
    if not near:
        return [*said, "None comes within a point of the network."]
    entry, standing = min(near, key=lambda each: each[1].energy.total)
    cost = f"{format_joules(standing.energy.total)} a sample at T={standing.timestep}"
    if math.isfinite(standing.energy_ratio):
        share = f"{describe_share(standing.energy_ratio)} the network's {format_joules(board.network.energy)}"
        cost += f", {share} ({format_percent(standing.energy_ratio)})"
    said.append(f"Within a point of the network {entry.name} is cheapest: {cost}.")
    soonest = min(near, key=lambda each: (each[1].steps, each[1].energy.total))
    return [*said, f"{soonest[0].name} is there soonest, at T={soonest[1].timestep}."]


def describe_failures(board: Leaderboard) -> list[str]:
    """Return warnings: which methods got no further, which only guess, and which end dearer than the network itself."""
    failed = [entry.name for entry in board.entries if entry.error]
    dear = [entry.name for entry, standing in _ended(board) if standing.energy_ratio > 1]
    said = [f"{_all_of(failed)} got no further, see below."] if failed else []
    guessing = [
        entry.name
        for entry, standing in _ended(board)
        if is_chance(_score(board, standing), board.chance, entry.samples)
    ]
    if guessing:
        told = (
            f"{'score' if len(guessing) > 1 else 'scores'} no better than guessing ({say_score(board.chance or 0.0)})"
        )
        said.append(f"{_all_of(guessing)} {told} at the end.")
    if dear:
        said.append(
            f"{_all_of(dear)} {'take' if len(dear) > 1 else 'takes'} more energy than the network itself at the end."
        )
    return said


def _ended(board: Leaderboard) -> list[tuple[Entry, Standing]]:
    """Return every method with its last standing that has a score."""
    last = [(entry, entry.standings[-1]) for entry in board.entries if entry.standings]
    return [(entry, standing) for entry, standing in last if math.isfinite(_score(board, standing))]


def _score(board: Leaderboard, standing: Standing) -> float:
    return standing.scores.get(board.headline, math.nan)


def _all_of(names: list[str]) -> str:
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]
