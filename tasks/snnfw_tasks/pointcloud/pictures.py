"""Draw what clouds are told to be: truth, network and spiking network side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import torch

from snnfw import Drawing
from snnfw.simulate import require_logits
from snnfw_tasks.pointcloud.render import render
from snnfw_tasks.pointcloud.scores import ACCURACY, IOU, format_percent, likeliest_parts, part_logits
from snnfw_tasks.samples.drawing import as_png

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from snnfw import Output, View
    from snnfw_tasks.pointcloud.sources import Cloud, Clouds
    from snnfw_tasks.samples.checked import CheckedSamples

Colour: TypeAlias = "tuple[float, float, float]"


class Panel(NamedTuple):
    """One cloud as it is drawn: words below it, whether they are right, a colour per point, and names in colours."""

    words: str
    right: bool
    colours: NDArray[np.float32]
    legend: Sequence[tuple[str, Colour]] = ()


SAMPLES = 6
"""So many clouds are drawn."""
LOOKED_AT = 64
"""Among so many, to have as many categories as there are clouds."""
SIZE = 1.6
"""A picture's side in inches."""
MARGIN = 0.4
"""Height in inches of the words over the columns."""
RIGHT, WRONG = (0.16, 0.45, 0.72), (0.84, 0.15, 0.16)


def pick_varied(clouds: CheckedSamples[Cloud]) -> tuple[Tensor, Tensor]:
    """Return a few clouds of different categories, as far as there are such: points [N, 3, P] and labels [N, 1 + P]."""
    first: dict[int, int] = {}
    for position in range(min(LOOKED_AT, len(clouds))):
        first.setdefault(int(clouds.stack([position])[1][0, 0]), position)
        if len(first) == SAMPLES:
            break
    others = [position for position in range(min(SAMPLES, len(clouds))) if position not in first.values()]
    return clouds.stack([*first.values(), *others][:SAMPLES])


def draw_categories(view: View, categories: Sequence[str], up: int) -> Sequence[Drawing]:
    """Return one picture: a row per cloud, a column for the truth, the network and some timesteps."""
    points, truth = view.batch.inputs[0].cpu(), view.batch.target.cpu()
    columns = [
        ("ground truth", truth, None),
        (f"network\n{format_percent(view.network_scores, ACCURACY)}", *_likeliest_category(view.network)),
    ]
    for timestep, output in view.spiking.items():
        columns.append(
            (
                f"spiking, T = {timestep}\n{format_percent(view.scores[timestep], ACCURACY)}",
                *_likeliest_category(output),
            )
        )
    panels = []
    for _, told, sure in columns:
        panels.append(
            [
                Panel(_name(categories[label], sure, row), right, _even(RIGHT if right else WRONG, points.shape[2]))
                for row, (label, right) in enumerate(zip(told.tolist(), (told == truth).tolist(), strict=True))
            ]
        )
    last = max(view.spiking)
    caption = (
        f"The category of each cloud and how likely it is, red where it is wrong. {ACCURACY} over all evaluation "
        f"clouds: network {format_percent(view.network_scores, ACCURACY)}, spiking network "
        f"{format_percent(view.scores[last], ACCURACY)} at T = {last}."
    )
    return [Drawing("clouds", caption, draw_page(points, [title for title, *_ in columns], panels, up))]


def draw_parts(view: View, clouds: Clouds) -> Sequence[Drawing]:
    """Return one picture: a row per cloud, a column for the truth, the network and some timesteps."""
    points, target = view.batch.inputs[0].cpu(), view.batch.target.cpu()
    category, truth = target[:, 0], target[:, 1:]
    belongs = torch.tensor(clouds.belongs())
    columns = [("ground truth", truth), (f"network\n{IOU} {format_percent(view.network_scores, IOU)}", view.network)]
    for timestep, output in view.spiking.items():
        columns.append((f"spiking, T = {timestep}\n{IOU} {format_percent(view.scores[timestep], IOU)}", output))
    panels = []
    for column, (_, output) in enumerate(columns):
        told = truth if column == 0 else likeliest_parts(part_logits(output).cpu(), category, belongs)
        panels.append(
            [
                Panel(
                    clouds.categories[category[row]] if column == 0 else f"{share:.0%} right",
                    True,
                    _coloured(told[row] - belongs.tolist().index(int(category[row]))),
                    _legend(clouds.parts[clouds.categories[category[row]]]) if column == 0 else (),
                )
                for row, share in enumerate((told == truth).float().mean(1).tolist())
            ]
        )
    last = max(view.spiking)
    caption = (
        f"The part of each point, and the share of points that is right. {IOU} over all evaluation clouds: network "
        f"{format_percent(view.network_scores, IOU)}, spiking network {format_percent(view.scores[last], IOU)} "
        f"at T = {last}."
    )
    return [Drawing("parts", caption, draw_page(points, [title for title, _ in columns], panels, clouds.up))]


def draw_page(points: Tensor, titles: Sequence[str], panels: Sequence[Sequence[Panel]], up: int) -> bytes:
    """Return a PNG with a row per cloud [N, 3, P] and a column per title."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    rows, across = len(points), len(titles)
    places = [points[row].T.numpy() for row in range(rows)]
    images = iter(render([(places[row], column[row].colours) for column in panels for row in range(rows)], up))
    close = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    figure = Figure((SIZE * across, SIZE * rows + MARGIN), layout=close, dpi=110)
    grid = figure.subplots(rows, across, squeeze=False)
    for column, title in enumerate(titles):
        grid[0][column].set_title(title, fontsize=9)
        for row in range(rows):
            panel, axes = panels[column][row], grid[row][column]
            axes.imshow(next(images))
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_color("0.85")
            shade = "0.25" if panel.right else WRONG
            axes.text(0.03, 0.03, panel.words, transform=axes.transAxes, fontsize=7.5, color=shade)
            for line, (name, colour) in enumerate(panel.legend):
                place = 0.97, 0.97 - 0.085 * line
                axes.text(*place, name, transform=axes.transAxes, fontsize=6, color=colour, ha="right", va="top")
    return as_png(figure)


def _likeliest_category(output: Output) -> tuple[Tensor, list[float]]:
    """Return each cloud's likeliest category and its probability."""
    sure, label = require_logits(output).cpu().float().softmax(1).max(1)
    return label, sure.tolist()


def _name(category: str, sure: list[float] | None, row: int) -> str:
    return category if sure is None else f"{category} {sure[row]:.2f}"


def _even(colour: tuple[float, float, float], points: int) -> NDArray[np.float32]:
    import numpy as np

    return np.tile(np.array(colour, np.float32), (points, 1))


def _coloured(parts: Tensor) -> NDArray[np.float32]:
    """Return the colours [P, 3] of parts [P], counted from 0 in each category."""
    import numpy as np

    palette = np.array([_part_colour(number) for number in range(10)], np.float32)
    coloured: NDArray[np.float32] = palette[parts.numpy() % len(palette)]
    return coloured


def _legend(names: Sequence[str]) -> list[tuple[str, Colour]]:
    return [(name, _part_colour(number)) for number, name in enumerate(names)]


def _part_colour(number: int) -> Colour:
    """Return a part's colour; after ten they come again."""
    from matplotlib import colormaps

    red, green, blue, _ = colormaps["tab10"](number % 10)
    return red, green, blue
