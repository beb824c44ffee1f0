"""The frames of an input that is another one at each timestep."""

from __future__ import annotations

from torch import Tensor

from snnfw.contracts import Inputs
from snnfw.errors import SnnfwError


class Frames:
    """Inputs [N, frames, ...], of which every timestep is shown the next frame; ``shown`` have been so far."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs, self.shown = inputs, 0

    def next(self, index: int, steps: int) -> Tensor:
        """Return the next frames of one input, [T, N, ...]; ``shown`` moves on when all of them were asked for."""
        frames, last = self.inputs[index], self.shown + steps
        if frames.shape[1] < last:
            raise SnnfwError(
                f"the input holds {frames.shape[1]} frames and timestep {last} is asked for: run at most as many "
                "timesteps as there are frames."
            )
        return frames[:, self.shown : last].movedim(1, 0)

    def keep(self, samples: Tensor) -> None:
        """Go on with the samples of these indices ([K], long) alone."""
        self.inputs = tuple(frames.index_select(0, samples) for frames in self.inputs)
