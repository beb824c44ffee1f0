"""The embedded scenes with a label for every pixel."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from snnfw_tasks.samples.masked import Masked
from snnfw_tasks.samples.masks import voc_split
from snnfw_tasks.scenes.files import CLASSES, PREPARE, scenes

if TYPE_CHECKING:
    from snnfw_tasks.samples.labelled import Preprocess
    from snnfw_tasks.samples.masks import MaskedFiles


def open_scenes(preprocess: Preprocess | None, size: int | None) -> Masked:
    """Return the splits: the validation scenes are for calibration, the training scenes drawn where they are needed."""
    prepare = preprocess or PREPARE
    side = size or prepare.crop
    prepare = replace(prepare, crop=side, resize=side)

    def split(name: str) -> MaskedFiles:
        return voc_split(scenes(name), name, CLASSES, prepare, "scenes")

    return Masked(CLASSES, prepare, lambda: split("train"), split("val"), split("test"))
