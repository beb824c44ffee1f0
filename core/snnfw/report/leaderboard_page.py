"""Write a leaderboard as one page that needs nothing beside it."""

from __future__ import annotations

import math

from snnfw.report.html import templates
from snnfw.report.leaderboard import Leaderboard, standing_at
from snnfw.report.leaderboard_table import (
    COLUMNS,
    describe_conditions,
    headline_score,
    is_best,
    network_cells,
)
from snnfw.report.leaders import describe_failures, describe_leaders
from snnfw.report.score_figures import Curve, draw_scores
from snnfw.report.units import format_score


def leaderboard_page(board: Leaderboard) -> str:
    """Return the page."""
    columns = [
        (title, write, network) for (title, write), network in zip(COLUMNS.items(), network_cells(board), strict=True)
    ]
    headline = (
        board.headline,
        lambda standing: headline_score(board, standing),
        format_score(board.network.scores, board.headline),
    )
    own = board.network.scores.get(board.headline, math.nan)
    samples = max((entry.samples for entry in board.entries), default=0)
    curves = [Curve(entry.name, entry.standings) for entry in board.entries]
    return (
        templates()
        .get_template("leaderboard.html.jinja")
        .render(
            title=f"{board.about.get('task') or 'One network'}: {len(board.entries)} methods compared",
            board=board,
            said=describe_leaders(board),
            warned=describe_failures(board),
            charts=draw_scores(curves, board.headline, own, board.network.energy, samples),
            tables=[headline, *columns],
            numbers={entry.name: number for number, entry in enumerate(board.entries)},
            at=standing_at,
            is_best=lambda standing: is_best(board, standing),
            how=describe_conditions(board),
        )
    )
