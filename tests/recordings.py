"""Recordings of event cameras that tests write, in the formats and layouts in which data sets are published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from snnfw_tasks.events.data.published import CIFAR10, ActionRecognition, Cifar10Dvs, DvsGesture, NCaltech101, NCars

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Spec = list[tuple[int, int, int, int]]
"""Events as x, y, t in microseconds, p."""

SPEC: Spec = [(3, 5, 10, 1), (100, 90, 20, 0), (0, 99, 5000, 1), (119, 0, 5009, 0)]


def write_aedat2(path: Path, spec: Spec, header: bytes = b"#!AER-DAT2.0\r\n# made by hand\r\n") -> None:
    """Write as jAER does: columns and rows are counted from the other end, and 0 is ON."""
    words = [((127 - x) << 8 | (127 - y) << 1 | (1 - p), t & 0xFFFFFFFF) for x, y, t, p in spec]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + np.array(words, ">u4").tobytes())


def write_davis346(path: Path, spec: Spec, header: bytes = b"#!AER-DAT2.0\r\n# made by hand\r\n") -> None:
    """Write as jAER does for a DAVIS346, with a word of an image before the events."""
    words = [(1 << 31, 0), *(((259 - y) << 22 | (345 - x) << 12 | p << 11, t & 0xFFFFFFFF) for x, y, t, p in spec)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + np.array(words, ">u4").tobytes())


def write_bin(path: Path, spec: Spec) -> None:
    """Write as N-Caltech101 does."""
    rows = [(x, y, p << 7 | t >> 16, t >> 8 & 255, t & 255) for x, y, t, p in spec]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(np.array(rows, np.uint8).tobytes())


def write_dat(path: Path, spec: Spec) -> None:
    """Write as N-Cars does."""
    words = [(t, p << 28 | y << 14 | x) for x, y, t, p in spec]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"% Date 2018-01-01\n% Version 2\n" + bytes([12, 8]) + np.array(words, "<u4").tobytes())


def write_npy(path: Path, spec: Spec) -> None:
    """Write as tonic publishes gestures: milliseconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.array([(x, y, p, t // 1000) for x, y, t, p in spec]).reshape(-1, 4))


WRITERS: dict[str, Callable[[Path, Spec], None]] = {
    ".aedat": write_aedat2,
    ".bin": write_bin,
    ".dat": write_dat,
    ".npy": write_npy,
}


def cifar10_dvs(root: Path, recordings: int = 2) -> Cifar10Dvs:
    for name in CIFAR10:
        for number in range(recordings):
            write_aedat2(root / name / f"cifar10_{name}_{number}.aedat", SPEC)
    return Cifar10Dvs(root, frames=2, clip=1)


def ncaltech101(root: Path) -> NCaltech101:
    for name in ("BACKGROUND_Google", "accordion", "yin_yang"):
        for number in range(2):
            write_bin(root / name / f"image_{number:04}.bin", SPEC)
    return NCaltech101(root, frames=2, clip=1)


def ncars(root: Path) -> NCars:
    for part in ("n-cars_train", "n-cars_test"):
        for name in ("cars", "background"):
            write_dat(root / part / name / "obj_000001_td.dat", SPEC)
    return NCars(root, frames=2, clip=1)


def dvs_gesture(root: Path) -> DvsGesture:
    for part in ("ibmGestureTrain", "ibmGestureTest"):
        for number in range(11):
            write_npy(root / part / "user01_led" / f"{number}.npy", SPEC)
    return DvsGesture(root, frames=2, clip=1)


def action_recognition(root: Path) -> ActionRecognition:
    for name in ("arm-crossing", "get-up", "jumping"):
        for number in range(5):
            write_davis346(root / name / f"{number}.aedat", SPEC)
    return ActionRecognition(root, frames=2, clip=1)


SETS: dict[str, tuple[Callable[[Path], Any], int, tuple[int, int]]] = {
    "cifar10-dvs": (cifar10_dvs, 10, (128, 128)),
    "ncaltech101": (ncaltech101, 3, (240, 180)),
    "ncars": (ncars, 2, (120, 100)),
    "dvs-gesture": (dvs_gesture, 11, (128, 128)),
    "action-recognition": (action_recognition, 3, (346, 260)),
}
