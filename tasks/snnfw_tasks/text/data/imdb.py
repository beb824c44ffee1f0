"""IMDB's film reviews (Maas et al., 2011) as they are published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import Annotated, ClassVar

from pydantic import Field

from snnfw_tasks.samples.reading import split_folders
from snnfw_tasks.text.data.folders import open_folders
from snnfw_tasks.text.sources import Texts

EXPECTED = "train/neg, train/pos, test/neg and test/pos with a review in each ID_RATING.txt"
CLASSES = ("neg", "pos")


@dataclass(frozen=True, slots=True)
class Imdb:
    """IMDB's film reviews: 25,000 to train and 25,000 to test with, half of them positive."""

    name: ClassVar[str] = "imdb"
    tasks: ClassVar[tuple[str, ...]] = ("text",)

    root: Annotated[Path, Field(description="the folder aclImdb, which holds train/ and test/")]

    def open(self) -> Texts:
        """Return the splits; calibration uses training reviews, and those without a label are left out."""
        places = (*(f"train/{name}" for name in CLASSES), *(f"test/{name}" for name in CLASSES))
        split_folders(self.name, self.root, [(place,) for place in places], EXPECTED)
        train, test = self.root / "train", self.root / "test"
        return open_folders(self.name, self.root, [train, train, test], CLASSES, ("unsup",))
