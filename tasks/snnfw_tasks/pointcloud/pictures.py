"""Draw what clouds are told to be: whole ones from the side, and their parts beside the true ones."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from snnfw import Drawing
from snnfw_tasks.pointcloud.render import project, render
from snnfw_tasks.pointcloud.scores import IOU, format_percent, likeliest_parts, part_logits
from snnfw_tasks.samples.drawing import WIDTH, as_png, count_of, shorten, white_figure
from snnfw_tasks.samples.gallery import Look
from snnfw_tasks.samples.palette import INK, class_colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from torch import Tensor

    from snnfw import View
    from snnfw_tasks.pointcloud.sources import Cloud, Clouds
    from snnfw_tasks.samples.checked import CheckedSamples

SAMPLES = 5
"""So many clouds are drawn with their parts."""
LOOKED_AT = 64
"""Among so many, to have as many categories as there are clouds."""
HEAD, GAP, KEY, LINE = 0.42, 0.05, 1.2, 0.17
"""Inches: of the words over the columns, between panels, of the parts' names, and of a line of them."""


def pick_varied(clouds: CheckedSamples[Cloud]) -> tuple[Tensor, Tensor]:
    """Return a few clouds of different categories, as far as there are such: points [N, 3, P] and labels [N, 1 + P]."""
    first: dict[int, int] = {}
    for position in range(min(LOOKED_AT, len(clouds))):
        first.setdefault(int(clouds.stack([position])[1][0, 0]), position)
        if len(first) == SAMPLES:
            break
    others = [position for position in range(min(SAMPLES, len(clouds))) if position not in first.values()]
    return clouds.stack([*first.values(), *others][:SAMPLES])


def look_at(up: int) -> Look:
    """Return how whole clouds are drawn, the axis ``up`` upwards."""
    return Look(partial(sketch_cloud, up=up), 0.85, "clouds")


def sketch_cloud(axes: Axes, *, sample: Tensor, position: int, up: int) -> None:
    """Draw a cloud [3, P], what is nearer darker."""
    del position
    places = project(sample.T.numpy(), up)
    places = places[places[:, 2].argsort()]
    axes.scatter(places[:, 0], places[:, 1], c=-places[:, 2], s=1.6, linewidths=0, cmap="cividis", vmin=-1, vmax=2)
    axes.set(aspect="equal", xlim=(-1, 1), ylim=(-1, 1), anchor="W")
    axes.axis("off")


def draw_parts(view: View, clouds: Clouds) -> Sequence[Drawing]:
    """Return one picture: a row per cloud, a column for the truth, the network and the spiking network."""
    points, target = view.batch.inputs[0].cpu(), view.batch.target.cpu()
    category, truth = target[:, 0], target[:, 1:]
    belongs, last = torch.tensor(clouds.belongs()), max(view.spiking)
    scores = format_percent(view.network_scores, IOU), format_percent(view.scores[last], IOU)
    titles = ["true parts", f"network\n{IOU} {scores[0]}", f"spiking, T = {last}\n{IOU} {scores[1]}"]
    outputs = (view.network, view.spiking[last])
    told = [truth, *(likeliest_parts(part_logits(output).cpu(), category, belongs) for output in outputs)]
    first = torch.tensor([belongs.tolist().index(int(each)) for each in category])
    caption = (
        f"{count_of(len(points), 'clouds')} with the part of each point, the true one and what both networks say, "
        f"and the share of points that is right. Over all evaluation clouds, {IOU}: network {scores[0]}, spiking "
        f"network {scores[1]} at T = {last}."
    )
    names = [clouds.categories[int(each)] for each in category]
    page = draw_page(
        points,
        titles,
        [part - first[:, None] for part in told],
        names,
        [clouds.parts[name] for name in names],
        clouds.up,
    )
    return [Drawing("parts", caption, page)]


def draw_page(
    points: Tensor,
    titles: Sequence[str],
    told: Sequence[Tensor],
    categories: Sequence[str],
    parts: Sequence[Sequence[str]],
    up: int,
) -> bytes:
    """Return a PNG with a row per cloud [N, 3, P], a column per title and parts [N, P], and the parts' names.

    Parts are counted from 0 in each category; the first column holds the true ones.
    """
    rows, across = len(points), len(titles)
    side = (WIDTH - KEY - GAP * (across + 1)) / across
    total = HEAD + rows * (side + GAP)
    images = iter(
        render([(points[row].T.numpy(), _coloured(column[row])) for column in told for row in range(rows)], up)
    )
    figure = white_figure(WIDTH, total)
    for column, title in enumerate(titles):
        left = GAP + column * (side + GAP)
        figure.text((left + side / 2) / WIDTH, 1 - 0.06 / total, title, fontsize=8, color=INK, ha="center", va="top")
        for row in range(rows):
            bottom = total - HEAD - (row + 1) * side - row * GAP
            axes = figure.add_axes((left / WIDTH, bottom / total, side / WIDTH, side / total), xticks=[], yticks=[])
            axes.imshow(next(images))
            axes.spines[:].set_color("0.85")
            if column:
                right = float((told[column][row] == told[0][row]).float().mean())
                axes.text(0.03, 0.03, f"{right:.0%} right", transform=axes.transAxes, fontsize=7.5, color=INK)
    for row in range(rows):
        top = total - HEAD - row * (side + GAP) - 0.1
        _write_key(figure, WIDTH - KEY, top, categories[row], parts[row])
    return as_png(figure)


def _write_key(figure: Figure, left: float, top: float, category: str, parts: Sequence[str]) -> None:
    """Write a cloud's category and below it its parts' names, each after its colour."""
    width, height = figure.get_size_inches()
    place: dict[str, Any] = {"va": "top", "parse_math": False, "color": INK}
    figure.text((left + 0.05) / width, top / height, shorten(category, 14), fontsize=8.5, weight="bold", **place)
    for number, name in enumerate(parts):
        low = top - 0.22 - LINE * number
        figure.text((left + 0.05) / width, low / height, "●", fontsize=8, va="top", color=class_colour(number))
        figure.text((left + 0.2) / width, low / height, shorten(name, 14), fontsize=7.5, **place)


def _coloured(parts: Tensor) -> NDArray[np.float32]:
    """Return the colours [P, 3] of parts [P]."""
    import numpy as np

    return np.array([class_colour(number) for number in parts.tolist()], np.float32)
