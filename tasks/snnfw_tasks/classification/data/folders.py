"""ImageNet and the user's own images: one folder per class in one folder per split."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from snnfw import SnnfwError
from snnfw_tasks.samples.labelled import IMAGENET, LabelledData, Preprocess
from snnfw_tasks.samples.options import Deviation, Mean
from snnfw_tasks.samples.reading import (
    Reading,
    class_names,
    list_by_class,
    list_unknown,
    merge_left_out,
    split_folders,
    unused_splits,
)

if TYPE_CHECKING:
    from snnfw_tasks.samples.images import FileSamples
    from snnfw_tasks.samples.labelled import Samples
    from snnfw_tasks.samples.reading import LeftOut

Size: TypeAlias = Annotated[int | None, Field(ge=1, description="side of the square cut out, in pixels")]
Resize: TypeAlias = Annotated[int | None, Field(ge=1, description="shorter side before the cut, in pixels")]

Interpolation: TypeAlias = Annotated[
    Literal["nearest", "bilinear", "bicubic", "lanczos"] | None, Field(description="how to resize")
]
Augment: TypeAlias = Annotated[
    Literal["standard", "auto", "none"],
    Field(description="training images: a random part, mirrored; AutoAugment too; or prepared as for the test"),
]
Policy: TypeAlias = Annotated[
    Literal["imagenet", "cifar10", "svhn"], Field(description="data for which AutoAugment's policy was learned")
]


@dataclass(frozen=True, slots=True)
class ClassFolders:
    """How images in folders are prepared and, in training, distorted."""

    name: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]] = ("classification",)

    root: Path
    size: Size = None
    resize: Resize = None
    mean: Mean = None
    std: Deviation = None
    interpolation: Interpolation = None
    augment: Augment = "standard"
    policy: Policy = "imagenet"


@dataclass(frozen=True, slots=True)
class ImageNet(ClassFolders):
    """ImageNet in one folder per class; nothing is downloaded.

    What is left unset is prepared as the network's weights prescribe, or as is usual for ImageNet.
    """

    name: ClassVar[str] = "imagenet"

    root: Annotated[Path, Field(description="holds train/nXXXXXXXX/*.JPEG and val/nXXXXXXXX/*.JPEG")]

    def open(self, preprocess: Preprocess | None) -> LabelledData:
        """Return the training images, for calibration too, and the validation images."""
        prepare = choose_preprocess(self, preprocess)
        expected = "train/CLASS/*.JPEG and val/CLASS/*.JPEG, with one folder per class such as n01440764"
        return _open(self, prepare, ("train",), ("val",), expected)


@dataclass(frozen=True, slots=True)
class Folder(ClassFolders):
    """Your own images in one folder per class.

    What is left unset is prepared as the network's weights prescribe, or as is usual for ImageNet. One value
    in ``mean`` and ``std`` makes the images grey.
    """

    name: ClassVar[str] = "folder"

    @classmethod
    def words_for(cls, name: str) -> str | None:
        """Return how a folder is written that is no data set's name."""
        return f"{cls.name} data.root={name}" if "/" in name or Path(name).is_dir() else None

    root: Annotated[Path, Field(description="holds train/CLASS/*.png, test/ or val/, and calibration/ if you like")]

    def open(self, preprocess: Preprocess | None) -> LabelledData:
        """Return the splits; calibration uses the training images where it has no folder of its own."""
        prepare = choose_preprocess(self, preprocess)
        expected = "train/CLASS/*.png, test/CLASS/*.png (or val/) and, optionally, calibration/CLASS/*.png"
        return _open(self, prepare, ("calibration", "train"), ("test", "val"), expected)


def choose_preprocess(source: ClassFolders, known: Preprocess | None) -> Preprocess:
    """Return the preparation that the network's weights prescribe, changed where the source says otherwise."""
    base = known or IMAGENET
    crop = source.size or base.crop
    prepare = replace(
        base,
        crop=crop,
        resize=source.resize or round(crop * base.resize / base.crop),
        mean=source.mean or base.mean,
        std=source.std or base.std,
        interpolation=source.interpolation or base.interpolation,
    )
    if prepare.resize < prepare.crop:
        raise SnnfwError(
            f"data.resize={prepare.resize} is smaller than data.size={prepare.crop}, which would leave a "
            f"black frame around every image: set data.resize to {prepare.crop} or more."
        )
    if len(prepare.mean) != len(prepare.std):
        raise SnnfwError(
            f"data.mean has {len(prepare.mean)} values and data.std {len(prepare.std)}: "
            "give both one value for grey images, or three for colour."
        )
    return prepare


def _open(
    source: ClassFolders,
    prepare: Preprocess,
    calibration: tuple[str, ...],
    evaluation: tuple[str, ...],
    expected: str,
) -> LabelledData:
    """Return the splits under the source's root; each tuple holds a split's folder names, the preferred one first."""
    name, root = source.name, source.root
    folders = split_folders(name, root, (("train",), calibration, evaluation), expected)
    classes = class_names(name, folders, expected)
    listed = {folder: list_images(name, folder, classes, prepare) for folder in dict.fromkeys(folders)}
    training, calibrating, evaluating = (listed[folder][0] for folder in folders)
    return LabelledData(
        classes=classes,
        shape=(len(prepare.mean), prepare.crop, prepare.crop),
        training=_training(source, training),
        calibration=calibrating,
        evaluation=evaluating,
        prepared=prepare,
        reading=Reading(
            data=name,
            place=root,
            what="images",
            read={folder.name: len(files) for folder, (files, _) in listed.items()},
            classes=len(classes),
            notes=_colour_notes(calibrating, prepare),
            left_out=merge_left_out(
                unused_splits(root, ("train", *calibration, *evaluation), folders),
                *(left_out for _, left_out in listed.values()),
            ),
        ),
    )


def _colour_notes(files: FileSamples, prepare: Preprocess) -> tuple[str, ...]:
    """Return a sentence where images are read in other colours than they have, by the first one."""
    from snnfw_tasks.samples.images import decode_image

    path, _ = files.files[0]
    mode, wanted = decode_image(path, files.data).mode, len(prepare.mean)
    grey = mode in ("1", "L", "LA", "F", "I") or mode.startswith("I;16")
    if grey == (wanted == 1):
        return ()
    is_, read = ("grey", "in colour") if grey else ("in colour", "grey")
    values = "three values" if wanted == 3 else "one value"
    other = "one" if wanted == 3 else "three"
    return (f"images are {is_} and read {read}, since data.mean has {values}: {other} would keep them as they are.",)


def _training(source: ClassFolders, files: FileSamples) -> Samples:
    """Return the training images as the source wants them distorted."""
    from snnfw_tasks.classification.data.random_crops import RandomCrops

    if source.augment == "none":
        return files
    policy = source.policy if source.augment == "auto" else None
    return RandomCrops(files.files, files.prepare, files.data, policy)


def list_images(name: str, split: Path, classes: tuple[str, ...], prepare: Preprocess) -> tuple[FileSamples, LeftOut]:
    """Return a split's image files in a fixed order, at least one of every class, and what is no image."""
    from torchvision.datasets.folder import IMG_EXTENSIONS

    from snnfw_tasks.samples.images import FileSamples

    files, left_out = list_by_class(split, classes, IMG_EXTENSIONS)
    present = {number for _, number in files}
    for number, label in enumerate(classes):
        if number not in present:
            raise SnnfwError(
                f"data '{name}' has no image of the class '{label}' in '{split}': every split needs every class."
            )
    return FileSamples(files, prepare, name), merge_left_out(list_unknown(split, classes), left_out)
