"""Turn a figure into the picture that a task shows."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def as_png(figure: Figure) -> bytes:
    """Return a figure as a PNG."""
    written = io.BytesIO()
    figure.savefig(written, format="png")
    return written.getvalue()
