"""The same on a GPU: neurons, training steps and the whole network, with CuPy against SpikingJelly on CUDA."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import conversions, network, neurons, training
from benchmarks.result import Section

SHAPES = ((16, 32, 64, 16, 16), (16, 128, 64, 32, 32))
"""The shape measured on CPUs, which a GPU finishes in microseconds, and one that keeps it busy."""

BATCHES = (16, 128)


def measure() -> Iterator[Section]:
    """Yield every table, on the first GPU."""
    for shape in SHAPES:
        settings = neurons.Settings(shape=shape, device="cuda", backend="cupy", calls=21)
        yield from neurons.measure(settings)
        yield from training.measure(settings)
    for samples in BATCHES:
        yield from network.measure(conversions.Settings(samples=samples, device="cuda", backend="cupy"))
