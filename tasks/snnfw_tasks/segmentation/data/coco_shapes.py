"""The pixels that one of COCO's objects covers, given as polygons or as run lengths, and what is wrong with either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Region: TypeAlias = "NDArray[np.bool_]"


def shape_problem(shape: Any, size: tuple[int, int] | None) -> str | None:
    """Return why a segmentation cannot be drawn in an image of that (width, height), or nothing."""
    if shape is None or shape == []:
        return "has no segmentation, so that its pixels are unknown"
    if isinstance(shape, list):
        return _polygons_problem(polygons(shape), size)
    if isinstance(shape, dict) and "counts" in shape:
        return _runs_problem(shape, size)
    return "has a segmentation that is neither polygons nor run lengths"


def draw_region(shape: Any, width: int, height: int) -> Region:
    """Return which pixels [H, W] an object without a problem covers."""
    if isinstance(shape, list):
        return _draw_polygons(polygons(shape), width, height)
    counts = run_lengths(shape["counts"])
    runs = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return runs.reshape(width, height).T  # runs go down the columns


def polygons(shape: Sequence[Any]) -> Sequence[Any]:
    """Return an object's polygons; one alone may stand without the list around it."""
    return [shape] if all(isinstance(value, int | float) for value in shape) else shape


def _polygons_problem(given: Sequence[Any], size: tuple[int, int] | None) -> str | None:
    for corners in given:
        if not isinstance(corners, list) or not all(isinstance(value, int | float) for value in corners):
            return "has a polygon that is no list of numbers"
        if len(corners) % 2:
            return f"has a polygon of {len(corners)} numbers, which are no pairs of x and y"
        if not np.isfinite(corners).all():
            return "has a polygon with NaN or infinity"
    drawn = [np.reshape(corners, (-1, 2)) for corners in given if len(corners) >= 6]
    if not drawn:
        return "has no polygon of three corners or more"
    places = np.concatenate(drawn)
    if size and ((places.max(0) < 0).any() or (places.min(0) > size).any()):
        return f"lies outside its image of {size[0]} by {size[1]} pixels"
    return None


def _runs_problem(shape: dict[str, Any], size: tuple[int, int] | None) -> str | None:
    try:
        counts = run_lengths(shape["counts"])
    except (TypeError, ValueError, IndexError):
        return "has run lengths that cannot be read"
    if min(counts, default=0) < 0:
        return "has run lengths below zero"
    told = shape.get("size")
    own = (told[1], told[0]) if isinstance(told, list) and len(told) == 2 else size
    if size and own != size:
        return f"has run lengths for {own[0]} by {own[1]} pixels and its image has {size[0]} by {size[1]}"  # type: ignore[index]
    if own and sum(counts) != own[0] * own[1]:
        return f"has run lengths of {sum(counts)} pixels, and {own[0]} by {own[1]} are {own[0] * own[1]}"
    return None


def run_lengths(counts: Any) -> list[int]:
    """Return run lengths as numbers, also where they are compressed to text as pycocotools writes them.

    A number is written in groups of 5 bits, the lowest first, each as the character 48 + bits, with bit 5 where more
    follow and the last one's bit 4 as sign. From the fourth on it is the difference to the number before the last.
    """
    if isinstance(counts, list):
        return [int(count) for count in counts]
    found: list[int] = []
    codes = iter(counts.encode())
    for code in codes:
        value, shift, group = 0, 0, code - 48
        while True:
            if not 0 <= group < 64:
                raise ValueError(counts)
            value |= (group & 31) << shift
            shift += 5
            if not group & 32:
                break
            group = next(codes, 0) - 48
        if group & 16:
            value -= 1 << shift
        found.append(value + (found[-2] if len(found) > 2 else 0))
    return found


def _draw_polygons(given: Sequence[Sequence[float]], width: int, height: int) -> Region:
    """Return the pixels inside any of the polygons [x, y, x, y, ...]."""
    from PIL import Image, ImageDraw

    picture = Image.new("1", (width, height))
    for corners in given:
        if len(corners) >= 6:
            ImageDraw.Draw(picture).polygon(list(corners), fill=1)
    return np.array(picture)
