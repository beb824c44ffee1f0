"""Draw a scene: handwritten digits, coloured, turned and overlapping, on a colourful background."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from snnfw_tasks.samples.digits import read_digits, stratified_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Pixels: TypeAlias = "NDArray[Any]"

SIDE = 128
"""Height and width of a scene in pixels."""
MOST = 6
"""Most digits in a scene."""
SMALLEST, LARGEST = 28, 56
"""Height and width of a digit, upright and with its margin, in pixels."""
TURN = 25.0
"""Largest rotation in degrees; a 6 has to stay a 6."""
INK = 0.38, 0.6
"""What of a digit's values from 0 to 1 is still clear, and what opaque: strokes end smoothly, holes stay open."""
VISIBLE = 0.4
"""Share of its pixels that a digit shows at least: less of it could not be recognised."""
PLACES = 8
"""How often a digit looks for a place before it is left out."""
CONTRAST = 0.4
"""Least distance between the colours of a digit and of what is behind it, each channel going from 0 to 1."""
OCTAVES = ((3, 0.15), (8, 0.09), (20, 0.05))
"""The background's cells per side and the deviation of their brightness, from coarse to fine."""

DIGITS = {"test": slice(0, 360), "val": slice(360, 600), "train": slice(600, None)}
"""Which of scikit-learn's 1797 digits a split is drawn from, in a stratified order: no digit is in two of them."""


@dataclass(frozen=True, slots=True)
class VisibleDigit:
    """A digit in a scene and the pixels that show it: columns left to right - 1, rows top to bottom - 1."""

    digit: int
    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Scene:
    """Colours [SIDE, SIDE, 3] and labels [SIDE, SIDE], 0 for the background and the digit + 1, as bytes; the digits."""

    image: Pixels
    labels: Pixels
    digits: Sequence[VisibleDigit]


def draw_scene(split: str, index: int, seed: int = 0) -> Scene:
    """Return a scene of a split, drawn with the split's own digits; the same arguments give the same scene.

    NumPy guarantees RandomState's stream for ever, so a scene depends on no library's version but for rounding.
    """
    random = np.random.RandomState([seed, sorted(DIGITS).index(split), index])
    images, classes = read_handwritten(split)
    picture = draw_background(random)
    owners = np.full((SIDE, SIDE), -1)
    areas: list[int] = []
    drawn: list[int] = []
    for chosen in random.randint(len(classes), size=random.randint(1, MOST + 1)):
        alpha = draw_digit(images[chosen], random)
        place = _free_place(owners, areas, alpha > 0.5, random)
        if place is not None:
            _paint(picture, alpha, place, random)
            owners[place][alpha > 0.5] = len(drawn)
            areas.append(int((alpha > 0.5).sum()))
            drawn.append(int(classes[chosen]))
    labels = np.array([0, *(digit + 1 for digit in drawn)], np.uint8)[owners + 1]
    found = tuple(_box(digit, owners == number) for number, digit in enumerate(drawn))
    return Scene((np.clip(picture, 0, 1) * 255).round().astype(np.uint8), labels, found)


@functools.cache
def read_handwritten(split: str) -> tuple[Pixels, Pixels]:
    """Return the split's digits, with a margin of one pixel and values from 0 to 1, and what they are."""
    digits, labels = read_digits()
    chosen = stratified_order(labels)[DIGITS[split]]
    images = np.pad(digits[chosen] / 16, ((0, 0), (1, 1), (1, 1)))
    return images.astype(np.float32), labels[chosen]


def draw_background(random: np.random.RandomState) -> Pixels:
    """Return colours [SIDE, SIDE, 3]: a random one, smooth variations at several scales, and stripes."""
    picture = np.tile(random.uniform(0.25, 0.75, 3), (SIDE, SIDE, 1))
    for cells, deviation in OCTAVES:
        spread = _spread(cells)
        noise = random.normal(0, deviation, (3, cells, cells))
        picture += (spread @ noise @ spread.T).transpose(1, 2, 0)
    angle, cycles, shift = random.uniform(0, np.pi), random.uniform(2, 12), random.uniform(0, 2 * np.pi)
    along = np.linspace(0, 2 * np.pi * cycles, SIDE)
    wave = np.sin(np.cos(angle) * along[:, None] + np.sin(angle) * along[None] + shift)
    picture += wave[:, :, None] * random.normal(0, 0.06, 3)
    return picture.clip(0.05, 0.95)


def draw_digit(image: Pixels, random: np.random.RandomState) -> Pixels:
    """Return a digit's opacity from 0 to 1, smoothly enlarged, turned, and cut to what is inked."""
    from PIL import Image

    size = random.randint(SMALLEST, LARGEST + 1)
    large = Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC)
    turned = large.rotate(random.uniform(-TURN, TURN), Image.Resampling.BICUBIC, expand=True)
    alpha = np.clip((np.asarray(turned) - INK[0]) / (INK[1] - INK[0]), 0, 1)
    rows, columns = (np.flatnonzero((alpha > 0).any(axis)) for axis in (1, 0))
    return alpha[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


@functools.cache
def _spread(cells: int) -> Pixels:
    """Return the matrix [SIDE, cells] that interpolates values at cells' centres along a line, without corners."""
    place = np.linspace(0, cells - 1, SIDE)
    distance = np.abs(place[:, None] - np.arange(cells)[None]).clip(0, 1)
    return (1 + np.cos(np.pi * distance)) / 2


def _free_place(
    owners: Pixels, areas: Sequence[int], ink: Pixels, random: np.random.RandomState
) -> tuple[slice, slice] | None:
    """Return rows and columns where a digit leaves enough of the others to be seen, or nothing after some tries."""
    height, width = ink.shape
    shown = np.bincount(owners.ravel() + 1, minlength=len(areas) + 1)
    for _ in range(PLACES):
        top, left = random.randint(SIDE - height + 1), random.randint(SIDE - width + 1)
        place = slice(top, top + height), slice(left, left + width)
        left_over = shown - np.bincount(owners[place][ink] + 1, minlength=len(areas) + 1)
        if (left_over[1:] >= VISIBLE * np.array(areas)).all():
            return place
    return None


def _paint(picture: Pixels, alpha: Pixels, place: tuple[slice, slice], random: np.random.RandomState) -> None:
    """Put a digit into the picture, in a colour that stands out from what is behind it."""
    behind = picture[place][alpha > 0.5].mean(0)
    colours = random.uniform(0, 1, (16, 3))
    contrast = np.linalg.norm(colours - behind, axis=1)
    colour = colours[np.argmax(contrast >= CONTRAST)] if contrast.max() >= CONTRAST else colours[contrast.argmax()]
    picture[place] += alpha[:, :, None] * (colour - picture[place])


def _box(digit: int, visible: Pixels) -> VisibleDigit:
    rows, columns = (np.flatnonzero(visible.any(axis)) for axis in (1, 0))
    return VisibleDigit(digit, int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
