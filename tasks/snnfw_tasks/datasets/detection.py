"""Images with boxes: the embedded scenes, and any data set that ultralytics describes in a YAML file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

if TYPE_CHECKING:
    from snnfw_tasks.labelled import Preprocess
    from snnfw_tasks.masked import Masked
    from snnfw_tasks.yolo.sources import Splits

Size: TypeAlias = Annotated[
    int | None, Field(ge=1, description="side in pixels of the square that images are fitted into; the network's own")
]
Split: TypeAlias = Annotated[
    Literal["val", "test", "train"], Field(description="which split is scored; train is for a look only")
]


@dataclass(frozen=True, slots=True)
class Scenes:
    """Handwritten digits on textured backgrounds, drawn on first use and kept in your cache."""

    name: ClassVar[str] = "scenes"
    tasks: ClassVar[tuple[str, ...]] = ("detection", "segmentation")

    size: Size = None

    def open(self, preprocess: Preprocess | None) -> Masked:
        """Return the scenes with a label for every pixel, as segmentation asks for them."""
        from snnfw_tasks.datasets.scenes_masks import open_scenes

        return open_scenes(preprocess, self.size)

    def splits(self) -> Splits:
        """Return the validation scenes to calibrate with, which are few to draw, and the test scenes."""
        from snnfw_tasks.datasets import scenes
        from snnfw_tasks.yolo.sources import Splits

        images = scenes.scenes("val", "test", counts=scenes.COUNTS) / "images"
        return Splits(scenes.DIGITS, (images / "val",), (images / "test",), "test", self.size)


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

    def splits(self) -> Splits:
        """Return the training images to calibrate with, without augmentation, and those of the split to score."""
        from snnfw_tasks.yolo.description import read_description

        return read_description(self)
