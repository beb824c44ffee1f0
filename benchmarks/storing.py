"""How long it takes to open a spiking network, and a capture that was kept, against making them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar
from unittest import mock

import torch
from torch import nn

import snnfw
from benchmarks import capturing
from benchmarks.capturing import processor_seconds
from benchmarks.result import Cell, Section
from benchmarks.timing import Candidates, Measured
from snnfw.archive.captures import capture_once
from snnfw_plugins.adafire import AdaFire

Made = TypeVar("Made")

CONVERT, LOAD = "snnfw.convert", "snnfw.load"
CAPTURE, KEPT = "capture", "the same capture, kept"


def measure(settings: capturing.Settings, repetitions: int = 3) -> Iterator[Section]:
    """Yield a table for each network."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {"XDG_CACHE_HOME": folder}):
        for name, (build, shape) in settings.networks.items():
            found = processor_seconds(candidates(build().eval(), shape, Path(folder)), repetitions)
            yield _section(f"{name} at {' x '.join(map(str, shape))}", found)


def candidates(network: nn.Module, shape: tuple[int, ...], folder: Path) -> Candidates:
    """Return both ways to a spiking network, calibrated on 8 samples, and both to its capture."""
    x = torch.randn(8, *shape, generator=torch.Generator().manual_seed(0))
    rules = [snnfw.Rule("*", AdaFire(), activation="relu", optional=True), snnfw.Rule("*", snnfw.Keep(), optional=True)]
    file = folder / "net.snn"
    making = partial(_keeping, "none", partial(snnfw.convert, network, x, method=rules, timesteps=8))
    making().save(file)
    return {
        CONVERT: making,
        LOAD: partial(snnfw.load, file),
        CAPTURE: partial(_keeping, "none", partial(capture_once, network, (x[:2],))),
        KEPT: partial(_keeping, "kept", partial(capture_once, network, (x[:2],))),
    }


def _keeping(captures: str, call: Callable[[], Made]) -> Made:
    """Return what a call makes with ``SNNFW_CAPTURES`` set, so that captures are kept or not."""
    with mock.patch.dict(os.environ, {"SNNFW_CAPTURES": captures}):
        return call()


def _section(title: str, found: Measured) -> Section:
    rows: list[tuple[Cell, ...]] = [
        (CONVERT, f"{found.median(CONVERT):.2f}", found.ratio(CONVERT, LOAD)),
        (LOAD, f"{found.median(LOAD):.2f}", found.ratio(LOAD, LOAD)),
        (CAPTURE, f"{found.median(CAPTURE):.2f}", found.ratio(CAPTURE, KEPT)),
        (KEPT, f"{found.median(KEPT):.2f}", found.ratio(KEPT, KEPT)),
    ]
    return Section(title, ("", "processor seconds", "times the other"), tuple(rows), found)
