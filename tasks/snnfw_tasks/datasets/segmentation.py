"""Images with a label for every pixel: PASCAL VOC, COCO and your own, read from disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

# pydantic resolves these at run time
from snnfw_tasks.datasets.folders import Deviation, Mean

if TYPE_CHECKING:
    from snnfw_tasks.labelled import Preprocess
    from snnfw_tasks.masked import Masked

Size: TypeAlias = Annotated[
    int | None, Field(ge=1, description="side in pixels of the square that images are fitted into; the network's own")
]
Skip: TypeAlias = Annotated[
    bool, Field(description="leave out images and masks that cannot be read, instead of stopping")
]
Mirror: TypeAlias = Annotated[bool, Field(description="show half of the training images in a mirror")]

_VOC = (
    "background aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person "
    "pottedplant sheep sofa train tvmonitor"
)
VOC_CLASSES = tuple(_VOC.split())
"""What the masks' labels 0 to 20 are."""

COCO_AS_VOC: Mapping[str, str] = MappingProxyType(
    {
        **{name: name for name in VOC_CLASSES},
        "airplane": "aeroplane",
        "dining table": "diningtable",
        "motorcycle": "motorbike",
        "potted plant": "pottedplant",
        "couch": "sofa",
        "tv": "tvmonitor",
    }
)
"""COCO's names of the classes that VOC has too."""


@dataclass(frozen=True, slots=True)
class Voc:
    """PASCAL VOC, or your own images in its folders; nothing is downloaded."""

    name: ClassVar[str] = "voc"
    tasks: ClassVar[tuple[str, ...]] = ("segmentation",)

    root: Annotated[
        Path,
        Field(description="holds VOCdevkit/VOC2012/, or JPEGImages/, SegmentationClass/ and ImageSets/ themselves"),
    ]
    year: Annotated[int, Field(description="which VOCdevkit/VOC<year>/")] = 2012
    training: Annotated[str, Field(description="list of images to train and calibrate with")] = "train"
    evaluation: Annotated[str, Field(description="list of images to test on")] = "val"
    classes: Annotated[tuple[str, ...], Field(min_length=2, description="what the labels 0, 1 ... are")] = VOC_CLASSES
    size: Size = None
    mean: Mean = None
    std: Deviation = None
    mirror: Mirror = True
    skip_broken: Skip = False

    def open(self, preprocess: Preprocess | None) -> Masked:
        """Return the images of both lists."""
        from snnfw_tasks.datasets.segmentation_files import open_voc

        return open_voc(self, preprocess)


@dataclass(frozen=True, slots=True)
class Coco:
    """COCO's instances as one label per pixel; nothing is downloaded."""

    name: ClassVar[str] = "coco"
    tasks: ClassVar[tuple[str, ...]] = ("segmentation",)

    root: Annotated[Path, Field(description="holds annotations/instances_train2017.json, train2017/ and val2017/ ...")]
    year: Annotated[int, Field(description="which train<year>/ and val<year>/")] = 2017
    classes: Annotated[
        Literal["coco", "voc"], Field(description="all of COCO's, or the twenty of VOC, the others being background")
    ] = "coco"
    size: Size = None
    mean: Mean = None
    std: Deviation = None
    mirror: Mirror = True
    skip_broken: Skip = False

    def open(self, preprocess: Preprocess | None) -> Masked:
        """Return the training and the validation images."""
        from snnfw_tasks.datasets.coco_masks import open_coco

        return open_coco(self, preprocess)


@dataclass(frozen=True, slots=True)
class Masks:
    """Your own images, each with a mask of the same name."""

    name: ClassVar[str] = "masks"
    tasks: ClassVar[tuple[str, ...]] = ("segmentation",)

    root: Annotated[Path, Field(description="holds train/images/NAME.jpg, train/masks/NAME.png, and test/ or val/")]
    classes: Annotated[tuple[str, ...], Field(min_length=2, description="what the labels 0, 1 ... are")]
    size: Size = None
    mean: Mean = None
    std: Deviation = None
    mirror: Mirror = True
    skip_broken: Skip = False

    def open(self, preprocess: Preprocess | None) -> Masked:
        """Return the splits; calibration uses the training images where it has no folder of its own."""
        from snnfw_tasks.datasets.segmentation_files import open_folders

        return open_folders(self, preprocess)
