from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from snnfw_tasks.speech.data import words
from snnfw_tasks.speech.data.words import SpokenWords, load_split
from snnfw_tasks.speech.data.words_sounds import SOUNDS, WORDS
from snnfw_tasks.speech.data.words_voice import LENGTH, RATE, TOGETHER, Difficulty, speak

CLEAR = Difficulty((60.0, 60.0), 0.0)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(words, "COUNTS", {"train": 3, "calibration": 1, "test": 2})
    load_split.cache_clear()
    yield
    load_split.cache_clear()


def spectrum(clip: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return a clip's power in four bands of a kilohertz each, as shares."""
    power = np.abs(np.fft.rfft(clip.astype(float)))[:-1] ** 2
    bands: NDArray[np.float64] = power.reshape(4, -1).sum(1)
    shares: NDArray[np.float64] = bands / bands.sum()
    return shares


def test_splits_hold_so_many_clips_of_each_word_in_turns() -> None:
    data = SpokenWords().open(None)
    assert data.classes == tuple(WORDS)
    assert [len(split) for split in (data.training, data.calibration, data.evaluation)] == [30, 10, 20]
    clips = [data.evaluation[index] for index in range(20)]
    assert [label for _, label in clips] == [*range(10)] * 2
    assert {tuple(clip.shape) for clip, _ in clips} == {data.shape} == {(1, LENGTH)}
    assert all(0.05 < clip.abs().max() <= 0.5001 for clip, _ in clips)
    assert all(clip.dtype == torch.float32 for clip, _ in clips)


def test_clips_are_the_same_every_time_and_other_ones_in_every_split_and_seed() -> None:
    first, again, other = (SpokenWords(seed=seed).open(None) for seed in (0, 0, 1))
    load_split.cache_clear()
    assert first.evaluation[3][0].equal(again.evaluation[3][0])
    assert not first.evaluation[3][0].equal(other.evaluation[3][0])
    assert not first.evaluation[3][0].equal(first.training[3][0])


def test_a_clip_does_not_depend_on_how_many_there_are() -> None:
    count = TOGETHER + 3
    many = speak([0] * count, CLEAR, (5,))
    assert (speak([0] * 2, CLEAR, (5,)) == many[:2]).all()
    assert len(np.unique(many, axis=0)) == count
    assert speak([], CLEAR, (5,)).shape == (0, LENGTH)


def test_words_are_made_of_sounds_that_exist_and_differ() -> None:
    assert {name for sounds in WORDS.values() for name in sounds} <= set(SOUNDS)
    assert len(set(WORDS.values())) == len(WORDS)


def test_hisses_lie_high_and_vowels_low() -> None:
    no, yes = speak([list(WORDS).index("no"), list(WORDS).index("yes")], CLEAR, (0,))
    assert spectrum(no)[0] > 0.8
    assert spectrum(yes)[3] > 5 * spectrum(no)[3]


def test_noise_is_as_loud_as_it_is_said_to_be() -> None:
    """The same voice with and without noise: what differs is the noise, of which every second holds the same power."""
    clear, noisy = (speak([1], Difficulty((ratio, ratio), 1.0), (0,))[0].astype(float) for ratio in (100.0, 6.0))
    scale = np.vdot(clear, noisy) / np.vdot(clear, clear)
    ratio = 10 * np.log10((scale * clear).var() / (noisy - scale * clear).var())
    assert ratio == pytest.approx(6.0, abs=0.3)


def test_voices_have_their_own_pitch() -> None:
    def pitch(clip: NDArray[np.int16]) -> float:
        wave = clip.astype(float)
        autocorrelation = np.fft.irfft(np.abs(np.fft.rfft(wave, 2 * LENGTH)) ** 2)
        shortest, longest = RATE // 400, RATE // 60
        return RATE / (shortest + int(autocorrelation[shortest:longest].argmax()))

    found = [pitch(clip) for clip in speak([3] * 12, CLEAR, (0,))]
    assert min(found) < 130
    assert max(found) > 180


def test_clips_come_from_the_cache_where_they_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    clip = SpokenWords().open(None).evaluation[0][0]
    load_split.cache_clear()
    monkeypatch.setattr("snnfw_tasks.speech.data.words_voice.speak", None)
    assert SpokenWords().open(None).evaluation[0][0].equal(clip)
