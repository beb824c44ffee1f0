"""Find a split's images, in folders or in lists, and say what is no image or has no partner."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from snnfw_tasks.detection.library import require_ultralytics
from snnfw_tasks.samples.reading import OTHER, Listing, list_files, merge_left_out, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from snnfw_tasks.samples.reading import LeftOut

STRAYS = "labels of no image"
TWICE = "images listed twice"


def list_images(places: Sequence[Path]) -> Listing:
    """Return the images of a split in ultralytics' order, and what else its folders, lists and labels hold."""
    folders = [place for place in places if place.is_dir()]
    listings = [list_files(place, _suffixes()) if place in folders else _listed_images(place) for place in places]
    counts = Counter(file for listing in listings for file in listing.files)
    labels = {label_file(file) for file in counts}
    left_out = merge_left_out(*(listing.left_out for listing in listings), *_list_unknown(folders))
    others = [file for file in left_out.get(OTHER, ()) if file not in labels]
    apart = {STRAYS: [file for file in others if file.endswith(".txt")], TWICE: [f for f, n in counts.items() if n > 1]}
    rest = {OTHER: [file for file in others if not file.endswith(".txt")]}
    return Listing(tuple(sorted(counts)), {**left_out, **rest, **apart})


def label_file(image: str) -> str:
    """Return where ultralytics looks for an image's labels: under labels instead of images."""
    require_ultralytics()
    from ultralytics.data.utils import img2label_paths

    return str(img2label_paths([image])[0])


def _suffixes() -> tuple[str, ...]:
    require_ultralytics()
    from ultralytics.data.utils import IMG_FORMATS

    return tuple(f".{name}" for name in IMG_FORMATS)


def _listed_images(file: Path) -> Listing:
    """Return the images that a text file names, one in a line; ./ begins where the file lies."""
    images: list[str] = []
    others: list[str] = []
    endings = _suffixes()
    for line in read_lines(file, "yolo"):
        path = line.replace("./", f"{file.parent}{os.sep}", 1) if line.startswith("./") else line
        (images if path.lower().endswith(endings) else others).append(path)
    return Listing(tuple(images), {OTHER: others})


def _list_unknown(folders: Sequence[Path]) -> Iterator[LeftOut]:
    """Yield what lies in the folders of labels beside those of images, as if nothing of it were read."""
    for folder in folders:
        labels = Path(label_file(str(folder / "x.jpg"))).parent
        if labels.is_dir() and not labels.is_relative_to(folder):
            yield list_files(labels, ()).left_out
