"""What a stream means: what a model asks a coding for while it runs a graph over time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from snnfw.capture.graph import is_summable
from snnfw.values import CODINGS as NAMES
from snnfw.values import DELTA


@dataclass(frozen=True, slots=True)
class Coding:
    """How the values x(1), x(2) ... of a stream make up the value that it stands for.

    In rate coding it is their mean, so that constants enter at every timestep; in delta coding it is their sum
    X(t), so that what is constant enters at the first timestep and is silent afterwards.

    | | rate | delta |
    |---|---|---|
    | constants, biases, frames | x(t) | x(t) - x(t-1) |
    | linear A x + c | A x(t) + c | A x(t), + c at t = 1 |
    | maximum | max S(t) - max S(t-1) | max X(t) - max X(t-1) |
    | any f, products of streams | t f(S/t) - (t-1) f(S'/(t-1)) | f(X(t)) - f(X(t-1)) |
    | readout | f of the mean | f of X(t) |
    """

    name: str

    @property
    def sends_changes(self) -> bool:
        """Tell whether a constant is sent once."""
        return self.name == DELTA

    def inject(self, value: Tensor, steps: int, begun: bool) -> Tensor:
        """Return a constant as the T values of a stream, [T, *shape]; ``begun`` says that timesteps went before."""
        if not self.sends_changes:
            return value.unsqueeze(0).expand(steps, *value.shape)
        if steps == 1 and not begun:
            return value.unsqueeze(0)
        stream = value.new_zeros(()).expand(steps, *value.shape).contiguous()
        if not begun:
            stream[0] = value
        return stream

    def encode_frames(self, frames: Tensor, before: Tensor | None) -> Tensor:
        """Return frames [T, N, ...] as a stream; ``before`` is the frame that was shown last.

        Whole numbers do not add up: they are those of the moment in either coding.
        """
        if not self.sends_changes or not is_summable(frames):
            return frames
        return torch.diff(frames, dim=0, prepend=torch.zeros_like(frames[:1]) if before is None else before[None])

    def averages(self, analog: bool) -> bool:
        """Tell whether an operator is applied to the mean of what it has read rather than to the sum."""
        return analog and not self.sends_changes


CODINGS = {name: Coding(name) for name in NAMES}
