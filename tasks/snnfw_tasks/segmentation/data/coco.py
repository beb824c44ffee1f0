"""COCO's instances, read from its annotations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from snnfw_tasks.segmentation.data.options import MaskOptions

if TYPE_CHECKING:
    from snnfw_tasks.samples.labelled import Preprocess
    from snnfw_tasks.samples.masked import MaskedSplits


@dataclass(frozen=True, slots=True)
class Coco(MaskOptions):
    """COCO's instances as one label per pixel; nothing is downloaded."""

    name: ClassVar[str] = "coco"

    root: Annotated[Path, Field(description="holds annotations/instances_train2017.json, train2017/ and val2017/ ...")]
    year: Annotated[int, Field(description="which train<year>/ and val<year>/")] = 2017
    classes: Annotated[
        Literal["coco", "voc"], Field(description="all of COCO's, or the twenty of VOC, the others being background")
    ] = "coco"

    def open(self, preprocess: Preprocess | None) -> MaskedSplits:
        """Return the training and the validation images."""
        from snnfw_tasks.segmentation.data.coco_masks import open_coco

        return open_coco(self, self.year, self.classes == "voc", preprocess)
