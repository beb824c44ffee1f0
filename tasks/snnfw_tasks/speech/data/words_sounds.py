"""The sounds that embedded words are made of, and the words as sequences of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sound:
    """One speech sound: three formants in Hz, how loud its voice and its hiss are, and its length in milliseconds.

    The hiss is noise around ``centre``, ``width`` Hz wide.
    """

    formants: tuple[float, float, float]
    voice: float
    length: float
    hiss: float = 0.0
    centre: float = 2000.0
    width: float = 1500.0


def _vowel(first: float, second: float, third: float, length: float = 110.0) -> Sound:
    return Sound((first, second, third), 1.0, length)


# Formants of vowels are those of men in Peterson and Barney (1952), rounded.
SOUNDS: Mapping[str, Sound] = {
    "ee": _vowel(270, 2290, 3010),
    "ih": _vowel(390, 1990, 2550, 70),
    "eh": _vowel(530, 1840, 2480),
    "ah": _vowel(730, 1090, 2440),
    "aw": _vowel(570, 840, 2410),
    "oo": _vowel(440, 1020, 2240, 80),
    "uh": _vowel(640, 1190, 2390),
    "oh": _vowel(500, 900, 2400),
    "y": Sound((280, 2250, 3000), 0.6, 50),
    "l": Sound((380, 1000, 2700), 0.5, 60),
    "r": Sound((420, 1300, 1600), 0.5, 60),
    "n": Sound((300, 1500, 2500), 0.35, 80),
    "s": Sound((500, 1500, 2500), 0.0, 120, hiss=0.5, centre=3700, width=500),
    "f": Sound((500, 1200, 2400), 0.0, 110, hiss=0.16, centre=2500, width=1600),
    "closed": Sound((400, 1300, 2400), 0.0, 50),
    "hummed": Sound((250, 1300, 2400), 0.12, 45),
    "t": Sound((400, 1700, 2600), 0.0, 25, hiss=0.6, centre=3300, width=700),
    "p": Sound((400, 900, 2300), 0.0, 20, hiss=0.4, centre=900, width=600),
    "d": Sound((350, 1700, 2600), 0.3, 20, hiss=0.4, centre=3000, width=800),
    "g": Sound((300, 1900, 2300), 0.3, 25, hiss=0.4, centre=1900, width=500),
}

WORDS: Mapping[str, tuple[str, ...]] = {
    "down": ("hummed", "d", "ah", "oo", "n"),
    "go": ("hummed", "g", "oh", "oo"),
    "left": ("l", "eh", "f", "closed", "t"),
    "no": ("n", "oh", "oo"),
    "off": ("aw", "aw", "f"),
    "on": ("ah", "ah", "n"),
    "right": ("r", "ah", "ih", "closed", "t"),
    "stop": ("s", "closed", "t", "ah", "closed", "p"),
    "up": ("uh", "closed", "p"),
    "yes": ("y", "eh", "s"),
}
