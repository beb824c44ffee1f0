"""The embedded scenes with a label for every pixel."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from snnfw_tasks.samples.masked import MaskedSplits
from snnfw_tasks.samples.masks import open_voc_split
from snnfw_tasks.scenes.files import CLASSES, PREPARE, scenes_folder

if TYPE_CHECKING:
    from snnfw_tasks.samples.labelled import Preprocess
    from snnfw_tasks.samples.masks import MaskedFiles


def open_scenes(preprocess: Preprocess | None, size: int | None) -> MaskedSplits:
    """Return the splits: the validation scenes are for calibration, the training scenes drawn where they are needed."""
    prepare = preprocess or PREPARE
    side = size or prepare.crop
    prepare = replace(prepare, crop=side, resize=side)

    def split(name: str) -> MaskedFiles:
        return open_voc_split(scenes_folder(name), name, CLASSES, prepare, "scenes")

    return MaskedSplits(CLASSES, prepare, lambda: split("train"), split("val"), split("test"))
