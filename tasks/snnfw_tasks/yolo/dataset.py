"""Images and boxes through ultralytics' own data set: letterboxed to one size, in batches, checked beforehand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnfw.errors import SnnfwError
from snnfw_tasks.yolo.labels import image_problem, read_image, require_labels
from snnfw_tasks.yolo.library import require_ultralytics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch.utils.data import Dataset


def open_images(
    folders: Sequence[Path],
    side: int,
    names: tuple[str, ...],
    choose: Callable[[list[str]], list[str]],
    split: str,
    skip_broken: bool,
) -> Dataset[dict[str, Any]]:
    """Return ultralytics' data set of the images that ``choose`` picks of all the split's, without augmentation.

    Broken images are an SnnfwError that names the first, or are left out. No cache of labels is read or written
    beside the user's images: reading one would unpickle it.
    """
    require_ultralytics()
    from ultralytics.data.dataset import YOLODataset

    class CheckedImages(YOLODataset):  # type: ignore[misc]  # the library is untyped
        """The data set with labels that are read anew and checked."""

        def get_img_files(self, img_path: list[str]) -> list[str]:
            return usable(choose(super().get_img_files(img_path)), split, skip_broken)

        def get_labels(self) -> list[dict[str, Any]]:
            pairs = zip(self.im_files, self.get_label_files(), strict=True)
            labels = [labelled(image, label, len(names)) for image, label in pairs]
            self.verify_labels(labels, Path(split))
            return labels

    try:
        images = CheckedImages(
            [str(folder) for folder in folders],
            imgsz=side,
            augment=False,
            rect=False,
            data={"names": dict(enumerate(names)), "channels": 3},
        )
    except FileNotFoundError as error:
        listed = ", ".join(f"'{folder}'" for folder in folders)
        raise SnnfwError(f"the {split} split finds no images in {listed}: check the paths in data.yaml.") from error
    # It would take an array of this name for the image, and delete one that it cannot read: let it find none.
    images.npy_files = [Path(file) / "none" for file in images.im_files]
    images.__class__ = YOLODataset  # worker processes can import that one, and all that was ours is done
    return images


def usable(files: list[str], split: str, skip_broken: bool) -> list[str]:
    """Return the files that can be decoded; a broken one is an error unless it may be skipped."""
    with ThreadPoolExecutor() as pool:
        problems = list(pool.map(lambda file: image_problem(Path(file)), files))
    broken = [(file, problem) for file, problem in zip(files, problems, strict=True) if problem]
    if broken and not skip_broken:
        file, problem = broken[0]
        raise SnnfwError(
            f"{len(broken)} of the {len(files)} images of the {split} split cannot be used, the first is '{file}' "
            f"({problem}): repair or remove it, or set data.skip_broken=true."
        )
    left = {file for file, problem in zip(files, problems, strict=True) if not problem}
    if not left:
        raise SnnfwError(f"the {split} split holds no image that can be used.")
    return [file for file in files if file in left]


def labelled(image: str, label: str, classes: int) -> dict[str, Any]:
    """Return an image's entry with its boxes; an image without a label file holds nothing."""
    if Path(label).is_file():
        require_labels(Path(label), classes)
    return read_image(image, label, classes)
