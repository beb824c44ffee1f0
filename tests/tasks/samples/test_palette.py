from __future__ import annotations

import pytest

from snnfw_tasks.samples.palette import VOID, label_colour, palette_bytes


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
