"""The embedded event data: the handwritten digits on their way round, seen by a simulated event camera."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

# pydantic resolves these at run time
from snnfw_tasks.events.data.options import Clip, Frames, Slicing, Static
from snnfw_tasks.samples.labelled import LabelledData

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from snnfw_tasks.events.camera import Recordings
    from snnfw_tasks.events.data.frames import CountedSamples
    from snnfw_tasks.samples.labelled import Preprocess

VERSION = 1
"""Counts the changes to how recordings are generated, so that the cache never serves those of another version."""

SENSES = ("clockwise", "counter-clockwise")


@dataclass(frozen=True, slots=True)
class MovingDigits:
    """1797 handwritten digits, each moved round a triangle in front of a simulated event camera."""

    name: ClassVar[str] = "moving-digits"
    tasks: ClassVar[tuple[str, ...]] = ("events",)

    frames: Frames = 10
    slicing: Slicing = "time"
    clip: Clip = 4
    static: Static = False
    label: Annotated[
        Literal["digit-and-sense", "digit", "sense"],
        Field(description="tell the digits apart, the sense in which they go round, or both"),
    ] = "digit-and-sense"
    contrast: Annotated[float, Field(gt=0, description="change of log intensity that fires an event")] = 0.4
    refractory: Annotated[float, Field(ge=0, description="microseconds after an event in which others are lost")] = 0.0
    noise: Annotated[float, Field(ge=0, description="random events per pixel and second")] = 1.0
    seed: Annotated[int, Field(ge=0, le=2**32 - 1, description="of the paths and the noise")] = 0

    def open(self, preprocess: Preprocess | None) -> LabelledData:
        """Return 944 training, 256 calibration and 597 test recordings, of the digits that ``digits`` has there."""
        del preprocess  # that of images
        from functools import partial

        from snnfw_tasks.events.data.augment import roll_and_flip
        from snnfw_tasks.events.data.frames import CountedSamples, Framing, count_events, require_tonic
        from snnfw_tasks.events.data.motion import SENSOR
        from snnfw_tasks.samples.digits import CALIBRATION, TEST, read_digits, stratified_order

        require_tonic("transforms")
        images, drawn = read_digits()
        order = stratified_order(drawn)
        clockwise = clockwise_half(drawn, order)
        recordings = self._recorded(images / 16, clockwise)
        classes, labels = self._labelled(drawn, clockwise)
        framing = Framing((SENSOR, SENSOR), (SENSOR, SENSOR), self.frames, self.slicing, self.clip, self.static)

        def split(chosen: NDArray[np.intp]) -> CountedSamples:
            counts = [count_events(recordings[position], framing) for position in chosen]
            return CountedSamples(counts, labels[chosen].tolist(), framing)

        return LabelledData(
            classes=classes,
            shape=framing.shape(),
            training=split(order[TEST + CALIBRATION :]),
            calibration=split(order[TEST : TEST + CALIBRATION]),
            evaluation=split(order[:TEST]),
            augment=partial(roll_and_flip, by=1, flip=False),
            frames=None if self.static else self.frames,
        )

    def _recorded(self, images: NDArray[np.float64], clockwise: NDArray[np.bool_]) -> Recordings:
        """Return the recordings of all digits, from the cache where they are there."""
        from snnfw_tasks.events.camera import Camera, Recordings
        from snnfw_tasks.events.data.motion import record
        from snnfw_tasks.samples.cache import load_or_make

        camera = Camera(contrast=self.contrast, refractory=self.refractory, noise=self.noise)
        key = f"{self.name} {VERSION} seed={self.seed} {camera}"
        return Recordings(
            **load_or_make(key, lambda: asdict(record(images, clockwise, camera, self.seed)), "events", "recordings")
        )

    def _labelled(self, digits: NDArray[np.int64], clockwise: NDArray[np.bool_]) -> tuple[tuple[str, ...], Any]:
        """Return the classes and every recording's label."""
        sense = (~clockwise).astype(int)
        if self.label == "digit":
            return tuple(str(digit) for digit in range(10)), digits
        if self.label == "sense":
            return SENSES, sense
        return tuple(f"{digit} {word}" for word in SENSES for digit in range(10)), 10 * sense + digits


def clockwise_half(digits: NDArray[np.int64], order: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which recordings go round clockwise: of every digit every other one in the splits' order."""
    import numpy as np

    clockwise = np.empty(len(digits), bool)
    for digit in np.unique(digits):
        members = order[digits[order] == digit]
        clockwise[members] = np.arange(len(members)) % 2 == 0
    return clockwise
