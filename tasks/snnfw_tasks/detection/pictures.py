"""Draw what was found: an image with the true boxes, and beside it what both networks see in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from snnfw import Drawing
from snnfw_tasks.detection.boxes import CONFIDENT, SAME, detections, labelled_boxes, match_boxes
from snnfw_tasks.detection.scores import HEADLINE
from snnfw_tasks.samples.drawing import as_png, count_of, panel_page, panel_width, shorten
from snnfw_tasks.samples.palette import class_colour, ink_on

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from torch import Tensor

    from snnfw import View
    from snnfw_tasks.detection.boxes import Boxes

SAMPLES = 4
"""So many images are drawn."""
LETTER, LINE = 0.066, 0.125
"""Inches of a letter and of a line in a box's label."""
LONGEST = 12


def draw(view: View, names: tuple[str, ...], end2end: bool) -> Sequence[Drawing]:
    """Return one picture: a row per image, a column for the truth, the network and the spiking network."""
    last = max(view.spiking)
    truth = [labelled_boxes(each) for each in view.batch.target]
    columns = [
        ("image and true boxes", truth),
        (f"network\n{HEADLINE} {_percent(view.network_scores)}", detections(view.network, end2end)),
        (
            f"spiking, T = {last}\n{HEADLINE} {_percent(view.scores[last])}",
            detections(view.spiking[last], end2end),
        ),
    ]
    caption = (
        f"{count_of(len(truth), 'images')} with their true boxes, and the boxes that both networks see in "
        f"them with a score of {CONFIDENT} or more; dashed ones are no true box of their class (IoU below {SAME}). "
        f"Over all evaluation images, {HEADLINE}: network {_percent(view.network_scores)}, spiking network "
        f"{_percent(view.scores[last])} at T = {last}."
    )
    return [Drawing("detections", caption, _page(view.batch.inputs[0], columns, names))]


def _percent(scores: Any) -> str:
    return f"{scores[HEADLINE]:.1%}"


def _page(images: Tensor, columns: Sequence[tuple[str, Sequence[Boxes]]], names: tuple[str, ...]) -> bytes:
    """Return a PNG with a row per image [N, 3, H, W] and a column per list of boxes, the first of which is true."""
    side = panel_width(len(columns))
    tall = side * images.shape[2] / images.shape[3]
    seen = sorted({int(label) for _, boxes in columns for each in boxes for label in each.classes})
    key = [(class_colour(label), names[label]) for label in seen]
    figure, places = panel_page([title for title, _ in columns], len(images), tall, key)
    for column, (_, boxes) in enumerate(columns):
        for row, image in enumerate(images):
            axes = places[column][row]
            axes.set(xlim=(0, image.shape[2]), ylim=(image.shape[1], 0), facecolor="#F5F7F9")
            if column == 0:
                axes.imshow(image.permute(1, 2, 0).cpu().numpy(), extent=(0, image.shape[2], image.shape[1], 0))
            found = boxes[row]
            right = {pair[0] for pair in match_boxes(found, columns[0][1][row])[0]}
            _draw_boxes(axes, found, right, names, image.shape[2] / side, scored=column > 0)
    return as_png(figure)


def _draw_boxes(axes: Axes, boxes: Boxes, right: set[int], names: tuple[str, ...], inch: float, scored: bool) -> None:
    """Draw boxes in their classes' colours, dashed where not ``right``; an inch is so many pixels of the image."""
    from matplotlib.patches import Rectangle

    taken: list[tuple[float, float, float, float]] = []
    shown = zip(boxes.corners.tolist(), boxes.scores.tolist(), boxes.classes.tolist(), strict=True)
    for number, ((left, top, to, bottom), score, label) in enumerate(shown):
        colour = class_colour(label)
        style = "-" if number in right else (0, (3, 2))
        axes.add_patch(Rectangle((left, top), to - left, bottom - top, fill=False, ec="white", linewidth=2.6))
        axes.add_patch(
            Rectangle((left, top), to - left, bottom - top, fill=False, ec=colour, linewidth=1.6, linestyle=style)
        )
        name = shorten(names[label], LONGEST)
        text = f"{name} {score:.2f}" if scored else name
        size = (inch * (LETTER * len(text) + 0.04), inch * LINE)
        place = place_label((left, top, to, bottom), size, taken, (axes.get_xlim()[1], axes.get_ylim()[0]))
        if place is None:
            continue  # the legend names its colour
        taken.append((*place, place[0] + size[0], place[1] + size[1]))
        axes.add_patch(Rectangle(place, *size, facecolor=colour, linewidth=0, zorder=4))
        axes.text(
            place[0] + size[0] / 2,
            place[1] + size[1] / 2,
            text,
            fontsize=7,
            color=ink_on(colour),
            zorder=5,
            ha="center",
            va="center_baseline",
            parse_math=False,
        )


def place_label(
    box: tuple[float, float, float, float],
    size: tuple[float, float],
    taken: Sequence[tuple[float, float, float, float]],
    image: tuple[float, float],
) -> tuple[float, float] | None:
    """Return where a box's label is in the image and over no other label, beside its box or in it; none if nowhere."""
    left, top, right, bottom = box
    wide, high = size
    for x, y in (
        (left, top - high),
        (right - wide, top - high),
        (left, bottom),
        (right - wide, bottom),
        (right, top),
        (left - wide, top),
        (right, bottom - high),
        (left - wide, bottom - high),
        (left, top),
        (left, bottom - high),
    ):
        x, y = min(max(x, 0), image[0] - wide), min(max(y, 0), image[1] - high)
        free = all(x >= other[2] or x + wide <= other[0] or y >= other[3] or y + high <= other[1] for other in taken)
        if free and x >= 0 and y >= 0:
            return x, y
    return None
