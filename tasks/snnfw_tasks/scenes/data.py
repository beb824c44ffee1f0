"""The embedded scenes as a data source: with boxes for detection, with a label for every pixel for segmentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

# pydantic resolves it at run time
from snnfw_tasks.samples.options import Size

if TYPE_CHECKING:
    from pathlib import Path

    from snnfw_tasks.samples.boxed import Splits
    from snnfw_tasks.samples.labelled import Preprocess
    from snnfw_tasks.samples.masked import MaskedSplits


@dataclass(frozen=True, slots=True)
class Scenes:
    """Handwritten digits on textured backgrounds, drawn on first use and kept in your cache."""

    name: ClassVar[str] = "scenes"
    tasks: ClassVar[tuple[str, ...]] = ("detection", "segmentation")

    size: Size = None

    def open(self, preprocess: Preprocess | None) -> MaskedSplits:
        """Return the scenes with a label for every pixel, as segmentation asks for them."""
        from snnfw_tasks.scenes.masks import open_scenes

        return open_scenes(preprocess, self.size)

    def open_detection(self) -> Splits:
        """Return the validation scenes to calibrate with, which are few to draw, and the test scenes."""
        from snnfw_tasks.samples.boxed import Augmentation, Splits
        from snnfw_tasks.scenes import files as scenes

        def training() -> tuple[Path, ...]:
            return (scenes.scenes_folder("train", counts=scenes.COUNTS) / "images" / "train",)

        images = scenes.scenes_folder("val", "test", counts=scenes.COUNTS) / "images"
        return Splits(
            scenes.DIGITS,
            (images / "val",),
            (images / "test",),
            "test",
            self.size,
            training=training,
            # a digit may not be mirrored, and is not cut out of several images
            augment=Augmentation(mosaic=0, fliplr=0, scale=0.3, hsv_h=0.1),
        )
