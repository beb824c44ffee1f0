"""CIFAR-10 and CIFAR-100 from the files that their authors publish for Python."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import TYPE_CHECKING, Annotated, ClassVar, TypeAlias

from pydantic import Field

from snnfw.errors import SnnfwError
from snnfw_tasks.labelled import LabelledData, Preprocess

if TYPE_CHECKING:
    from torchvision.datasets import CIFAR10

    from snnfw_tasks.datasets.images import PixelSamples


Mean: TypeAlias = Annotated[tuple[float, float, float], Field(description="subtracted from red, green and blue")]
Positive: TypeAlias = Annotated[float, Field(gt=0)]
Deviation: TypeAlias = Annotated[
    tuple[Positive, Positive, Positive], Field(description="what red, green and blue are divided by")
]


@dataclass(frozen=True, slots=True)
class Cifar10:
    """CIFAR-10 as published; nothing is downloaded."""

    name: ClassVar[str] = "cifar10"
    tasks: ClassVar[tuple[str, ...]] = ("classification",)

    root: Annotated[Path, Field(description="the folder that holds cifar-10-batches-py")]
    mean: Mean = (0.4914, 0.4822, 0.4465)
    std: Deviation = (0.2470, 0.2435, 0.2616)

    def open(self, preprocess: Preprocess | None) -> LabelledData:
        """Return the 50,000 training images, for calibration too, and the 10,000 test images."""
        del preprocess  # the images are 32×32; only their normalisation is open, and that is this source's
        from torchvision.datasets import CIFAR10

        return _open(CIFAR10, self.name, self.root, self.mean, self.std)


@dataclass(frozen=True, slots=True)
class Cifar100:
    """CIFAR-100 with its fine labels, as published; nothing is downloaded."""

    name: ClassVar[str] = "cifar100"
    tasks: ClassVar[tuple[str, ...]] = ("classification",)

    root: Annotated[Path, Field(description="the folder that holds cifar-100-python")]
    mean: Mean = (0.5071, 0.4865, 0.4409)
    std: Deviation = (0.2673, 0.2564, 0.2762)

    def open(self, preprocess: Preprocess | None) -> LabelledData:
        """Return the 50,000 training images, for calibration too, and the 10,000 test images."""
        del preprocess
        from torchvision.datasets import CIFAR100

        return _open(CIFAR100, self.name, self.root, self.mean, self.std)


def _open(kind: type[CIFAR10], name: str, root: Path, mean: tuple[float, ...], std: tuple[float, ...]) -> LabelledData:
    """Return both of CIFAR's parts after checking that every file is there and undamaged."""
    from snnfw_tasks.augmentation import cropped_and_flipped

    require_files(kind, name, root)
    parts = {train: kind(root, train=train) for train in (True, False)}

    def split(train: bool) -> PixelSamples:
        import torch

        from snnfw_tasks.datasets.images import PixelSamples

        pixels = torch.from_numpy(parts[train].data).permute(0, 3, 1, 2)
        return PixelSamples(pixels, parts[train].targets, 255.0, mean, std)

    training = split(True)
    return LabelledData(
        classes=tuple(parts[True].classes),
        shape=(3, 32, 32),
        training=training,
        calibration=training,
        evaluation=split(False),
        augment=cropped_and_flipped,
    )


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
