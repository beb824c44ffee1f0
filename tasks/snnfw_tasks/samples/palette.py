"""The colours of pictures, and of classes in masks: those of PASCAL VOC."""

from __future__ import annotations

from typing import TypeAlias

Colour: TypeAlias = tuple[float, float, float]
"""Red, green and blue from 0 to 1."""

VOID = 255
"""The label of pixels that count for nothing."""


def label_colour(label: int) -> tuple[int, int, int]:
    """Return a label's red, green and blue from 0 to 255: VOC spreads the label's bits over them, highest first."""
    channels = [0, 0, 0]
    for place in range(8):
        for channel in range(3):
            channels[channel] |= (label >> (3 * place + channel) & 1) << (7 - place)
    return channels[0], channels[1], channels[2]


def palette_bytes() -> list[int]:
    """Return the colours of all 256 labels, one after the other, as palette images hold them."""
    return [value for label in range(256) for value in label_colour(label)]


SAFE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#5D3A9B", "#8C6D00")
"""Colours that everybody tells apart: Okabe and Ito's, with a violet and a brown that show on white."""
INK, QUIET, RIGHT, WRONG = "#1C2024", "#5B6570", "#0072B2", "#A8400A"
"""Words, what matters less, right answers and wrong ones: the last two differ in hue and in lightness."""

MUTED = (
    *("#CC6677", "#332288", "#DDCC77", "#117733", "#88CCEE", "#882255", "#44AA99", "#999933", "#AA4499"),
    "#555555",
)
"""Paul Tol's palette for many classes, which everybody tells apart, and a grey."""


def class_colour(number: int) -> Colour:
    """Return a class's colour, from 0 to 1: ten that everybody tells apart, darker, paler, then whatever is left."""
    from matplotlib.colors import hsv_to_rgb, to_rgb

    turn, place = divmod(number, len(MUTED))
    if turn >= 3:
        hue = (number * 0.618034) % 1.0
        return tuple(float(part) for part in hsv_to_rgb((hue, 0.75, 0.8)))  # type: ignore[return-value]  # there are three
    towards = (0.0, 0.0, 1.0)[turn]
    share = (0.0, 0.45, 0.5)[turn]
    red, green, blue = to_rgb(MUTED[place])
    return tuple(part + share * (towards - part) for part in (red, green, blue))  # type: ignore[return-value]  # three


def ink_on(colour: Colour) -> str:
    """Return black or white, whichever is easier to read on a colour."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if luminance > 0.179 else "white"  # where both have the same contrast
