"""The options of every data set of recordings on disk, and the samples that they make of files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from snnfw_tasks.samples.labelled import LabelledData

if TYPE_CHECKING:
    from snnfw_tasks.samples.reading import Reading

Labelled: TypeAlias = "Sequence[tuple[str, int]]"
"""Files, each with the number of its class."""


@dataclass(frozen=True, slots=True)
class Recordings:
    """How recordings become waveforms of one rate and length, and how far they are shifted in training."""

    name: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]] = ("speech",)

    root: Path
    rate: Annotated[int, Field(ge=100, le=192_000, description="samples per second; recordings are resampled")] = 8000
    seconds: Annotated[float, Field(gt=0, le=60, description="length; silence follows shorter recordings")] = 1.0
    longer: Annotated[
        Literal["refuse", "cut"], Field(description="refuse longer recordings, or take their beginning")
    ] = "refuse"
    shift: Annotated[
        float, Field(ge=0, lt=1, description="in training, move by up to so much of the length, earlier or later")
    ] = 0.1


def make_data(
    source: Recordings, classes: Sequence[str], parts: tuple[Labelled, Labelled, Labelled], reading: Reading
) -> LabelledData:
    """Return the data set of training, calibration and evaluation files."""
    from snnfw_tasks.speech.augment import shift
    from snnfw_tasks.speech.data.waveforms import ClipFiles, Form
    from snnfw_tasks.speech.library import require_soundfile

    require_soundfile()
    form = Form(source.rate, round(source.seconds * source.rate), source.longer)
    training, calibration, evaluation = (ClipFiles(files, form, source.name) for files in parts)
    return LabelledData(
        classes=tuple(classes),
        shape=(1, form.samples),
        training=training,
        calibration=calibration,
        evaluation=evaluation,
        augment=partial(shift, share=source.shift) if source.shift else None,
        reading=reading,
    )
