"""Images and boxes through ultralytics' own data set: letterboxed to one size, in batches, checked beforehand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnfw import Resources, SnnfwError
from snnfw_tasks.detection.data.labels import image_problem, read_image, require_labels
from snnfw_tasks.detection.data.listing import label_file, list_images
from snnfw_tasks.detection.library import require_ultralytics
from snnfw_tasks.samples.reading import BROKEN, Reading, merge_left_out, summarise_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from snnfw_tasks.samples.boxed import Augmentation, Splits
    from snnfw_tasks.samples.reading import LeftOut

REPEATED = "label files' rows that come again"

QUIET = Resources()
"""What tells nobody how far something is."""


def open_images(
    places: Sequence[Path],
    side: int,
    names: tuple[str, ...],
    choose: Callable[[list[str]], list[str]],
    split: str,
    skip_broken: bool,
    augment: Augmentation | None = None,
    resources: Resources = QUIET,
) -> tuple[Any, Part]:
    """Return ultralytics' data set of the images that ``choose`` picks of all the split's, distorted or as they are.

    Broken images are an SnnfwError that names the first, here where its head tells and otherwise when it is read; or
    all are decoded here, and broken ones left out. No cache of labels is read or written beside the user's images:
    reading one would unpickle it.
    """
    require_ultralytics()
    from snnfw_tasks.detection.data.dataset import CheckedImages

    listing = list_images(places)
    if not listing.files:
        listed = ", ".join(f"'{place}'" for place in places)
        raise SnnfwError(f"the {split} split finds no images in {listed}: check the paths in data.yaml.")
    files, broken = separate_broken(choose(list(listing.files)), split, skip_broken, resources)
    pairs = [(file, label_file(file)) for file in files]
    tracked = resources.track(pairs, f"read labels of {split}", len(pairs))
    labels = [read_entry(image, label, len(names)) for image, label in tracked]
    images = CheckedImages(
        files,
        labels,
        split,
        decoded=skip_broken,
        places=places,
        imgsz=side,
        augment=augment is not None,
        hyp=library_words(augment),
        rect=False,
        data={"names": dict(enumerate(names)), "channels": 3},
    )
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


def separate_broken(
    files: list[str], split: str, skip_broken: bool, resources: Resources = QUIET
) -> tuple[list[str], list[str]]:
    """Return the files that can be used, and the others, which are an error unless they may be skipped.

    Only those that may be skipped are decoded for that: of others the head is looked at.
    """
    look = partial(image_problem, decode=skip_broken)
    with ThreadPoolExecutor() as pool:
        problems = list(resources.track(pool.map(look, map(Path, files)), f"look at images of {split}", len(files)))
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
