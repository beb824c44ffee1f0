"""The embedded texts: sentences of opinion from a grammar, made when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from snnfw_tasks.text.sources import Text, Texts

if TYPE_CHECKING:
    from collections.abc import Sequence

COUNTS = {"train": 8000, "calibration": 256, "test": 2048}
"""The splits and their sentences."""


@dataclass(frozen=True, slots=True)
class Sentences:
    """Sentences that praise or damn a film: a grammar with negation, contrast, opinions of others and noise."""

    name: ClassVar[str] = "sentences"
    tasks: ClassVar[tuple[str, ...]] = ("text",)

    slips: Annotated[
        float, Field(ge=0, le=1, description="share of words that are another one of their kind, or a name")
    ] = 0.03
    seed: Annotated[int, Field(ge=0, le=2**32 - 1, description="of the sentences")] = 0

    def open(self) -> Texts:
        """Return 8000 training, 256 calibration and 2048 test sentences of at most 24 tokens."""
        from snnfw_tasks.text.data.grammar import CLASSES, LONGEST

        return Texts(
            classes=CLASSES,
            length=LONGEST,
            training=lambda: self.split("train"),
            calibration=self.split("calibration"),
            evaluation=self.split("test"),
        )

    def split(self, name: str) -> Sequence[Text]:
        """Return one split, half of it of each class."""
        from snnfw_tasks.text.data.grammar import draw_sentences

        drawn = draw_sentences(COUNTS[name], (self.seed, list(COUNTS).index(name)), self.slips)
        return [Text(sentence.text, sentence.label) for sentence in drawn]
