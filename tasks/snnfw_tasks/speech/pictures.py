"""Draw a clip: its waveform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw_tasks.samples.gallery import Look
from snnfw_tasks.samples.palette import QUIET

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from torch import Tensor


def sketch_wave(axes: Axes, *, sample: Tensor, position: int) -> None:
    """Draw a clip [C, L], the mean of its channels, as high as it is loud."""
    del position
    wave = sample.float().mean(0)
    axes.plot(wave.numpy(), linewidth=0.4, color=QUIET)
    high = max(float(wave.abs().max()), 1e-12)
    axes.set(xlim=(0, max(1, len(wave) - 1)), ylim=(-1.05 * high, 1.05 * high))
    axes.axis("off")


LOOK = Look(sketch_wave, 2.0, "clips", "The waveforms are drawn equally high, however loud they are.")
