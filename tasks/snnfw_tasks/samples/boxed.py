"""Images with boxes, as ultralytics takes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Splits:
    """Images with boxes: folders or lists of images, as ultralytics takes them, with the labels beside them.

    ``calibration`` shares nothing with ``evaluation``. Without ``side`` images get the side the network was made for.
    ``place`` is where the user's own images are, of which is told what was read.
    """

    names: tuple[str, ...]
    calibration: tuple[Path, ...]
    evaluation: tuple[Path, ...]
    evaluation_split: str
    side: int | None = None
    skip_broken: bool = False
    place: Path | None = None
