"""The kernels on a GPU: tested there against the reference, and measured against SpikingJelly on CUDA."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch

from benchmarks import conversions, network, neurons, training, training_network
from benchmarks.gpu_tests import ROOT, run_tests
from benchmarks.result import Section
from benchmarks.timing import Measured
from snnfw.errors import SnnfwError
from snnfw.kernels.choice import choose_backend


@dataclass(frozen=True, slots=True)
class Settings:
    """What is measured, within ``minutes``: what is not begun by then is left out, and named.

    ``shapes`` are [T, N, C, H, W]: the one measured on CPUs, which a GPU finishes in microseconds, and one that keeps
    it busy. SpikingJelly is compiled for the latter alone, since that takes longer than everything else.
    """

    shapes: tuple[tuple[int, ...], ...] = ((16, 128, 64, 32, 32), (16, 32, 64, 16, 16))
    batches: tuple[int, ...] = (128, 16)
    minutes: float = 8.0
    repetitions: int = 5
    calls: int = 11
    compiled: bool = True
    device: str = "cuda"
    backend: str = "cupy"
    network: conversions.Settings = field(default_factory=conversions.Settings)
    learning: training_network.Settings = field(default_factory=training_network.Settings)
    tests: Path = ROOT / "tests" / "core" / "kernels" / "test_gpu.py"


Part = tuple[str, Callable[[], Iterable[Section]]]


def obstacle() -> str | None:
    """Return why nothing can be tested or measured here, in one sentence that says what to do; None where it can."""
    if not torch.cuda.is_available():
        cure = "install torch for CUDA" if torch.version.cuda is None else "see that its driver works"
        return f"torch finds no GPU here: run this on a machine with an NVIDIA GPU, and {cure}."
    missing = [name for name in requirements() if not _installed(name)]
    if missing:
        words = " ".join(missing)
        return f"{' and '.join(missing)} must be installed here: pip install {words}, or give --install."
    try:
        choose_backend("cupy", "cuda")
    except SnnfwError as error:
        return str(error)
    return None


def requirements() -> tuple[str, ...]:
    """Return the packages that this needs beside those that the framework needs, for the CUDA of this torch."""
    return (f"cupy-cuda{str(torch.version.cuda).partition('.')[0]}x", "pytest")


def install() -> None:
    """Install what is missing, with pip."""
    missing = [name for name in requirements() if not _installed(name)]
    if not missing or not torch.cuda.is_available():
        return
    if subprocess.run([sys.executable, "-m", "pip", "install", *missing], check=False).returncode:  # noqa: S603  # pip
        raise SnnfwError(f"pip cannot install {' and '.join(missing)}: what it says stands above.")
    importlib.invalidate_caches()


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package.partition("-")[0]) is not None


def measure(settings: Settings) -> Iterator[Section]:
    """Yield the tests' table, and then every table that there is time for."""
    deadline = time.monotonic() + 60 * settings.minutes
    yield run_tests(settings.tests, 60 * settings.minutes / 2)
    left_out = []
    for title, run in parts(settings):
        sections = iter(run())
        while time.monotonic() < deadline and (section := next(sections, None)):
            yield section
        if time.monotonic() >= deadline:
            left_out.append(title)
    if left_out:
        title = f"Not measured, or not to the end, because {settings.minutes:g} minutes were up"
        yield Section(title, ("",), tuple((each,) for each in left_out), Measured({}))


def parts(settings: Settings) -> Iterator[Part]:
    """Yield what is measured, the most telling first."""
    device, backend = settings.device, settings.backend
    for samples in settings.batches:
        size = replace(settings.network, samples=samples, device=device, backend=backend)
        yield f"network, N = {samples}", partial(network.measure, size, settings.repetitions)
    trained = replace(settings.learning, device=device, backend=backend)
    yield "training, network", partial(training_network.measure, trained, settings.repetitions)
    for number, shape in enumerate(settings.shapes):
        given = neurons.Settings(
            shape=shape,
            repetitions=settings.repetitions,
            calls=settings.calls,
            compiled=settings.compiled and not number,
            device=device,
            backend=backend,
        )
        yield f"neurons, {list(shape)}", partial(neurons.measure, given)
        yield f"training, {list(shape)}", partial(training.measure, given)
