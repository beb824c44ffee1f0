"""CIFAR-10 and CIFAR-100 from the files that their authors publish for Python."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from snnfw import SnnfwError
from snnfw_tasks.samples.labelled import LabelledData, Preprocess
from snnfw_tasks.samples.options import Positive  # pydantic resolves it at run time
from snnfw_tasks.samples.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor
    from torchvision.datasets import CIFAR10

    from snnfw_tasks.samples.images import PixelSamples


Mean: TypeAlias = Annotated[tuple[float, float, float], Field(description="subtracted from red, green and blue")]
Deviation: TypeAlias = Annotated[
    tuple[Positive, Positive, Positive], Field(description="what red, green and blue are divided by")
]
Augment: TypeAlias = Annotated[
    Literal["standard", "auto", "none"],
    Field(description="training images: cropped and mirrored; AutoAugment and Cutout too; or as they are"),
]


@dataclass(frozen=True, slots=True)
class Cifar:
    """What the authors' files leave open: where they are, and how images are normalised and distorted."""

    name: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]] = ("classification",)

    root: Path
    mean: Mean
    std: Deviation
    augment: Augment = "standard"


@dataclass(frozen=True, slots=True)
class Cifar10(Cifar):
    """CIFAR-10 as published; nothing is downloaded."""

    name: ClassVar[str] = "cifar10"

    root: Annotated[Path, Field(description="the folder that holds cifar-10-batches-py")]
    mean: Mean = (0.4914, 0.4822, 0.4465)
    std: Deviation = (0.2470, 0.2435, 0.2616)

    def open(self, preprocess: Preprocess | None) -> LabelledData:
        """Return the 50,000 training images, for calibration too, and the 10,000 test images."""
        del preprocess  # the images are 32×32; only their normalisation is open, and that is this source's
        from torchvision.datasets import CIFAR10

        return _open(CIFAR10, self)


@dataclass(frozen=True, slots=True)
class Cifar100(Cifar):
    """CIFAR-100 with its fine labels, as published; nothing is downloaded."""

    name: ClassVar[str] = "cifar100"

    root: Annotated[Path, Field(description="the folder that holds cifar-100-python")]
    mean: Mean = (0.5071, 0.4865, 0.4409)
    std: Deviation = (0.2673, 0.2564, 0.2762)

    def open(self, preprocess: Preprocess | None) -> LabelledData:
        """Return the 50,000 training images, for calibration too, and the 10,000 test images."""
        del preprocess
        from torchvision.datasets import CIFAR100

        return _open(CIFAR100, self)


def _open(kind: type[CIFAR10], source: Cifar) -> LabelledData:
    """Return both of CIFAR's parts after checking that every file is there and undamaged."""
    require_files(kind, source.name, source.root)
    parts = {train: kind(source.root, train=train) for train in (True, False)}

    def split(train: bool) -> PixelSamples:
        import torch

        from snnfw_tasks.samples.images import PixelSamples

        pixels = torch.from_numpy(parts[train].data).permute(0, 3, 1, 2)
        return PixelSamples(pixels, parts[train].targets, 255.0, source.mean, source.std)

    training = split(True)
    return LabelledData(
        classes=tuple(parts[True].classes),
        shape=(3, 32, 32),
        training=training,
        calibration=training,
        evaluation=split(False),
        augment=_augment(source),
        reading=Reading(
            data=source.name,
            place=source.root / kind.base_folder,
            what="images",
            read={name: len(parts[train].targets) for name, train in (("train", True), ("test", False))},
            classes=len(parts[True].classes),
        ),
    )


def _augment(source: Cifar) -> Callable[[Tensor], Tensor] | None:
    """Return the function that distorts a batch of training images."""
    from snnfw_tasks.classification.augment import crop_and_flip, crop_flip_and_auto_augment

    if source.augment == "auto":
        return partial(crop_flip_and_auto_augment, mean=source.mean, std=source.std)
    return crop_and_flip if source.augment == "standard" else None


def require_files(kind: type[CIFAR10], name: str, root: Path) -> None:
    """Raise an SnnfwError that names the first of CIFAR's files that is missing or not what was published.

    The sums are checked before anything is read because the files are pickles.
    """
    from torchvision.datasets.utils import check_integrity

    folder = root / kind.base_folder
    files = {**dict(kind.train_list + kind.test_list), kind.meta["filename"]: kind.meta["md5"]}
    for file, md5 in files.items():
        if not (folder / file).is_file():
            raise SnnfwError(
                f"data '{name}' finds no file '{folder / file}': extract {kind.filename} into '{root}', "
                f"so that '{folder}' holds {', '.join(files)}."
            )
        if not check_integrity(str(folder / file), md5):
            raise SnnfwError(
                f"file '{folder / file}' is damaged, its MD5 sum is not the published {md5}: "
                f"extract {kind.filename} into '{root}' again."
            )
