"""How many texts the task takes of its data, and how much of each it reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from snnfw_tasks.samples.options import Amounts


@dataclass(frozen=True, slots=True)
class TextAmounts(Amounts):
    """Amounts of texts, of their tokens and of the words that are told apart."""

    batch: Annotated[int, Field(ge=1, description="texts per batch")] = 128
    calibration: Annotated[
        int, Field(ge=1, description="calibrate with at most so many texts, drawn with the seed")
    ] = 128
    limit: Annotated[
        int | None,
        Field(ge=1, description="test on so many texts, the same ones in every run; null for all of them"),
    ] = 1024
    length: Annotated[
        int | None, Field(ge=2, description="tokens of a text that are read; without it the data's own")
    ] = None
    keep: Annotated[
        Literal["start", "end"], Field(description="which part of a longer text is read: its start or its end")
    ] = "start"
    vocabulary: Annotated[
        int,
        Field(ge=3, le=1_000_000, description="words that are told apart where the network brings none of its own"),
    ] = 25_000
