"""The soft-reset neuron's step, its kernel, and the surrogate gradient of both."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from snnfw import SiteStats, SpikingNeuron
from snnfw.kernels import Kernel, KernelBody
from snnfw.neurons import States
from snnfw_plugins.inflor.rectifier import STEEPNESS, slope, straight_through

CHARGE = "const real h = leak * potential + (x + offset);"

FORWARD = f"""
    {CHARGE}
    events = h >= threshold / 2 ? 1 : 0;
    y = events * threshold;
"""

RESET = {"soft": "potential = h - y;\n", "hard": "potential = h * (1 - events);\n"}

# 1 - tanh(z)² = 4 e / (1 + e)² with e = exp(-2 |z|): TANH would be a call for each element.
RECTIFIED = f"""
    const real z = (real){STEEPNESS} * (CLAMP(u, (real)0, (real)1) - (real)0.5);
    const real e = EXP(-2 * ABS(z));
    const real steep = (real){STEEPNESS / (2 * math.tanh(STEEPNESS / 2))!r} * (4 * e / ((1 + e) * (1 + e)));
"""

THROUGH = "const real steep = 1;"

SLOPE = "const real slope = u >= 0 && u <= 1 ? steep : 0;"

GRADIENT = {
    "soft": "const real gh = gy * slope + g_potential * (1 - slope);",
    "hard": """
        const real fired = h >= threshold / 2 ? 1 : 0;
        const real gh = gy * slope + g_potential * (1 - fired - u * slope);
    """,
}


def kernel_body(reset: str, mpr: bool) -> KernelBody:
    """Return the kernel's body for a reset, with the rectifier in its gradient or without."""
    return KernelBody(
        states=("potential",),
        parameters=("threshold", "offset", "leak"),
        code=FORWARD + RESET[reset],
        backward=f"""
            {CHARGE}
            const real u = h / threshold;
            {RECTIFIED if mpr else THROUGH}
            {SLOPE}
            {GRADIENT[reset]}
            gx = gh;
            g_potential = leak * gh;
        """,
    )


BODIES = {(reset, mpr): kernel_body(reset, mpr) for reset in RESET for mpr in (False, True)}


class Fire(torch.autograd.Function):
    """The step function of a potential: 1[h >= θ/2] forward; backward the slope at h/θ, divided by θ."""

    @staticmethod
    def forward(ctx: Any, charged: Tensor, threshold: Tensor, mpr: bool) -> Tensor:
        """Return 1 where half a spike has been reached."""
        ctx.save_for_backward(charged, threshold)
        ctx.mpr = mpr
        return (charged >= threshold / 2).to(charged.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the surrogate's gradient."""
        charged, threshold = ctx.saved_tensors
        relative = charged / threshold
        steep = slope(relative) if ctx.mpr else straight_through(relative)
        return gradients[0] * steep / threshold, None, None


class RectifiedNeuron(SpikingNeuron):
    """Integrate and fire at half a spike's height, with soft or hard reset; learns through its surrogate gradient.

    With the soft reset and λ = 1 charge is conserved: Σ O(t) + U(T) = Σ X(t) + U(0).
    """

    def __init__(self, stats: SiteStats, leak: float = 1.0, reset: str = "soft", mpr: bool = True) -> None:
        super().__init__(stats)
        self.leak, self.reset_by, self.mpr = leak, reset, mpr

    def begin(self, drive: Tensor) -> States:
        """Return the initial potential everywhere."""
        return (self.initial.to(drive.dtype).expand_as(drive),)

    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        """Leak and charge, fire, reset."""
        charged = self.leak * states[0] + drive
        fire: Any = Fire.apply
        spikes = fire(charged, self.threshold, self.mpr)
        output = spikes * self.threshold
        return output, (charged * (1 - spikes) if self.reset_by == "hard" else charged - output,)

    def kernel(self) -> Kernel:
        """Return the same step in C."""
        tensors = {"threshold": self.threshold, "offset": self.offset}
        return Kernel(BODIES[self.reset_by, self.mpr], {**tensors, "leak": self.leak})
