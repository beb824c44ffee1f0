from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from snnfw.errors import SnnfwError
from snnfw_tasks.speech.data.speech_commands import EXPECTED, SpeechCommands, split_by_speaker
from snnfw_tasks.speech.data.waveforms import ClipFiles
from wave_files import write_commands, write_tone


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_commands(tmp_path / "commands")


def names(samples: Any) -> set[str]:
    assert isinstance(samples, ClipFiles)
    return {"/".join(Path(file).parts[-2:]) for file, _ in samples.files}


def test_the_lists_rule(root: Path) -> None:
    data = SpeechCommands(root).open(None)
    assert data.classes == ("no", "yes")
    assert data.shape == (1, 8000)
    splits = (data.training, data.calibration, data.evaluation)
    assert [len(split) for split in splits] == [12, 4, 4]
    assert names(data.calibration) == {f"{word}/0000000{n}_nohash_0.wav" for word in ("no", "yes") for n in (0, 1)}
    assert names(data.evaluation) == {f"{word}/0000000{n}_nohash_0.wav" for word in ("no", "yes") for n in (2, 3)}
    assert {label for _, label in splits[0].files} == {0, 1}  # type: ignore[attr-defined]  # these are files


def test_clips_are_resampled_and_followed_by_silence(root: Path) -> None:
    clip, label = SpeechCommands(root).open(None).evaluation[0]
    assert (clip.shape, clip.dtype, label) == ((1, 8000), torch.float32, 0)
    assert clip[0, 100:3900].abs().max() == pytest.approx(0.5, abs=0.01)
    assert (clip[0, 4000:] == 0).all()


def test_what_is_read_is_told(root: Path) -> None:
    (root / "notes.txt").write_text("mine")
    reading = SpeechCommands(root).open(None).reading
    assert reading is not None
    assert reading.lines() == [
        f"data 'speech-commands': read recordings of 2 classes from '{root}': 12 in train and 4 in validation and "
        "4 in test.",
        "  left out what is no word's folder: 2 ('_background_noise_', 'notes.txt').",
    ]


def test_without_lists_speakers_decide(root: Path) -> None:
    shutil.rmtree(root)
    write_commands(root, speakers=60)
    for name in ("validation_list.txt", "testing_list.txt"):
        (root / name).unlink()
    data = SpeechCommands(root).open(None)
    assert data.reading is not None
    assert data.reading.notes == ("without lists, recordings are split by the hashes of their speakers.",)
    splits = (data.training, data.calibration, data.evaluation)
    speakers = [{name.split("/")[1] for name in names(split)} for split in splits]
    assert not speakers[0] & speakers[1] | speakers[0] & speakers[2] | speakers[1] & speakers[2]
    assert sum(map(len, speakers)) == 60
    assert all(split_by_speaker(name) == "test" for name in speakers[2])


def test_the_hash_is_that_of_the_published_readme() -> None:
    """By hand: SHA-1 of the speaker, modulo 2^27, in percent of 2^27 - 1, is 9.556 and 50.969 for the first two."""
    assert [split_by_speaker(f"0000000{speaker}_nohash_0.wav") for speaker in (0, 1)] == ["validation", "train"]
    found = [split_by_speaker(f"{speaker:08x}_nohash_{take}.wav") for speaker in range(4000) for take in (0, 3)]
    assert found[::2] == found[1::2]
    assert found.count("validation") / len(found) == pytest.approx(0.1, abs=0.015)
    assert found.count("test") / len(found) == pytest.approx(0.1, abs=0.015)


def drop(root: Path, *names: str) -> None:
    for name in names:
        (root / name).unlink()


def empty(root: Path, word: str) -> None:
    for file in (root / word).iterdir():
        file.unlink()


def leave_archive(root: Path) -> None:
    shutil.rmtree(root)
    root.mkdir()
    (root / "speech_commands_v0.02.tar.gz").touch()


def put_deeper(root: Path) -> None:
    moved = root.rename(root.parent / "moved")
    root.mkdir()
    moved.rename(root / "v0.02")


REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no folder": (shutil.rmtree, f"data 'speech-commands' finds no folder '{{}}': expected there are {EXPECTED}."),
    "an archive that was not extracted": (
        leave_archive,
        f"data 'speech-commands' finds no word's folder in '{{}}': expected there are {EXPECTED}.",
    ),
    "one word": (
        lambda root: shutil.rmtree(root / "no"),
        f"data 'speech-commands' finds only the word 'yes' in '{{}}': expected there are {EXPECTED}.",
    ),
    "an empty word": (
        lambda root: empty(root, "no"),
        "folder '{}/no' of data 'speech-commands' holds no .wav file: extract the archive again, or remove it.",
    ),
    "the folder above": (
        put_deeper,
        "recording '{}/v0.02/_background_noise_/pink_noise.wav' of data 'speech-commands' lies deeper than "
        "WORD/FILE.wav: data.root is the folder that holds the words' folders.",
    ),
    "one list": (
        lambda root: drop(root, "testing_list.txt"),
        "data 'speech-commands' finds '{0}/validation_list.txt' and no '{0}/testing_list.txt': extract the archive "
        "again, or remove both lists to split by the hashes of speakers.",
    ),
    "a listed recording that is missing": (
        lambda root: drop(root, "no/00000002_nohash_0.wav"),
        "'{}/testing_list.txt' of data 'speech-commands' names 'no/00000002_nohash_0.wav', which is not there: extract "
        "the archive again, or correct the list.",
    ),
    "two that are missing": (
        lambda root: drop(root, "no/00000001_nohash_0.wav", "yes/00000003_nohash_0.wav"),
        "'{}/validation_list.txt' of data 'speech-commands' names 'no/00000001_nohash_0.wav' and 1 more, which are not "
        "there: extract the archive again, or correct the list.",
    ),
    "a list that points elsewhere": (
        lambda root: (root / "testing_list.txt").write_text("../../etc/passwd\n"),
        "'{}/testing_list.txt' of data 'speech-commands' names '../../etc/passwd', which is not there: extract the "
        "archive again, or correct the list.",
    ),
    "a list in another encoding": (
        lambda root: (root / "testing_list.txt").write_bytes(b"\xff\xfen\x00"),
        "'{}/testing_list.txt' of data 'speech-commands' is no text in UTF-8: save it as such.",
    ),
    "a recording in both lists": (
        lambda root: shutil.copy(root / "validation_list.txt", root / "testing_list.txt"),
        "recording 'no/00000000_nohash_0.wav' of data 'speech-commands' is in both lists: a recording is for "
        "validation or for the test.",
    ),
    "a word that is never tested": (
        lambda root: (root / "testing_list.txt").write_text("no/00000002_nohash_0.wav\n"),
        "data 'speech-commands' has no recording of the word 'yes' in test, which needs every word: write or correct "
        "validation_list.txt and testing_list.txt, or bring recordings of more speakers.",
    ),
    "nothing to calibrate with": (
        lambda root: (root / "validation_list.txt").write_text("\n"),
        "data 'speech-commands' has no recording in validation, to calibrate with: write or correct "
        "validation_list.txt and testing_list.txt, or bring recordings of more speakers.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_in_one_sentence(name: str, root: Path) -> None:
    change, message = REFUSED[name]
    change(root)
    with pytest.raises(SnnfwError) as caught:
        SpeechCommands(root).open(None)
    assert str(caught.value) == message.format(root)


def test_a_damaged_recording_is_named_when_it_is_met(root: Path) -> None:
    data = SpeechCommands(root).open(None)
    (root / "no/00000002_nohash_0.wav").write_bytes(b"RIFF")
    with pytest.raises(SnnfwError, match=r"00000002_nohash_0.wav' of data 'speech-commands' cannot be read as WAV"):
        data.evaluation[0]


def test_a_recording_longer_than_a_second_is_refused_unless_its_beginning_is_asked_for(root: Path) -> None:
    write_tone(root / "no/00000002_nohash_0.wav", seconds=1.5)
    with pytest.raises(SnnfwError, match=r"lasts 1.5 s and clips 1 s"):
        SpeechCommands(root).open(None).evaluation[0]
    assert SpeechCommands(root, longer="cut").open(None).evaluation[0][0].shape == (1, 8000)
    assert SpeechCommands(root, seconds=2.0).open(None).evaluation[0][0].shape == (1, 16000)
