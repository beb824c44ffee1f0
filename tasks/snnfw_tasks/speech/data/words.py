"""The embedded words: ten of them, spoken by a synthesiser when they are asked for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from snnfw_tasks.samples.labelled import LabelledData
from snnfw_tasks.speech.data.words_sounds import WORDS

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from snnfw_tasks.samples.labelled import Preprocess

VERSION = 1
"""Counts the changes to how clips are generated, so that the cache never serves those of another version."""

COUNTS = {"train": 400, "calibration": 26, "test": 100}
"""The splits and their clips of each word."""

RANGE = 20.0
"""The quietest noise is so many dB below the loudest."""


@dataclass(frozen=True, slots=True)
class SpokenWords:
    """Ten short words, each clip by another voice, at another pace, pitch and place in its second, and in noise."""

    name: ClassVar[str] = "spoken-words"
    tasks: ClassVar[tuple[str, ...]] = ("speech",)

    ratio: Annotated[
        float, Field(ge=-40, le=100, description="a word is at least so many dB louder than its noise, at most 20 more")
    ] = -3.0
    variety: Annotated[
        float,
        Field(ge=0, le=3, description="how far voices differ, as a factor; with 0 all speak alike, but for pitch"),
    ] = 1.0
    seed: Annotated[int, Field(ge=0, le=2**32 - 1, description="of the voices and the noise")] = 0

    def open(self, preprocess: Preprocess | None) -> LabelledData:
        """Return 4000 training, 260 calibration and 1000 test clips of one second at 8 kHz."""
        del preprocess  # that of images
        from snnfw_tasks.speech.augment import shift

        return LabelledData(
            classes=tuple(WORDS),
            shape=(1, 8000),
            training=StoredClips(self, "train"),
            calibration=StoredClips(self, "calibration"),
            evaluation=StoredClips(self, "test"),
            augment=partial(shift, share=0.1),
        )


@dataclass(frozen=True, slots=True)
class StoredClips:
    """A split of the embedded words, generated or read when its first clip is asked for; words take turns."""

    source: SpokenWords
    split: str

    def __len__(self) -> int:
        return COUNTS[self.split] * len(WORDS)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        import torch

        from snnfw_tasks.speech.data.words_voice import LOUDEST

        clip = torch.from_numpy(load_split(self.source, self.split)[index]).to(torch.float32)
        return clip[None] / LOUDEST, index % len(WORDS)


@lru_cache(maxsize=4)
def load_split(source: SpokenWords, split: str) -> NDArray[Any]:
    """Return the clips [N, 8000] of a split as 16 bits, from the cache where it is there."""
    from snnfw_tasks.samples.cache import load_or_make
    from snnfw_tasks.speech.data.words_voice import Difficulty, speak

    count, number = COUNTS[split] * len(WORDS), list(COUNTS).index(split)
    difficulty = Difficulty((source.ratio, source.ratio + RANGE), source.variety)

    def make() -> dict[str, NDArray[Any]]:
        spoken = speak([index % len(WORDS) for index in range(count)], difficulty, (source.seed, number))
        return {"clips": spoken}

    key = f"{source.name} {VERSION} {split} {count} {asdict(source)}"
    return load_or_make(key, make, "words", "words")["clips"]
