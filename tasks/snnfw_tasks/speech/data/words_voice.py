"""Speak words: pulses and noise through formants that move, by another voice and at another pace each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from snnfw_tasks.speech.data.words_sounds import SOUNDS, WORDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"

RATE = 8000
"""Samples per second."""

LENGTH = RATE
"""Samples of a clip: one second."""

HOP = 80
"""A clip is filtered in windows of two hops; sounds change from one to the next."""

FRAMES = LENGTH // HOP + 1

WINDOW = np.sin(np.pi * (np.arange(2 * HOP) + 0.5) / (2 * HOP))
"""Its square adds up to 1 with itself a hop later."""

FREQUENCIES = np.fft.rfftfreq(2 * HOP, 1 / RATE)
BANDWIDTHS = (70.0, 100.0, 160.0)
"""Of the three formants in Hz."""

LOUDEST = 32767
"""Of a sample of 16 bits."""

TOGETHER = 64
"""So many clips are filtered at once: what they need of memory stays small."""


@dataclass(frozen=True, slots=True)
class Difficulty:
    """How different voices are: how loud the noise may be against the word in dB, and by which factor voices vary."""

    noise: tuple[float, float]
    variety: float


@dataclass(frozen=True, slots=True)
class Part:
    """What makes a clip before it is filtered: excitations [LENGTH] and tracks [FRAMES, 7], and what is added."""

    pulses: Floats
    hiss: Floats
    tracks: Floats
    background: Floats
    loudness: float
    ratio: float


def speak(words: Sequence[int], difficulty: Difficulty, seed: tuple[int, ...]) -> NDArray[np.int16]:
    """Return clips [N, LENGTH] of words given by their numbers; a clip depends on its place and the seed alone."""
    clips = []
    for start in range(0, len(words), TOGETHER):
        some = range(start, min(start + TOGETHER, len(words)))
        # NumPy guarantees RandomState's stream for ever.
        parts = [_utter(words[at], difficulty, np.random.RandomState([*seed, at])) for at in some]
        clips.append(_mix(parts, _filter(parts)))
    return np.concatenate(clips) if clips else np.empty((0, LENGTH), np.int16)


def _utter(word: int, difficulty: Difficulty, random: np.random.RandomState) -> Part:
    """Return one word by a voice of its own."""
    variety = difficulty.variety
    sounds = [SOUNDS[name] for name in list(WORDS.values())[word]]
    pace = np.exp(random.uniform(-0.4, 0.4) * variety)
    lengths = np.array([sound.length for sound in sounds]) / 800 * pace
    lengths *= np.exp(random.normal(0, 0.2 * variety, len(sounds)))
    lengths *= min(1.0, 0.9 / lengths.sum())
    begins = random.uniform(0, 1 - lengths.sum())
    tract = np.exp(random.normal(0, 0.12 * variety))
    targets = np.array([[*sound.formants, sound.voice, sound.hiss, sound.centre, sound.width] for sound in sounds])
    targets[:, :3] *= tract * np.exp(random.normal(0, 0.08 * variety, (len(sounds), 3)))
    targets[:, 3:5] *= np.exp(random.normal(0, 0.4 * variety, (len(sounds), 2)))
    edges = begins + np.concatenate([[0.0], lengths.cumsum()])
    return Part(
        pulses=_pulses(edges, random),
        hiss=random.standard_normal(LENGTH),
        tracks=_tracks(edges, targets),
        background=_background(random),
        loudness=np.exp(random.uniform(np.log(0.1), np.log(0.5))),
        ratio=random.uniform(*difficulty.noise),
    )


def _pulses(edges: Floats, random: np.random.RandomState) -> Floats:
    """Return one pulse per period of a pitch that rises or falls through the word."""
    pitch = np.exp(random.uniform(np.log(85), np.log(260)))
    turn = np.exp(random.normal(-0.1, 0.15, 3))
    course = np.interp(np.arange(LENGTH) / RATE, np.linspace(edges[0], edges[-1], 3), pitch * turn)
    phase = random.uniform() + np.cumsum(course) / RATE
    return np.diff(np.floor(phase), prepend=np.floor(phase[0]))


def _tracks(edges: Floats, targets: Floats) -> Floats:
    """Return how the seven numbers of sounds move from one to the next, [FRAMES, 7]; before and after all is still."""
    times = np.arange(FRAMES) * HOP / RATE
    lengths = np.diff(edges)
    tracks = np.empty((FRAMES, targets.shape[1]))
    for column in range(targets.shape[1]):
        loudness = column in (3, 4)
        share = 0.15 if loudness else 0.35
        knots = np.stack([edges[:-1] + share * lengths, edges[1:] - share * lengths], axis=1).ravel()
        values = targets[:, column].repeat(2)
        if loudness:
            knots = np.concatenate([edges[:1], knots, edges[-1:]])
            values = np.concatenate([[0.0], values, [0.0]])
        tracks[:, column] = np.interp(times, knots, values)
    return tracks


def _background(random: np.random.RandomState) -> Floats:
    """Return noise whose power falls with frequency by a power between 0 and 2."""
    spectrum = np.fft.rfft(random.standard_normal(LENGTH))
    frequencies = np.maximum(np.fft.rfftfreq(LENGTH, 1 / RATE), 50.0)
    return np.fft.irfft(spectrum * frequencies ** (-random.uniform(0, 1)), LENGTH)


def _filter(parts: Sequence[Part]) -> Floats:
    """Return the words [N, LENGTH]: both excitations through their filters, window by window."""
    tracks = np.stack([part.tracks for part in parts])
    voiced = tracks[:, :, 3, None] / (1 + (FREQUENCIES / 1200) ** 2) ** 0.5
    for formant, bandwidth in enumerate(BANDWIDTHS):
        centre = tracks[:, :, formant, None] ** 2
        voiced /= np.sqrt((centre - FREQUENCIES**2) ** 2 + (bandwidth * FREQUENCIES) ** 2) / centre
    distance = (FREQUENCIES - tracks[:, :, 5, None]) / tracks[:, :, 6, None]
    hissing = 0.25 * tracks[:, :, 4, None] * np.exp(-(distance**2))
    spectrum = voiced * _spectrum(np.stack([part.pulses for part in parts]))
    spectrum += hissing * _spectrum(np.stack([part.hiss for part in parts]))
    windows = np.fft.irfft(spectrum, 2 * HOP) * WINDOW
    halves = windows.reshape(len(parts), FRAMES, 2, HOP)
    return (halves[:, 1:, 0] + halves[:, :-1, 1]).reshape(len(parts), LENGTH)


def _spectrum(excitation: Floats) -> NDArray[Any]:
    """Return the spectra of windows around the ends of all hops."""
    padded = np.pad(excitation, ((0, 0), (HOP, HOP))).reshape(len(excitation), FRAMES + 1, HOP)
    return np.fft.rfft(np.concatenate([padded[:, :-1], padded[:, 1:]], axis=2) * WINDOW)


def _mix(parts: Sequence[Part], words: Floats) -> NDArray[np.int16]:
    """Return clips of 16 bits: each word as loud as it is said to be, in its noise."""
    background = np.stack([part.background for part in parts])
    ratio = np.array([part.ratio for part in parts])[:, None]
    loudness = np.array([part.loudness for part in parts])[:, None]
    # Of the word's own second: silence around it counts, as it does for the noise.
    noisy = words / _level(words) + background / _level(background) * 10 ** (-ratio / 20)
    scaled = noisy * (loudness / np.abs(noisy).max(1, keepdims=True))
    rounded: NDArray[np.int16] = np.round(scaled * LOUDEST).astype(np.int16)
    return rounded


def _level(waves: Floats) -> Floats:
    level: Floats = np.sqrt((waves**2).mean(1, keepdims=True))
    return level
