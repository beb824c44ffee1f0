"""Draw a text: its first lines."""

from __future__ import annotations

import textwrap
from functools import partial
from typing import TYPE_CHECKING

from snnfw_tasks.samples.gallery import Look
from snnfw_tasks.samples.palette import INK

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from torch import Tensor

WIDTH = 2.1
"""Inches of a text."""
LETTERS, LINES = 36, 5
"""Letters in a line, and lines."""


def look_at(read: Callable[[int], str]) -> Look:
    """Return how texts are drawn; ``read`` returns the one at a position of the evaluation data."""
    return Look(partial(sketch_text, read=read), WIDTH, "texts")


def sketch_text(axes: Axes, *, sample: Tensor, position: int, read: Callable[[int], str]) -> None:
    """Write a text's first lines."""
    del sample
    axes.axis("off")
    # Dollars of a text begin no formula.
    axes.text(0, 1, wrap(read(position)), fontsize=7.5, color=INK, va="top", linespacing=1.2, parse_math=False)


def wrap(text: str) -> str:
    """Return a text's first lines."""
    return "\n".join(textwrap.wrap(" ".join(text.split()), LETTERS, max_lines=LINES, placeholder=" …"))
