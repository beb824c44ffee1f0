"""The colours of classes in masks: those of PASCAL VOC."""

from __future__ import annotations

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
