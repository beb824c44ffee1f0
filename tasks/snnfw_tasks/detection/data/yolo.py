"""Images with boxes: the embedded scenes, and any data set that ultralytics describes in a YAML file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

# pydantic resolves them at run time
from snnfw_tasks.samples.boxed import Augmentation
from snnfw_tasks.samples.options import Size

if TYPE_CHECKING:
    from snnfw_tasks.samples.boxed import Splits

Split: TypeAlias = Annotated[
    Literal["val", "test", "train"], Field(description="which split is scored; train is for a look only")
]


@dataclass(frozen=True, slots=True)
class Yolo:
    """Your own images with boxes, as ultralytics' data.yaml describes them; nothing is downloaded."""

    name: ClassVar[str] = "yolo"
    tasks: ClassVar[tuple[str, ...]] = ("detection",)

    file: Annotated[Path, Field(description="data.yaml, or the name of one that comes with ultralytics: coco.yaml")]
    root: Annotated[Path | None, Field(description="where its paths begin, instead of its own 'path'")] = None
    split: Split = "val"
    size: Size = None
    skip_broken: Annotated[bool, Field(description="leave out images that cannot be read, instead of stopping")] = False
    augment: Annotated[
        Augmentation, Field(description="how training images are distorted, by ultralytics' names: augment.mosaic, ...")
    ] = Augmentation()  # noqa: RUF009  # frozen

    def open(self) -> Splits:
        """Return the training images, to calibrate with and to train on, and those of the split to score."""
        from dataclasses import replace

        from snnfw_tasks.detection.data.description import read_description

        found = read_description(self.file, self.root, self.split, self.size, self.skip_broken)
        return replace(found, training=lambda: found.calibration, augment=self.augment)
