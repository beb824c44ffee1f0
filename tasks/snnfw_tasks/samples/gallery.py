"""The gallery of every task with one label per sample: a few samples with both answers, and what is confused."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

from snnfw import Drawing, Gallery
from snnfw.simulate import Accuracy
from snnfw_tasks.samples.answers import answers_of, choose_samples, gather_samples
from snnfw_tasks.samples.confusion import MOST_IN_MATRIX, draw_confusions
from snnfw_tasks.samples.drawing import count_of
from snnfw_tasks.samples.rows import draw_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from torch import Tensor

    from snnfw import Batch, Batches, View
    from snnfw_tasks.samples.answers import Answers
    from snnfw_tasks.samples.confusions import Confusions

ROWS = 6
"""So many samples are drawn."""


class Sketch(Protocol):
    """Draw one sample."""

    def __call__(self, axes: Axes, *, sample: Tensor, position: int) -> None:
        """Draw ``sample``, the one at ``position`` of the evaluation data."""
        ...


class Look(NamedTuple):
    """How a task draws a sample, on so many inches across, what it calls many of them, and what to know of them."""

    sketch: Sketch
    width: float
    samples: str
    note: str = ""


def make_gallery(batches: Batches[Batch], classes: Sequence[str], look: Look) -> Gallery:
    """Return the gallery of a run on these evaluation batches, whose scorer is ``Confusions``."""
    return Gallery(
        partial(gather_samples, batches, ROWS),
        partial(draw, classes=classes, look=look),
        every=True,
        choose=partial(choose_samples, count=ROWS),
    )


def draw(view: View, classes: Sequence[str], look: Look) -> Sequence[Drawing]:
    """Return the pictures: samples with both answers, and what the spiking network takes for what."""
    answers, counted = answers_of(view, classes), view.scorer
    samples = view.batch.inputs[0].cpu()
    sketches = [partial(look.sketch, sample=samples[position], position=position) for position in answers.chosen]
    rows = draw_rows(answers, sketches, look.width)
    drawings = [Drawing("samples", _tell_samples(view, answers, look), rows)]
    if image := draw_confusions(counted, classes):
        told = _tell_confusions(counted, len(classes), look.samples, max(view.scores))
        drawings.append(Drawing("confusion", told, image))
    return drawings


def _tell_samples(view: View, answers: Answers, look: Look) -> str:
    """Return what the rows show, which samples they are, and how good both networks are on all."""
    samples, seen, differ, last = look.samples, len(answers.truth), answers.differ, max(view.scores)
    some = f"Of the first {seen} evaluation {samples}" if seen < len(view.scorer.truth) else f"Of all {seen} {samples}"
    which = (
        f"{some} the two networks answer {differ} differently, which stand first."
        if differ
        else f"{some} the two networks answer none differently."
    )
    network, spiking = view.network_scores[Accuracy.headline], view.scores[last][Accuracy.headline]
    note = f" {look.note}" if look.note else ""
    return (
        f"{count_of(len(answers.chosen), samples)}: the true class, both answers, and how likely the classes are "
        f"after each timestep, also where a sample would leave early. {which}{note} Over all evaluation "
        f"{samples}, {Accuracy.headline}: network {network:.1%}, spiking network {spiking:.1%} at T = {last}."
    )


def _tell_confusions(counted: Confusions, classes: int, samples: str, timestep: int) -> str:
    """Return what the matrix or the bars count."""
    shows = (
        "How often the spiking network gives each true class (rows) each answer (columns)"
        if classes <= MOST_IN_MATRIX
        else f"What the spiking network most often takes for what, of {classes} classes"
    )
    wrong = sum(count for *_, count in counted.errors())
    return f"{shows}, over all {len(counted.truth)} evaluation {samples} at T = {timestep}: {wrong} of them are wrong."
