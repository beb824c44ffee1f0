"""Speech Commands (Warden 2018) as published: a folder for each word, and lists of what is for validation and test."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from snnfw import SnnfwError
from snnfw_tasks.samples.reading import (
    Reading,
    folders_in,
    list_by_class,
    list_unknown,
    merge_left_out,
    read_lines,
    require_folder,
)
from snnfw_tasks.speech.data.options import Recordings, make_data

if TYPE_CHECKING:
    from snnfw_tasks.samples.labelled import LabelledData, Preprocess
    from snnfw_tasks.speech.data.options import Labelled

EXPECTED = "WORD/*.wav beside testing_list.txt and validation_list.txt, the content of speech_commands_v0.02.tar.gz"

NOISE = "_background_noise_"
"""The folder of long recordings that are no word."""

LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}
PAPERS = ("LICENSE", "README.md")

BITS = 27
"""So many bits of a speaker's hash decide on the split."""

Split: TypeAlias = Literal["train", "validation", "test"]


@dataclass(frozen=True, slots=True)
class SpeechCommands(Recordings):
    """Speech Commands (Warden 2018) as published, or words of your own in its layout; nothing is downloaded."""

    name: ClassVar[str] = "speech-commands"

    root: Annotated[Path, Field(description="holds WORD/*.wav, and testing_list.txt and validation_list.txt")]

    def open(self, preprocess: Preprocess | None) -> LabelledData:
        """Return training clips, those for validation, to calibrate with, and those for the test."""
        del preprocess  # that of images
        require_folder(self.name, self.root, EXPECTED)
        from snnfw_tasks.speech.data.waveforms import SUFFIXES

        words = [name for name in folders_in(self.root) if name != NOISE]
        files, left_out = list_by_class(self.root, words, SUFFIXES)
        require_words(self.name, self.root, words, files)
        lists = read_lists(self.name, self.root)
        if lists is not None:
            require_listed(self.name, self.root, lists, files)
        parts: dict[Split, list[tuple[str, int]]] = {"train": [], "validation": [], "test": []}
        for file in files:
            parts[choose_split(file[0], lists)].append(file)
        require_splits(self.name, words, parts)
        known = (*words, *LISTS.values(), *PAPERS)
        reading = Reading(
            data=self.name,
            place=self.root,
            what="recordings",
            read={split: len(some) for split, some in parts.items()},
            classes=len(words),
            left_out=merge_left_out(list_unknown(self.root, known, "what is no word's folder"), left_out),
            notes=() if lists else ("without lists, recordings are split by the hashes of their speakers.",),
        )
        return make_data(self, words, (parts["train"], parts["validation"], parts["test"]), reading)


def require_words(data: str, root: Path, words: Sequence[str], files: Labelled) -> None:
    """Raise an SnnfwError unless there are two words or more, each with recordings directly in its folder."""
    for file, number in files:
        if Path(file).parent != root / words[number]:
            raise SnnfwError(
                f"recording '{file}' of data '{data}' lies deeper than WORD/FILE.wav: data.root is the folder that "
                "holds the words' folders."
            )
    if len(words) < 2:
        found = f"only the word '{words[0]}'" if words else "no word's folder"
        raise SnnfwError(f"data '{data}' finds {found} in '{root}': expected there are {EXPECTED}.")
    present = {number for _, number in files}
    for number, word in enumerate(words):
        if number not in present:
            raise SnnfwError(
                f"folder '{root / word}' of data '{data}' holds no .wav file: extract the archive again, or remove it."
            )


def read_lists(data: str, root: Path) -> Mapping[str, Split] | None:
    """Return the split of every listed recording, WORD/FILE.wav; nothing where there are no lists."""
    there = {split: root / name for split, name in LISTS.items() if (root / name).is_file()}
    if not there:
        return None
    for split, name in LISTS.items():
        if split not in there:
            (other,) = there.values()
            raise SnnfwError(
                f"data '{data}' finds '{other}' and no '{root / name}': extract the archive again, or remove both "
                "lists to split by the hashes of speakers."
            )
    validation, test = (read_lines(there[split], data) for split in ("validation", "test"))
    if both := set(validation) & set(test):
        raise SnnfwError(
            f"recording '{min(both)}' of data '{data}' is in both lists: a recording is for validation or for the test."
        )
    return {**dict.fromkeys(validation, "validation"), **dict.fromkeys(test, "test")}


def require_listed(data: str, root: Path, lists: Mapping[str, Split], files: Labelled) -> None:
    """Raise an SnnfwError that names the first recording of a list that is not there."""
    missing = sorted(set(lists) - {listed_name(file) for file, _ in files})
    if missing:
        name = missing[0]
        more = f" and {len(missing) - 1} more, which are" if len(missing) > 1 else ", which is"
        raise SnnfwError(
            f"'{root / LISTS[lists[name]]}' of data '{data}' names '{name}'{more} not there: extract the "
            "archive again, or correct the list."
        )


def require_splits(data: str, words: Sequence[str], parts: Mapping[Split, Labelled]) -> None:
    """Raise an SnnfwError unless training and test have recordings of every word, and validation has some."""
    cure = f"write or correct {LISTS['validation']} and {LISTS['test']}, or bring recordings of more speakers."
    if not parts["validation"]:
        raise SnnfwError(f"data '{data}' has no recording in validation, to calibrate with: {cure}")
    for split in ("train", "test"):
        present = {number for _, number in parts[split]}
        for number, word in enumerate(words):
            if number not in present:
                raise SnnfwError(
                    f"data '{data}' has no recording of the word '{word}' in {split}, which needs every word: {cure}"
                )


def choose_split(file: str, lists: Mapping[str, Split] | None) -> Split:
    """Return a recording's split, by the lists where they are there, otherwise by its speaker."""
    return split_by_speaker(Path(file).name) if lists is None else lists.get(listed_name(file), "train")


def listed_name(file: str) -> str:
    """Return a recording as lists name it."""
    return "/".join(Path(file).parts[-2:])


def split_by_speaker(name: str) -> Split:
    """Return the split that the data set's README computes of a file's name, alike for all recordings of a speaker.

    Ten in a hundred speakers are for validation, ten for the test.
    """
    speaker = name.partition("_nohash_")[0]
    number = int(hashlib.sha1(speaker.encode(), usedforsecurity=False).hexdigest(), 16)
    percent = number % 2**BITS * (100 / (2**BITS - 1))
    return "validation" if percent < 10 else "test" if percent < 20 else "train"
