"""PASCAL VOC, or images in its folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from snnfw_tasks.segmentation.data.classes import VOC_CLASSES
from snnfw_tasks.segmentation.data.options import MaskOptions

if TYPE_CHECKING:
    from snnfw_tasks.samples.labelled import Preprocess
    from snnfw_tasks.samples.masked import MaskedSplits


@dataclass(frozen=True, slots=True)
class Voc(MaskOptions):
    """PASCAL VOC, or your own images in its folders; nothing is downloaded."""

    name: ClassVar[str] = "voc"

    root: Annotated[
        Path,
        Field(description="holds VOCdevkit/VOC2012/, or JPEGImages/, SegmentationClass/ and ImageSets/ themselves"),
    ]
    year: Annotated[int, Field(description="which VOCdevkit/VOC<year>/")] = 2012
    training: Annotated[str, Field(description="list of images to train and calibrate with")] = "train"
    evaluation: Annotated[str, Field(description="list of images to test on")] = "val"
    classes: Annotated[tuple[str, ...], Field(min_length=2, description="what the labels 0, 1 ... are")] = VOC_CLASSES

    def open(self, preprocess: Preprocess | None) -> MaskedSplits:
        """Return the images of both lists."""
        from snnfw_tasks.segmentation.data.files import open_voc

        return open_voc(self, self.year, self.classes, (self.training, self.evaluation), preprocess)
