"""Draw what was found: truth, network and spiking network side by side, in a few images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from snnfw import Drawing
from snnfw_tasks.detection.boxes import detections, labelled_boxes
from snnfw_tasks.detection.scores import HEADLINE
from snnfw_tasks.samples.drawing import as_png

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from torch import Tensor

    from snnfw import View
    from snnfw_tasks.detection.boxes import Boxes

SAMPLES = 5
"""So many images are drawn."""
SIZE = 1.9
"""An image's side in inches."""
MARGIN = 0.45
"""Height in inches of the words over a column."""


def draw(view: View, names: tuple[str, ...], end2end: bool) -> Sequence[Drawing]:
    """Return one picture: a row per image, a column for the truth, the network and some timesteps."""
    columns = [
        ("ground truth", [labelled_boxes(truth) for truth in view.batch.target]),
        (f"network\n{HEADLINE} {_percent(view.network_scores)}", detections(view.network, end2end)),
    ]
    for timestep, output in view.spiking.items():
        title = f"spiking, T = {timestep}\n{HEADLINE} {_percent(view.scores[timestep])}"
        columns.append((title, detections(output, end2end)))
    last = max(view.spiking)
    caption = (
        f"Boxes with a score of 0.25 or more. {HEADLINE} over all evaluation images: network "
        f"{_percent(view.network_scores)}, spiking network {_percent(view.scores[last])} at T = {last}."
    )
    return [Drawing("detections", caption, _page(view.batch.inputs[0], columns, names))]


def _percent(scores: Any) -> str:
    return f"{100 * scores[HEADLINE]:.1f} %"


def _page(images: Tensor, columns: Sequence[tuple[str, Sequence[Boxes]]], names: tuple[str, ...]) -> bytes:
    """Return a PNG with a row per image [N, 3, H, W] and a column per list of boxes."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    rows = len(images)
    close = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    figure = Figure((SIZE * len(columns), SIZE * rows + MARGIN), layout=close, dpi=110)
    grid = figure.subplots(rows, len(columns), squeeze=False)
    for column, (title, boxes) in enumerate(columns):
        grid[0][column].set_title(title, fontsize=9)
        for row in range(rows):
            _panel(grid[row][column], images[row], boxes[row], names, scored=column > 0)
    return as_png(figure)


def _panel(axes: Axes, image: Tensor, boxes: Boxes, names: tuple[str, ...], scored: bool) -> None:
    """Draw an image with its boxes, each in its class's colour; scores only where there are some."""
    from matplotlib.patches import Rectangle

    height, width = image.shape[1:]
    axes.imshow(image.permute(1, 2, 0).cpu().numpy(), extent=(0, width, height, 0))
    axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    shown = list(zip(boxes.corners.tolist(), boxes.scores.tolist(), boxes.classes.tolist(), strict=True))
    for (left, top, right, bottom), score, label in reversed(shown):  # the surest on top
        colour = class_colour(label)
        axes.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=colour, linewidth=1.6))
        text = f"{names[label]} {score:.2f}" if scored else names[label]
        axes.text(
            *_label_corner(left, top, width, height),
            text,
            fontsize=6.5,
            color="black" if sum(colour) > 1.4 else "white",
            va="bottom" if top > height / 12 else "top",
            clip_on=True,
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 0.8},
        )


def _label_corner(left: float, top: float, width: int, height: int) -> tuple[float, float]:
    """Return where a box's label begins: at its corner, but in the image."""
    return min(max(left, 0.01 * width), 0.9 * width), min(max(top, 0.01 * height), height)


def class_colour(label: int) -> tuple[float, float, float]:
    """Return a class's colour, the same in every picture; after twenty they come again."""
    from matplotlib import colormaps

    palette = colormaps["tab10" if label < 10 else "tab20b"]
    red, green, blue, _ = palette(label % 10 if label < 10 else (label - 10) % 20)
    return red, green, blue
