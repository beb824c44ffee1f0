from __future__ import annotations

import pytest
from matplotlib.colors import to_rgb

from snnfw_tasks.samples.palette import MUTED, SAFE, VOID, class_colour, ink_on, label_colour, palette_bytes


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (0, (0, 0, 0)),
        (1, (128, 0, 0)),
        (2, (0, 128, 0)),
        (4, (0, 0, 128)),
        (8, (64, 0, 0)),
        (20, (0, 64, 128)),
        (VOID, (224, 224, 192)),
    ],
)
def test_colours_are_those_of_voc(label: int, expected: tuple[int, int, int]) -> None:
    assert label_colour(label) == expected


def test_a_palette_holds_every_colour() -> None:
    assert len(palette_bytes()) == 768
    assert len({label_colour(label) for label in range(256)}) == 256


def test_classes_have_colours_of_their_own_however_many() -> None:
    assert len({class_colour(number) for number in range(200)}) == 200
    assert all(0 <= part <= 1 for number in range(200) for part in class_colour(number))


def contrast(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    """Return the contrast of two colours as WCAG has it."""

    def luminance(colour: tuple[float, ...]) -> float:
        parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_words_can_be_read_on_every_class_s_colour_and_lines_be_seen_on_white() -> None:
    for number in range(100):
        colour = class_colour(number)
        assert contrast(colour, to_rgb(ink_on(colour))) >= 4.5, number
    assert all(contrast(to_rgb(colour), (1.0, 1.0, 1.0)) > 2 for colour in SAFE)
    assert len(MUTED) == 10
