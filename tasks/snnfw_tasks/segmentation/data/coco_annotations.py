"""Read a file of COCO's instances: entries checked, ids and names matched, and what fits nothing named."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from snnfw import SnnfwError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from snnfw_tasks.samples.reading import LeftOut

    Entries: TypeAlias = Sequence[Mapping[str, Any]]
    Labelled: TypeAlias = tuple[int, Mapping[str, Any]]

NEEDED = {
    "images": ("id", "file_name"),
    "annotations": ("image_id", "category_id"),
    "categories": ("id", "name"),
}
"""What every entry of each list has to hold."""

ORPHANS = "annotations of no image"


@dataclass(frozen=True, slots=True)
class Annotations:
    """What a file holds: images, objects with what they belong to, and categories' names by their ids."""

    path: Path
    images: Entries
    things: Entries
    categories: Mapping[Any, str]

    def objects(self, label_of: Callable[[str], int]) -> tuple[list[list[Labelled]], LeftOut]:
        """Return each image's objects with their labels, without those labelled 0, and objects of no image."""
        images, categories = Ids(image["id"] for image in self.images), Ids(self.categories)
        found: dict[Any, list[Labelled]] = {image["id"]: [] for image in self.images}
        known = {number: label_of(self.categories[number]) for number in self._used(categories)}
        orphans = []
        for thing in self.things:
            image, label = images.find(thing["image_id"]), known[categories.find(thing["category_id"])]
            if image is None:
                orphans.append(f"{describe_object(thing)} of image {thing['image_id']!r} in {self.path.name}")
            elif label:
                found[image].append((label, thing))
        if orphans and len(orphans) == len(self.things):
            raise SnnfwError(
                f"'{self.path}' has {len(orphans)} annotations and none is of an image that it lists, the first is of "
                f"image {self.things[0]['image_id']!r}: correct image_id."
            )
        return list(found.values()), {ORPHANS: orphans}

    def _used(self, categories: Ids) -> set[Any]:
        """Return the categories that have objects, or raise an SnnfwError that names an object of none."""
        for thing in self.things:
            if categories.find(thing["category_id"]) is None:
                raise SnnfwError(
                    f"{describe_object(thing)} in '{self.path}' is of the category {thing['category_id']!r}, which the "
                    "file does not list: add it to categories, or correct the number."
                )
        return {categories.find(thing["category_id"]) for thing in self.things}


def describe_object(thing: Mapping[str, Any]) -> str:
    """Return how an object is called in errors."""
    return f"annotation {thing['id']}" if "id" in thing else "an annotation without id"


class Ids:
    """Find ids that are written another way elsewhere: 7 as '7', as long as no two of them then are the same."""

    def __init__(self, ids: Iterable[Any]) -> None:
        self._ids = set(ids)
        alike = Counter(map(plain_id, self._ids))
        self._plain = {plain_id(one): one for one in self._ids if alike[plain_id(one)] == 1}

    def find(self, written: Any) -> Any | None:
        """Return the id that is meant, or nothing."""
        return written if written in self._ids else self._plain.get(plain_id(written))


def plain_id(one: Any) -> Any:
    """Return an id as a whole number where it reads as one."""
    return int(one) if isinstance(one, str) and one.strip().isdecimal() else one


def read_annotations(path: Path) -> Annotations:
    """Return the annotations of a file."""
    if not path.is_file():
        raise SnnfwError(f"data 'coco' finds no file '{path}': data.root has to hold annotations/, train and val.")
    try:
        read = json.loads(path.read_bytes())
        lists = {kind: read[kind] for kind in NEEDED}
    except (ValueError, KeyError, TypeError):
        lists = {}
    if not lists or not all(isinstance(entries, list) for entries in lists.values()):
        raise SnnfwError(f"'{path}' holds no instances of COCO's: it needs images, annotations and categories.")
    for kind, entries in lists.items():
        _require_entries(path, kind, entries)
    _require_once(path, "images", "id", lists["images"])
    _require_once(path, "images", "file_name", lists["images"])
    _require_once(path, "categories", "id", lists["categories"])
    _require_once(path, "categories", "name", lists["categories"])
    names = {category["id"]: str(category["name"]) for category in lists["categories"]}
    return Annotations(path, lists["images"], lists["annotations"], names)


def _require_entries(path: Path, kind: str, entries: Sequence[Any]) -> None:
    """Raise an SnnfwError that names the first entry that lacks what each of its kind needs."""
    for number, entry in enumerate(entries):
        values = [entry.get(key) if isinstance(entry, dict) else None for key in NEEDED[kind]]
        if not all(isinstance(value, str | int | float) for value in values):
            raise SnnfwError(
                f"entry {number} of {kind} in '{path}' has no {' or no '.join(NEEDED[kind])}: "
                "add it or remove the entry."
            )


def _require_once(path: Path, kind: str, key: str, entries: Entries) -> None:
    """Raise an SnnfwError where two entries have the same id or name: nothing tells which one is meant."""
    value, count = Counter(entry[key] for entry in entries).most_common(1)[0] if entries else (None, 1)
    if count > 1:
        raise SnnfwError(
            f"'{path}' has {count} {kind} with the {key} {value!r}: give each its own, or remove the others."
        )
