from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from recordings import (
    SETS,
    SPEC,
    action_recognition,
    cifar10_dvs,
    dvs_gesture,
    ncars,
    write_aedat2,
    write_dat,
    write_npy,
)
from snnfw.errors import SnnfwError
from snnfw_tasks.events.data.published import GESTURES, ActionRecognition, Cifar10Dvs, NCars
from snnfw_tasks.events.data.recorded import split_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


# The data sets


@pytest.mark.parametrize("name", SETS)
def test_every_data_set_gives_frames_of_what_was_recorded(tmp_path: Path, name: str) -> None:
    make, classes, (width, height) = SETS[name]
    data = make(tmp_path).open(None)
    assert len(data.classes) == classes
    assert data.shape == (2, 2, 48, 48)
    assert data.frames == 2
    tested = 5 if name == "action-recognition" else 2
    assert [len(data.training), len(data.evaluation)] == [classes * (tested - 1), classes]
    assert {data.evaluation[index][1] for index in range(classes)} == set(range(classes))
    sample, _ = data.training[0]
    lit = {tuple(place) for place in sample.nonzero().tolist()}
    assert lit == {(t // 2600, p, y * 48 // height, x * 48 // width) for x, y, t, p in SPEC}


def test_a_static_data_set_has_no_frames(tmp_path: Path) -> None:
    cifar10_dvs(tmp_path)
    data = Cifar10Dvs(tmp_path, static=True, size=32).open(None)
    assert data.frames is None
    assert data.shape == data.training[0][0].shape == (2, 32, 32)


def test_gestures_are_numbered_by_their_files_and_never_mirrored(tmp_path: Path) -> None:
    data = dvs_gesture(tmp_path).open(None)
    assert data.classes == GESTURES
    assert data.augment is not None
    torch.manual_seed(0)
    rows = torch.arange(48.0).expand(8, 2, 2, 48, 48)
    steps = data.augment(rows).diff(dim=-1)
    assert ((steps == 1) | (steps == -47)).all()


def test_actions_are_read_as_arrays_where_there_is_no_aedat(tmp_path: Path) -> None:
    (tmp_path / "aedat").mkdir()
    action_recognition(tmp_path / "aedat")
    expected = ActionRecognition(tmp_path / "aedat", frames=2, clip=1).open(None)
    for path in sorted((tmp_path / "aedat").rglob("*.aedat")):
        target = tmp_path / "npy" / path.parent.name
        target.mkdir(parents=True, exist_ok=True)
        np.save(target / f"{path.stem}.npy", np.array([(x, y, t, 1 if p else -1) for x, y, t, p in SPEC]))
    found = ActionRecognition(tmp_path / "npy", frames=2, clip=1).open(None)
    assert found.classes == expected.classes == ("arm-crossing", "get-up", "jumping")
    assert found.training[0][0].equal(expected.training[0][0])
    assert [label for _, label in found.evaluation.files] == [0, 1, 2]  # type: ignore[attr-defined]  # these are files


def test_events_cannot_be_summed_and_stacked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="static sums the frames and stacked keeps them as channels"):
        Cifar10Dvs(tmp_path, static=True, stacked=True)


def test_ncars_is_found_also_in_a_folder_more(tmp_path: Path) -> None:
    ncars(tmp_path)
    (tmp_path / "n-cars_train").rename(tmp_path / "train")
    (tmp_path / "n-cars_train").mkdir()
    (tmp_path / "train").rename(tmp_path / "n-cars_train" / "train")
    assert len(NCars(tmp_path).open(None).training) == 2


def test_the_split_of_cifar10_dvs_is_9000_to_1000_and_always_the_same(tmp_path: Path) -> None:
    files = [(tmp_path / f"{label}-{number}", label) for label in range(10) for number in range(1000)]
    training, tested = split_files(files)
    assert [len(training), len(tested)] == [9000, 1000]
    assert sorted(training + tested) == sorted(files)
    assert all(sum(label == wanted for _, label in tested) == 100 for wanted in range(10))
    assert [path.name for path, _ in tested[:4]] == ["0-993", "0-859", "0-298", "0-553"]
    assert split_files(files) == (training, tested)


def test_events_out_of_order_are_put_in_order(tmp_path: Path) -> None:
    cifar10_dvs(tmp_path)
    expected = Cifar10Dvs(tmp_path).open(None).training[0][0]
    for path in tmp_path.rglob("*.aedat"):
        write_aedat2(path, SPEC[::-1])
    assert Cifar10Dvs(tmp_path).open(None).training[0][0].equal(expected)


def test_a_recording_without_events_gives_empty_frames_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = cifar10_dvs(tmp_path).open(None)
    for path in tmp_path.rglob("*.aedat"):
        write_aedat2(path, [])
    path = data.training.files[0][0]  # type: ignore[attr-defined]  # these samples are files
    with caplog.at_level(logging.WARNING, "snnfw"):
        sample, _ = data.training[0]
    assert sample.shape == (2, 2, 48, 48)
    assert sample.count_nonzero() == 0
    assert caplog.messages == [
        f"snnfw: recording '{path}' of data 'cifar10-dvs' has no events: all its frames are empty"
    ]


# Mistakes


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is done to good files, and what is said; ``{root}`` and ``{file}`` stand for paths."""

    name: str
    file: str
    change: Callable[[Path], object]
    message: str


def remove_all(root: Path, file: str) -> None:
    for path in root.rglob(f"*{file.rpartition('.')[2]}"):
        path.unlink()


def renamed(name: str) -> Callable[[Path], object]:
    def rename(path: Path) -> None:
        (path.parent.parent / name).mkdir(exist_ok=True)
        path.rename(path.parent.parent / name / path.name)

    return rename


PLANE = "airplane/cifar10_airplane_0.aedat"
IMAGE = "accordion/image_0000.bin"
CAR = "n-cars_train/cars/obj_000001_td.dat"
CLAP = "ibmGestureTrain/user01_led/0.npy"
ACTION = "jumping/0.npy"


def actions_as_zeros(path: Path) -> None:
    """Replace all recordings by arrays, which are read where there is nothing else."""
    for recording in list(path.parent.parent.rglob("*.aedat")):
        np.save(recording.with_suffix(".npy"), np.array([[1, 1, 5, 1], [1, 1, 6, -1]]))
        recording.unlink()
    np.save(path, np.array([[1, 1, 5, 1], [1, 1, 6, 0]]))


MISTAKES = {
    "no header": Mistake(
        "cifar10-dvs",
        PLANE,
        lambda path: write_aedat2(path, SPEC, header=b""),
        "recording '{file}' of data 'cifar10-dvs' cannot be read (it does not begin with #!AER-DAT2.0): "
        "extract the file again.",
    ),
    "another version of AEDAT": Mistake(
        "cifar10-dvs",
        PLANE,
        lambda path: write_aedat2(path, SPEC, header=b"#!AER-DAT3.1\r\n"),
        "recording '{file}' of data 'cifar10-dvs' cannot be read (it does not begin with #!AER-DAT2.0): "
        "extract the file again.",
    ),
    "a truncated .aedat": Mistake(
        "cifar10-dvs",
        PLANE,
        lambda path: path.write_bytes(path.read_bytes()[:-3]),
        "recording '{file}' of data 'cifar10-dvs' cannot be read (it ends within an event): extract the file again.",
    ),
    "a negative timestamp": Mistake(
        "cifar10-dvs",
        PLANE,
        lambda path: write_aedat2(path, [(1, 1, -7, 0), *SPEC]),
        "recording '{file}' of data 'cifar10-dvs' has the negative timestamp -7: extract the file again.",
    ),
    "a truncated .bin": Mistake(
        "ncaltech101",
        IMAGE,
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        "recording '{file}' of data 'ncaltech101' cannot be read (it ends within an event): extract the file again.",
    ),
    "a truncated .dat": Mistake(
        "ncars",
        CAR,
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        "recording '{file}' of data 'ncars' cannot be read (it ends within an event): extract the file again.",
    ),
    "a .dat of something else": Mistake(
        "ncars",
        CAR,
        lambda path: path.write_bytes(b"% nothing\n"),
        "recording '{file}' of data 'ncars' cannot be read (its events are not of 8 bytes): extract the file again.",
    ),
    "an event outside the sensor": Mistake(
        "ncars",
        CAR,
        lambda path: write_dat(path, [*SPEC, (120, 3, 6000, 1)]),
        "recording '{file}' of data 'ncars' has an event at x=120, y=3, outside its sensor of 120 by 100 pixels: "
        "it is of another data set, or damaged.",
    ),
    "a .npy that is none": Mistake(
        "dvs-gesture",
        CLAP,
        lambda path: path.write_bytes(b"nothing"),
        "recording '{file}' of data 'dvs-gesture' cannot be read (it is not an array): extract the file again.",
    ),
    "an array with polarities of 0": Mistake(
        "action-recognition",
        ACTION,
        actions_as_zeros,
        "recording '{file}' of data 'action-recognition' cannot be read (x, y and t are not whole numbers, or p is "
        "neither 1 nor -1): extract the file again.",
    ),
    "a polarity of -1": Mistake(
        "dvs-gesture",
        CLAP,
        lambda path: np.save(path, np.array([[1, 1, -1, 5], [1, 1, 1, 6]])),
        "recording '{file}' of data 'dvs-gesture' cannot be read (x, y and t are not whole numbers, or p is neither 0 nor "
        "1): extract the file again.",
    ),
    "an array of another shape": Mistake(
        "dvs-gesture",
        CLAP,
        lambda path: np.save(path, np.zeros((5, 3))),
        "recording '{file}' of data 'dvs-gesture' cannot be read (it is not an array with the columns x, y, p and "
        "t): extract the file again.",
    ),
    "too many events for tonic": Mistake(
        "dvs-gesture",
        CLAP,
        lambda path: write_npy(path, [(1, 1, 1000, 1)] * 32768),
        "recording '{file}' of data 'dvs-gesture' has more than 32767 events in one cell of a frame: give more than "
        "data.frames=2.",
    ),
    "a gesture that does not exist": Mistake(
        "dvs-gesture",
        CLAP,
        lambda path: path.rename(path.with_stem("11")),
        "recording '{root}/ibmGestureTrain/user01_led/11.npy' of data 'dvs-gesture' has the label 11, outside the 11 "
        "classes (0 to 10): its name gives the class.",
    ),
    "a class that does not exist": Mistake(
        "ncars",
        CAR,
        renamed("lorries"),
        "recording '{root}/n-cars_train/lorries/obj_000001_td.dat' is of the class 'lorries', which data 'ncars' does "
        "not have: its classes are background, cars.",
    ),
    "a class without recordings": Mistake(
        "ncars",
        "n-cars_test/cars/obj_000001_td.dat",
        lambda path: path.unlink(),
        "data 'ncars' has no evaluation recording of the class 'cars': every split needs every class.",
    ),
    "a single recording of a class": Mistake(
        "cifar10-dvs",
        PLANE,
        lambda path: path.unlink(),
        "data 'cifar10-dvs' has no training recording of the class 'airplane': every split needs every class.",
    ),
    "no folder": Mistake(
        "ncars",
        "n-cars_test",
        lambda path: path.rename(path.with_name("test")),
        "data 'ncars' finds no folder '{file}': expected there are background/*.dat and cars/*.dat.",
    ),
    "no files": Mistake(
        "ncaltech101",
        IMAGE,
        lambda path: remove_all(path.parent.parent, path.name),
        "data 'ncaltech101' finds no .bin file below '{root}': expected there are CLASS/*.bin, the content of "
        "Caltech101.zip.",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_names_the_file_and_what_to_do(tmp_path: Path, mistake: str) -> None:
    made = MISTAKES[mistake]
    source = SETS[made.name][0](tmp_path)
    made.change(tmp_path / made.file)
    with pytest.raises(SnnfwError) as caught:
        read_everything(source)
    assert str(caught.value) == made.message.format(root=tmp_path, file=tmp_path / made.file)


def read_everything(source: Any) -> None:
    data = source.open(None)
    for samples in (data.training, data.evaluation):
        for index in range(len(samples)):
            samples[index]


def test_without_tonic_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = ncars(tmp_path)
    for module in ("tonic", "tonic.transforms"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SnnfwError) as caught:
        source.open(None)
    assert str(caught.value) == "task 'events' needs the package tonic: pip install 'snnfw[events]'."
