"""CIFAR10-DVS, N-Caltech101, N-Cars, DVS128 Gesture and PAF's actions from the files that are published of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from snnfw_tasks.events.data.options import Recordings

if TYPE_CHECKING:
    from snnfw_tasks.events.data.recorded import RecordedFiles
    from snnfw_tasks.samples.labelled import LabelledData, Preprocess

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

GESTURES = (
    "hand clapping",
    "right hand wave",
    "left hand wave",
    "right arm clockwise",
    "right arm counter-clockwise",
    "left arm clockwise",
    "left arm counter-clockwise",
    "arm roll",
    "air drums",
    "air guitar",
    "other gestures",
)


@dataclass(frozen=True, slots=True)
class Cifar10Dvs(Recordings):
    """CIFAR10-DVS (Li et al. 2017) in AEDAT 2 files; nothing is downloaded."""

    name: ClassVar[str] = "cifar10-dvs"

    root: Annotated[Path, Field(description="holds airplane/*.aedat, automobile/*.aedat ... truck/*.aedat")]

    def open(self, preprocess: Preprocess | None) -> LabelledData:
        """Return a fixed tenth of every class, 1000 recordings, for the test and the other 9000 for training."""
        del preprocess  # that of images
        from snnfw_tasks.events.data.files import read_aedat2
        from snnfw_tasks.events.data.recorded import list_by_folder, open_recordings

        expected = "airplane/*.aedat, automobile/*.aedat and so on, one folder for each of the ten classes"
        found = list_by_folder(self.root, ".aedat", CIFAR10, self.name, expected)
        return open_recordings(self, [found], read_aedat2, (128, 128), flip=True)


@dataclass(frozen=True, slots=True)
class NCaltech101(Recordings):
    """N-Caltech101 (Orchard et al. 2015) in .bin files; nothing is downloaded."""

    name: ClassVar[str] = "ncaltech101"

    root: Annotated[Path, Field(description="holds accordion/*.bin, airplanes/*.bin ... yin_yang/*.bin")]

    def open(self, preprocess: Preprocess | None) -> LabelledData:
        """Return a fixed tenth of every class for the test and the rest for training."""
        del preprocess
        from snnfw_tasks.events.data.files import read_bin
        from snnfw_tasks.events.data.recorded import list_by_folder, open_recordings

        expected = "CLASS/*.bin, the content of Caltech101.zip"
        found = list_by_folder(self.root, ".bin", None, self.name, expected)
        return open_recordings(self, [found], read_bin, (240, 180), flip=True)


@dataclass(frozen=True, slots=True)
class NCars(Recordings):
    """N-Cars (Sironi et al. 2018) in Prophesee's .dat files and in the published split; nothing is downloaded."""

    name: ClassVar[str] = "ncars"

    root: Annotated[Path, Field(description="holds n-cars_train and n-cars_test, both cars and background")]

    def open(self, preprocess: Preprocess | None) -> LabelledData:
        """Return the published training recordings, for calibration too, and the test recordings."""
        del preprocess
        from snnfw_tasks.events.data.files import read_dat
        from snnfw_tasks.events.data.recorded import list_by_folder, open_recordings

        def part(name: str) -> RecordedFiles:
            expected = "background/*.dat and cars/*.dat"
            return list_by_folder(self.root / name, ".dat", ("background", "cars"), self.name, expected)

        parts = [part("n-cars_train"), part("n-cars_test")]
        return open_recordings(self, parts, read_dat, (120, 100), flip=True)


@dataclass(frozen=True, slots=True)
class DvsGesture(Recordings):
    """DVS128 Gesture (Amir et al. 2017), cut into gestures as tonic publishes it; nothing is downloaded."""

    name: ClassVar[str] = "dvs-gesture"

    root: Annotated[Path, Field(description="holds ibmGestureTrain/*/*.npy and ibmGestureTest/*/*.npy")]

    def open(self, preprocess: Preprocess | None) -> LabelledData:
        """Return the published training users, for calibration too, and the test users."""
        del preprocess
        from snnfw_tasks.events.data.files import read_npy
        from snnfw_tasks.events.data.recorded import list_by_number, open_recordings

        def part(name: str) -> RecordedFiles:
            expected = "userNN_LIGHT/0.npy to userNN_LIGHT/10.npy"
            return list_by_number(self.root / name, ".npy", GESTURES, self.name, expected)

        parts = [part("ibmGestureTrain"), part("ibmGestureTest")]
        # Mirrored, the right arm would be the left one.
        return open_recordings(self, parts, read_npy, (128, 128), flip=False)


@dataclass(frozen=True, slots=True)
class ActionRecognition(Recordings):
    """Ten actions in front of a DAVIS346 (PAF, Miao et al. 2019), one recording a file; nothing is downloaded.

    Files are AEDAT 2, or arrays with the columns x, y, t and p = ±1.
    """

    name: ClassVar[str] = "action-recognition"

    root: Annotated[Path, Field(description="holds CLASS/*.aedat or CLASS/*.npy, one folder for each action")]

    def open(self, preprocess: Preprocess | None) -> LabelledData:
        """Return a fixed fifth of every class for the test, as no split is published, and the rest for training."""
        del preprocess
        from snnfw_tasks.events.data.davis import read_davis
        from snnfw_tasks.events.data.recorded import list_by_folder, open_recordings

        expected = "CLASS/*.aedat or CLASS/*.npy, one folder for each action"
        suffix = ".npy" if self.root.is_dir() and not any(self.root.rglob("*.aedat")) else ".aedat"
        found = list_by_folder(self.root, suffix, None, self.name, expected)
        return open_recordings(self, [found], read_davis, (346, 260), flip=True, tested=5)
