"""Images and boxes through ultralytics' own data set: letterboxed to one size, in batches, checked beforehand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnfw import SnnfwError
from snnfw_tasks.detection.data.labels import image_problem, read_image, require_labels
from snnfw_tasks.detection.data.listing import label_file, list_images
from snnfw_tasks.detection.library import require_ultralytics
from snnfw_tasks.samples.reading import BROKEN, Reading, merge_left_out, summarise_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from snnfw_tasks.samples.boxed import Augmentation, Splits
    from snnfw_tasks.samples.reading import LeftOut

REPEATED = "label files' rows that come again"


def open_images(
    places: Sequence[Path],
    side: int,
    names: tuple[str, ...],
    choose: Callable[[list[str]], list[str]],
    split: str,
    skip_broken: bool,
    augment: Augmentation | None = None,
) -> tuple[Any, Part]:
    """Return ultralytics' data set of the images that ``choose`` picks of all the split's, distorted or as they are.

    Broken images are an SnnfwError that names the first, or are left out. No cache of labels is read or written
    beside the user's images: reading one would unpickle it.
    """
    require_ultralytics()
    from ultralytics.data.dataset import YOLODataset

    listing = list_images(places)
    if not listing.files:
        listed = ", ".join(f"'{place}'" for place in places)
        raise SnnfwError(f"the {split} split finds no images in {listed}: check the paths in data.yaml.")
    files, broken = separate_broken(choose(list(listing.files)), split, skip_broken)
    pairs = [(file, label_file(file)) for file in files]
    labels = [read_entry(image, label, len(names)) for image, label in pairs]

    class CheckedImages(YOLODataset):  # type: ignore[misc]  # the library is untyped
        """The data set of these files, with labels that are read anew and checked."""

        def get_img_files(self, img_path: list[str]) -> list[str]:
            del img_path
            return files

        def get_labels(self) -> list[dict[str, Any]]:
            self.verify_labels(labels, Path(split))
            return labels

    images = CheckedImages(
        [str(place) for place in places],
        imgsz=side,
        augment=augment is not None,
        hyp=library_words(augment),
        rect=False,
        data={"names": dict(enumerate(names)), "channels": 3},
    )
    # It would take an array of this name for the image, and delete one that it cannot read: let it find none.
    images.npy_files = [Path(file) / "none" for file in images.im_files]
    images.__class__ = YOLODataset  # worker processes can import that one, and all that was ours is done
    repeated = [label for (_, label), entry in zip(pairs, labels, strict=True) if count_rows(label) > len(entry["cls"])]
    unlabelled = tuple(image for image, label in pairs if not Path(label).is_file())
    left_out = merge_left_out(listing.left_out, {BROKEN: broken, REPEATED: repeated})
    return images, Part(len(listing.files), left_out, unlabelled)


def library_words(augment: Augmentation | None) -> Any:
    """Return ultralytics' settings, with what is said of augmentation."""
    from ultralytics.cfg import get_cfg

    return get_cfg(overrides=asdict(augment) if augment else {})


@dataclass(frozen=True, slots=True)
class Part:
    """How many images a split has, what was left out of it, and which of those in use have no label file."""

    count: int
    left_out: LeftOut
    unlabelled: tuple[str, ...]


def make_reading(data: str, splits: Splits, calibration: Part, evaluation: Part) -> Reading | None:
    """Return the reading of the user's own images, and nothing for the embedded ones."""
    if splits.place is None:
        return None
    empty = summarise_names((*calibration.unlabelled, *evaluation.unlabelled), splits.place)
    note = f"images without a label file, which count as images of nothing: {empty}."
    return Reading(
        data=data,
        place=splits.place,
        what="images",
        read={"train": calibration.count, splits.evaluation_split: evaluation.count},
        classes=len(splits.names),
        left_out=merge_left_out(calibration.left_out, evaluation.left_out),
        notes=(note,) if calibration.unlabelled or evaluation.unlabelled else (),
    )


def separate_broken(files: list[str], split: str, skip_broken: bool) -> tuple[list[str], list[str]]:
    """Return the files that can be decoded, and the others; a broken one is an error unless it may be skipped."""
    with ThreadPoolExecutor() as pool:
        problems = list(pool.map(lambda file: image_problem(Path(file)), files))
    broken = [(file, problem) for file, problem in zip(files, problems, strict=True) if problem]
    if broken and not skip_broken:
        file, problem = broken[0]
        raise SnnfwError(
            f"{len(broken)} of the {len(files)} images of the {split} split cannot be used, the first is '{file}' "
            f"({problem}): repair or remove it, or set data.skip_broken=true."
        )
    left = [file for file, problem in zip(files, problems, strict=True) if not problem]
    if not left:
        raise SnnfwError(f"the {split} split holds no image that can be used.")
    return left, [file for file, _ in broken]


def read_entry(image: str, label: str, classes: int) -> dict[str, Any]:
    """Return an image's entry with its boxes; an image without a label file holds nothing."""
    if Path(label).is_file():
        require_labels(Path(label), classes)
    return read_image(image, label, classes)


def count_rows(label: str) -> int:
    """Return how many rows a label file has, of which ultralytics drops those that come again."""
    path = Path(label)
    return sum(bool(line.strip()) for line in path.read_bytes().splitlines()) if path.is_file() else 0
