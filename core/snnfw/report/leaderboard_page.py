"""Write a leaderboard as one page that needs nothing beside it."""

from __future__ import annotations

import math

from snnfw.report.drawing import Line, Picture, as_picture, draw_lines, empty_chart, label_timesteps, line_colour
from snnfw.report.html import templates
from snnfw.report.leaderboard import Leaderboard, Standing, standing_at
from snnfw.report.leaderboard_table import COLUMNS, describe_conditions, headline_score, is_best, network_cells
from snnfw.report.report import Network
from snnfw.report.units import format_score, scale_to_unit


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
    return (
        templates()
        .get_template("leaderboard.html.jinja")
        .render(
            title=f"{board.about.get('task') or 'One network'}: {len(board.entries)} methods compared",
            board=board,
            charts=[_over_timesteps(board), _over_energy(board)],
            tables=[headline, *columns],
            colours={entry.name: line_colour(number) for number, entry in enumerate(board.entries)},
            at=standing_at,
            is_best=lambda standing: is_best(board, standing),
            how=describe_conditions(board),
        )
    )


def _over_timesteps(board: Leaderboard) -> Picture:
    figure, axes = empty_chart("timesteps", board.headline)
    drawn = [
        Line(entry.name, [s.timestep for s in entry.standings], [_headline(board, s) for s in entry.standings])
        for entry in board.entries
    ]
    draw_lines(axes, drawn, _headline(board, board.network))
    label_timesteps(axes, board.checkpoints)
    return as_picture(figure, f"{board.headline} over timesteps")


def _over_energy(board: Leaderboard) -> Picture:
    used = [standing.energy.total * 1e-3 for entry in board.entries for standing in entry.standings]
    (network, *values), prefix = scale_to_unit([board.network.energy * 1e-3, *used])
    unused = iter(values)
    figure, axes = empty_chart(f"energy per sample ({prefix}J)", board.headline)
    drawn = [
        Line(entry.name, [next(unused) for _ in entry.standings], [_headline(board, s) for s in entry.standings])
        for entry in board.entries
    ]
    draw_lines(axes, drawn, _headline(board, board.network))
    axes.axvline(network, color="#333333", linestyle=":", linewidth=1.2)
    if network > 0 and all(value > 0 for value in values):
        axes.set_xscale("log")
    return as_picture(figure, f"{board.headline} over energy; dotted, what the network itself takes")


def _headline(board: Leaderboard, scored: Standing | Network) -> float:
    return scored.scores.get(board.headline, math.nan)
