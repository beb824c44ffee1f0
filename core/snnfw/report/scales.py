"""Choose what a chart of scores shows: the score itself, or the error on a logarithmic axis where scores are near 1."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NEAR_ONE = 0.9
"""A best score from which on curves overlap at the upper edge of a chart."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How scores are drawn: as they are, or as errors of at least ``least``, on a logarithmic axis.

    ``perfect`` says that a score has no error at all.
    """

    errors: bool
    least: float = 0.0
    perfect: bool = False

    @property
    def note(self) -> str:
        """Return what the caption has to add."""
        none = " (none at all is drawn at half a sample's)" if self.perfect else ""
        return f", as the error, 1 - score, on a logarithmic axis{none}" if self.errors else ""

    def label(self, metric: str) -> str:
        """Return what stands at the axis."""
        return f"error (1 - {metric})" if self.errors else metric

    def height(self, score: float) -> float:
        """Return where a score is drawn; one without any error at half a sample's, as zero has no logarithm."""
        return max(1 - score, self.least) if self.errors else score

    def heights(self, scores: Sequence[float]) -> list[float]:
        """Return where scores are drawn."""
        return [self.height(score) for score in scores]

    def apply(self, axes: Axes) -> None:
        """Set the axis of scores; downwards is better where errors are shown."""
        if not self.errors:
            return
        from matplotlib.ticker import FuncFormatter, LogLocator

        low, high = axes.dataLim.y0, axes.dataLim.y1
        if 0 < low <= high < math.inf:
            axes.set_ylim(low / 1.4, high * 1.4)
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
        axes.yaxis.set_minor_locator(LogLocator(subs=()))


def choose_scale(scores: Iterable[float], samples: int) -> Scale:
    """Return errors for shares of which the best is near 1, and the scores themselves for all others."""
    known = [score for score in scores if math.isfinite(score)]
    near = bool(known) and all(0 <= score <= 1 for score in known) and max(known) >= NEAR_ONE
    return Scale(near, 0.5 / max(1, samples), near and max(known) == 1)
