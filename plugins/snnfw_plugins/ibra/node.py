"""The integer neurons' step, their kernel, and the straight-through gradient of both."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from snnfw import SiteStats, SpikingNeuron
from snnfw.kernels import COUNT_BITS, Kernel, KernelBody, count_set_bits
from snnfw.neurons import States

CHARGE = "const real charged = leak * potential + (x + offset);"
AMPLIFIED = "const real charged = leak * potential + gain * (x + offset);"

# Adding 2^23, or 2^52, leaves no room for a fraction: the sum is rounded to a whole number, ties to even as in torch.
FORWARD = """
    const real even = sizeof(real) == 8 ? (real)4503599627370496.0 : (real)8388608.0;
    const real bounded = CLAMP(charged / threshold * resolution, (real)0, limit);
    const real whole = (bounded + even) - even;
    y = whole / resolution * threshold;
    potential = charged - y;
"""

SET_BITS = f"""
    unsigned int bits = (unsigned int)(int)whole;
    {COUNT_BITS}
    const real count = (real)(int)bits;
    events = whole == whole ? count : 0;
"""

BACKWARD = """
    const real relative = charged / threshold;
    const real slope = relative >= 0 && relative <= limit / resolution ? 1 : 0;
    const real g_charged = gy * slope + g_potential;
    g_potential = leak * g_charged;
"""


def kernel_body(counting: str, amplified: bool = False) -> KernelBody:
    """Return the kernel's body, counting events in one way or the other, with a gain of the input or without."""
    charge = AMPLIFIED if amplified else CHARGE
    return KernelBody(
        states=("potential",),
        parameters=("threshold", "offset", "leak", "resolution", "limit", *(("gain",) if amplified else ())),
        code=charge + FORWARD + counting,
        backward=charge + BACKWARD + ("gx = gain * g_charged;" if amplified else "gx = g_charged;"),
    )


WHOLE = "events = whole == whole ? whole : 0;"
BINARY, UNARY, UNARY_AMPLIFIED = kernel_body(SET_BITS), kernel_body(WHOLE), kernel_body(WHOLE, amplified=True)


class Emit(torch.autograd.Function):
    """The integer activation clip(round(V N / s), 0, D_N) · s / N forward; backward 1 for 0 <= V/s <= D_N/N, else 0."""

    @staticmethod
    def forward(ctx: Any, charged: Tensor, threshold: Tensor, resolution: int, limit: int) -> Tensor:
        """Return the integer, divided by N and times the scale."""
        ctx.save_for_backward(charged / threshold)
        ctx.largest = limit / resolution
        whole = (charged / threshold * resolution).clamp(0, limit).round().abs()  # abs: -0 is 0
        return whole / resolution * threshold

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Let the gradient through where the activation neither starts nor ends."""
        (relative,) = ctx.saved_tensors
        inside = (relative >= 0) & (relative <= ctx.largest)
        return gradients[0] * inside, None, None, None


class IntegerNeuron(SpikingNeuron):
    """Leak, charge, and fire an integer M of at most ``limit`` events' worth, as M/N times the scale s (soft reset).

    V' = α V(t-1) + k I(t), M = clip(round(V' N / s), 0, D_N), O(t) = M s / N, V(t) = V' - O(t), k the ``gain``. The
    gradient does not flow through the reset, as in the code of SpikeYOLO. ``threshold`` holds the scale.
    """

    def __init__(self, stats: SiteStats, resolution: int, limit: int, leak: float, gain: float = 1.0) -> None:
        super().__init__(stats)
        self.resolution, self.limit, self.leak, self.gain = resolution, limit, leak, gain

    def begin(self, drive: Tensor) -> States:
        """Return the initial potential everywhere."""
        return (self.initial.to(drive.dtype).expand_as(drive),)

    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        """Leak and charge, fire an integer, subtract it."""
        charged = self.leak * states[0] + (drive if self.gain == 1.0 else self.gain * drive)
        emit: Any = Emit.apply
        output = emit(charged, self.threshold, self.resolution, self.limit)
        return output, (charged - output.detach(),)

    def integers(self, output: Tensor) -> Tensor:
        """Return the integer M behind each element of an output."""
        return (output / self.threshold * self.resolution).round()

    def events(self, output: Tensor) -> Tensor:
        """Return M: an integer is as many spikes, one after the other."""
        return torch.nan_to_num(self.integers(output))

    def kernel(self) -> Kernel:
        """Return the same step in C."""
        if self.gain == 1.0:
            return Kernel(UNARY, self.parameters_of_kernel())
        return Kernel(UNARY_AMPLIFIED, {**self.parameters_of_kernel(), "gain": self.gain})

    def parameters_of_kernel(self) -> dict[str, Tensor | float]:
        """Return the kernel's parameters by name."""
        numbers = {"leak": self.leak, "resolution": float(self.resolution), "limit": float(self.limit)}
        return {"threshold": self.threshold, "offset": self.offset, **numbers}


class BinaryNeuron(IntegerNeuron):
    """The same, with the integer sent as its bits: an event is a set bit."""

    def events(self, output: Tensor) -> Tensor:
        """Return how many bits of M are set."""
        return count_set_bits(torch.nan_to_num(self.integers(output)))

    def kernel(self) -> Kernel:
        """Return the same step in C."""
        return Kernel(BINARY, self.parameters_of_kernel())
