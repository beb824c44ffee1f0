"""Draw a recording of events: some of its frames side by side, in a colour for each polarity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from snnfw_tasks.samples.drawing import sketch_image
from snnfw_tasks.samples.gallery import Look
from snnfw_tasks.samples.palette import QUIET, SAFE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from torch import Tensor

FRAMES = 4
"""So many frames are drawn, spread evenly over the recording."""
OFF, ON = SAFE[1], SAFE[0]


def sketch_frames(axes: Axes, *, sample: Tensor, position: int) -> None:
    """Draw frames [F, 2, H, W], or the same as channels of one input, polarity after polarity."""
    if sample.ndim == 3 and len(sample) % 2:  # not of events
        sketch_image(axes, sample=sample, position=position)
        return
    frames = sample if sample.ndim == 4 else sample.unflatten(0, (2, -1)).swapaxes(0, 1)
    count = min(FRAMES, len(frames))
    chosen = [(2 * number + 1) * len(frames) // (2 * count) for number in range(count)]
    high = max(float(frames.max()), 1e-12)
    framed = [functional.pad(colour_frame(frames[index] / high), (1,) * 4, value=0.7) for index in chosen]
    axes.imshow(torch.cat(framed, 2).permute(1, 2, 0).numpy(), interpolation="nearest")
    axes.set(anchor="W")
    if sample.ndim == 4:
        told = ", ".join(str(index + 1) for index in chosen)
        axes.set_title(f"frames {told} of {len(frames)}", fontsize=7, color=QUIET, loc="left", pad=2)
    axes.axis("off")


def colour_frame(frame: Tensor) -> Tensor:
    """Return a frame [2, H, W] of shares from 0 to 1 in colours [3, H, W]: white without events, faint ones raised."""
    from matplotlib.colors import to_rgb

    shares = frame.clamp(0, 1).float().sqrt()
    inks = 1 - torch.tensor([to_rgb(OFF), to_rgb(ON)])  # what each takes from white
    return (1 - torch.einsum("phw,pc->chw", shares, inks)).clamp(0, 1)


LOOK = Look(
    sketch_frames, 2.2, "recordings", "The frames follow one another; blue pixels became brighter, orange ones darker."
)
