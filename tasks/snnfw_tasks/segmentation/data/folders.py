"""The user's own images, each with a mask of the same name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from snnfw_tasks.segmentation.data.options import MaskOptions

if TYPE_CHECKING:
    from snnfw_tasks.samples.labelled import Preprocess
    from snnfw_tasks.samples.masked import MaskedSplits


@dataclass(frozen=True, slots=True)
class Masks(MaskOptions):
    """Your own images, each with a mask of the same name."""

    name: ClassVar[str] = "masks"

    root: Annotated[Path, Field(description="holds train/images/NAME.jpg, train/masks/NAME.png, and test/ or val/")]
    classes: Annotated[tuple[str, ...], Field(min_length=2, description="what the labels 0, 1 ... are")]

    def open(self, preprocess: Preprocess | None) -> MaskedSplits:
        """Return the splits; calibration uses the training images where it has no folder of its own."""
        from snnfw_tasks.segmentation.data.files import open_folders

        return open_folders(self, self.classes, preprocess)
