"""Read images' boxes and refuse what ultralytics would drop in silence: broken images, labels that cannot be."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from snnfw import SnnfwError
from snnfw_tasks.samples.images import SIXTEEN, decoding_errors, explain_ambiguity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

JPEG_END = b"\xff\xd9"
TOLERANCE = 0.01
"""How far beyond the image ultralytics lets coordinates be, which are fractions of its sides."""


def image_problem(path: Path, decode: bool = True) -> str | None:
    """Return why an image file cannot be used, or nothing; with ``decode`` it is decoded for that, to the end."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            count = getattr(image, "n_frames", 1)
            if decode:
                image.load()
            size, kind, mode = image.size, image.format, image.mode
    except (UnidentifiedImageError, ImportError):  # the latter from ultralytics, which looks for another decoder
        return "it is of no known format"
    except decoding_errors() as error:
        return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    if several := explain_ambiguity(count, kind):
        return several
    if mode == "F" or (mode == "I" and kind not in SIXTEEN):
        return f"it is of mode {mode}, and images have 8 or 16 bits"
    if min(size) < 10:
        return f"its size is {size[0]} by {size[1]} pixels, ultralytics takes 10 or more"
    if kind == "JPEG":
        with path.open("rb") as file:
            file.seek(-2, os.SEEK_END)
            if file.read() != JPEG_END:  # which ultralytics would write anew, over the user's file
                return "bytes follow the end of the JPEG, or its end is missing"
    return None


def require_labels(path: Path, classes: int) -> None:
    """Raise an SnnfwError that names the first row that is not a box, or a polygon, of a known class in the image."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise SnnfwError(f"labels '{path}' are not text: give one row per box, class x y width height.") from error
    for number, line in enumerate(lines, start=1):
        if words := line.split():
            _require_row(words, f"labels '{path}', row {number},", classes)


def _require_row(words: Sequence[str], where: str, classes: int) -> None:
    """Raise an SnnfwError unless a row is a class and a box, or a class and a polygon's corners."""
    expected = "a row is class x y width height, or class and a polygon's x y pairs"
    if len(words) != 5 and not (len(words) >= 7 and len(words) % 2):
        raise SnnfwError(f"{where} have {len(words)} columns: {expected}.")
    try:
        label, *values = (float(word) for word in words)
    except ValueError as error:
        raise SnnfwError(f"{where} hold something other than numbers: {expected}.") from error
    if label not in range(classes):
        raise SnnfwError(f"{where} have the class {words[0]}: the data set names the classes 0 to {classes - 1}.")
    if not all(-TOLERANCE <= value <= 1 + TOLERANCE for value in values):  # not for NaN either
        raise SnnfwError(
            f"{where} lie outside the image: coordinates are fractions of its width and height, from 0 to 1."
        )
    if len(words) == 5 and min(values[2:]) < 0:
        raise SnnfwError(f"{where} have a negative width or height: {expected}.")


def read_image(image: str, label: str, classes: int) -> dict[str, Any]:
    """Return an image's entry as ultralytics' own code reads it; the file and its labels are known to be usable."""
    from ultralytics.data.utils import verify_image_label

    found = verify_image_label((image, label, "", False, classes, 0, 0, False))
    file, rows, shape, segments, _, _, _, _, corrupt, message = found
    if corrupt:
        reason = message.rpartition("image/label: ")[2]
        raise SnnfwError(f"image '{image}' and its labels '{label}' cannot be used: {reason}.")
    return {
        "im_file": file,
        "shape": shape,
        "cls": rows[:, 0:1],
        "bboxes": rows[:, 1:],
        "segments": segments,
        "keypoints": None,
        "normalized": True,
        "bbox_format": "xywh",
    }
