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
    WRITERS,
    Spec,
    cifar10_dvs,
    dvs_gesture,
    ncars,
    write_aedat2,
    write_bin,
    write_dat,
    write_npy,
)
from snnfw.errors import SnnfwError
from snnfw_tasks.events.data.augment import roll_and_flip
from snnfw_tasks.events.data.files import EVENT, read_aedat2, read_bin, read_dat, read_npy
from snnfw_tasks.events.data.frames import Framing, count_events
from snnfw_tasks.events.data.published import GESTURES, Cifar10Dvs, NCars
from snnfw_tasks.events.data.recorded import split_files
from snnfw_tasks.samples import cache as events_cache
from snnfw_tasks.samples.cache import load_or_make

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray


def structured(spec: Spec) -> NDArray[Any]:
    return np.array([tuple(event) for event in spec], dtype=EVENT)


READERS: dict[str, Callable[[Path, str], NDArray[Any]]] = {
    ".aedat": read_aedat2,
    ".bin": read_bin,
    ".dat": read_dat,
    ".npy": read_npy,
}


def framing(**changes: Any) -> Framing:
    usual = {"sensor": (8, 4), "size": (8, 4), "frames": 3, "slicing": "time", "clip": 4, "static": False}
    return Framing(**{**usual, **changes})


# The formats


@pytest.mark.parametrize("suffix", [".aedat", ".bin", ".dat"])
def test_every_format_gives_back_what_was_written(tmp_path: Path, suffix: str) -> None:
    WRITERS[suffix](tmp_path / f"a{suffix}", SPEC)
    assert READERS[suffix](tmp_path / f"a{suffix}", "some").tolist() == structured(SPEC).tolist()


def test_gestures_are_in_milliseconds(tmp_path: Path) -> None:
    write_npy(tmp_path / "a.npy", SPEC)
    assert read_npy(tmp_path / "a.npy", "some")["t"].tolist() == [0, 0, 5000, 5000]


def test_the_clock_of_ncaltech101_overflows(tmp_path: Path) -> None:
    write_bin(tmp_path / "a.bin", [(1, 2, 8000, 1), (0, 240, 0, 0), (3, 4, 10, 0)])
    assert read_bin(tmp_path / "a.bin", "some").tolist() == [(1, 2, 8000, True), (3, 4, 10 + 2**13, False)]


@pytest.mark.parametrize("suffix", READERS)
def test_a_file_without_events_is_read_as_such(tmp_path: Path, suffix: str) -> None:
    WRITERS[suffix](tmp_path / f"a{suffix}", [])
    assert len(READERS[suffix](tmp_path / f"a{suffix}", "some")) == 0


# Frames


def random_events(number: int, seed: int = 0) -> NDArray[Any]:
    random = np.random.RandomState(seed)
    times = np.sort(random.randint(0, 10_007, number))
    columns = random.randint(8, size=number), random.randint(4, size=number), times, random.randint(2, size=number)
    return structured(np.stack(columns, axis=1).tolist())


@pytest.mark.parametrize("slicing", ["time", "count"])
@pytest.mark.parametrize("frames", [1, 3, 7, 500])
def test_no_event_is_lost_and_none_counts_twice(slicing: str, frames: int) -> None:
    events = random_events(101)
    counts = count_events(events, framing(slicing=slicing, frames=frames))
    assert counts.shape == (frames, 2, 4, 8)
    expected = np.zeros((2, 4, 8))
    np.add.at(expected, (events["p"].astype(int), events["y"], events["x"]), 1)
    assert (counts.sum(0) == expected).all()


def test_frames_of_equal_time_are_of_equal_time() -> None:
    events = structured([(0, 0, 100 + t, 1) for t in (0, 9, 10, 19, 20, 29)])
    assert count_events(events, framing()).sum((1, 2, 3)).tolist() == [2, 2, 2]
    assert count_events(events[:-1], framing()).sum((1, 2, 3)).tolist() == [1, 2, 2]  # now 21 microseconds


def test_frames_of_equal_count_hold_equally_many_events_up_to_one() -> None:
    counts = count_events(random_events(101), framing(slicing="count", frames=7)).sum((1, 2, 3))
    assert set(counts.tolist()) == {14, 15}


def test_off_events_come_before_on_events() -> None:
    counts = count_events(structured([(6, 1, 0, 0), (5, 2, 0, 1), (5, 2, 0, 1)]), framing(frames=1))
    assert counts[0, 0, 1, 6] == 1
    assert counts[0, 1, 2, 5] == 2


def test_a_cell_counts_the_events_of_all_its_pixels() -> None:
    every = structured([(x, y, 0, 1) for x in range(8) for y in range(4)])
    assert count_events(every, framing(frames=1, size=(4, 2)))[0, 1].tolist() == [[4] * 4] * 2
    assert count_events(every, framing(frames=1, size=(3, 4)))[0, 1].tolist() == [[3, 3, 2]] * 4


def test_counts_are_clipped_and_scaled() -> None:
    events = structured([(0, 0, 0, 1)] * 3 + [(1, 0, 0, 1)] * 9)
    sample = framing(frames=1).sample(count_events(events, framing(frames=1)))
    assert sample[0, 1, 0, :3].tolist() == [0.75, 1.0, 0.0]
    assert sample.dtype == torch.float32


def test_a_static_sample_is_the_sum_of_the_frames() -> None:
    cut = framing(static=True)
    counts = count_events(random_events(60), cut)
    assert cut.shape() == (2, 4, 8)
    assert cut.sample(counts).mul(3 * 4).tolist() == torch.from_numpy(counts.sum(0)).clamp(max=12).tolist()


def test_rolling_moves_all_frames_of_a_recording_alike_and_loses_nothing() -> None:
    torch.manual_seed(0)
    samples = torch.rand(16, 3, 2, 6, 7)
    moved = roll_and_flip(samples, by=2, flip=False)
    ways = {}
    for index, (one, other) in enumerate(zip(samples, moved, strict=True)):
        shifts = [(i, j) for i in range(-2, 3) for j in range(-2, 3) if one.roll((i, j), (2, 3)).equal(other)]
        assert len(shifts) == 1, index
        ways[index] = shifts[0]
    assert len(set(ways.values())) > 5
    flipped = roll_and_flip(samples, by=0, flip=True)
    mirrored = [one.flip(-1).equal(other) for one, other in zip(samples, flipped, strict=True)]
    assert [one.equal(other) for one, other in zip(samples, flipped, strict=True)] == [
        not mirror for mirror in mirrored
    ]
    assert 0 < sum(mirrored) < 16


# The data sets


@pytest.mark.parametrize("name", SETS)
def test_every_data_set_gives_frames_of_what_was_recorded(tmp_path: Path, name: str) -> None:
    make, classes, (width, height) = SETS[name]
    data = make(tmp_path).open(None)
    assert len(data.classes) == classes
    assert data.shape == (2, 2, 48, 48)
    assert data.frames == 2
    assert [len(data.training), len(data.evaluation)] == [classes, classes]
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


# The cache


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    events_cache._say_once.cache_clear()
    return tmp_path / "cache" / "snnfw" / "events"


def numbers(value: int = 1) -> dict[str, NDArray[Any]]:
    return {"events": np.full(5, value), "bounds": np.array([0, 5])}


def unwanted() -> dict[str, NDArray[Any]]:
    raise AssertionError("made again")


def test_what_was_made_once_is_read_from_the_cache(cache: Path) -> None:
    load_or_make("key", numbers)
    found = load_or_make("key", unwanted)
    assert {name: array.tolist() for name, array in found.items()} == {"events": [1] * 5, "bounds": [0, 5]}
    assert len(list(cache.iterdir())) == 1


def test_another_key_is_another_file(cache: Path) -> None:
    load_or_make("key", numbers)
    assert load_or_make("another key", lambda: numbers(2))["events"].tolist() == [2] * 5
    assert load_or_make("key", unwanted)["events"].tolist() == [1] * 5


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: b"", lambda content: content[::-1]])
def test_a_damaged_file_is_made_again(
    cache: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[bytes], bytes]
) -> None:
    load_or_make("key", numbers)
    (path,) = cache.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    with caplog.at_level(logging.INFO, "snnfw"):
        assert load_or_make("key", lambda: numbers(2))["events"].tolist() == [2] * 5
    assert caplog.messages == [f"snnfw: generates the recordings again, {path.name} is damaged"]
    assert load_or_make("key", unwanted)["events"].tolist() == [2] * 5


def test_without_a_cache_recordings_are_made_for_this_run_and_the_log_says_why(
    cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.parents[1].write_text("in the way")
    with caplog.at_level(logging.WARNING, "snnfw"):
        for _ in range(2):
            assert load_or_make("key", numbers)["events"].tolist() == [1] * 5
    assert caplog.messages == [
        "snnfw: cannot keep the recordings in the cache (Not a directory): generates them for this run"
    ]


def test_a_write_that_fails_leaves_the_old_file(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_or_make("key", numbers)
    (path,) = cache.iterdir()
    before = path.read_bytes()

    def full(self: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    monkeypatch.setattr(events_cache, "_read", lambda *given: None)
    assert load_or_make("key", lambda: numbers(2))["events"].tolist() == [2] * 5
    assert path.read_bytes() == before
    assert list(cache.iterdir()) == [path]
