"""The leaky neuron's step, its kernel, and the surrogate gradient of both."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from snnfw import SiteStats, SpikingNeuron
from snnfw.kernels import Kernel, KernelBody
from snnfw.neurons import Integrator, States

CHARGE = "const real h = potential + (x + offset - potential) / tau;"

FORWARD = f"""
    {CHARGE}
    events = h >= threshold ? 1 : 0;
    y = events * threshold;
"""

BACKWARD = f"""
    {CHARGE}
    const real fired = h >= threshold ? 1 : 0;
    const real u = (h - threshold) * ((real)3.14159265358979323846 / threshold), share = 1 / tau;
    const real slope = 1 / (1 + u * u);
"""

SOFT = KernelBody(
    states=("potential",),
    parameters=("threshold", "offset", "tau"),
    code=FORWARD + "potential = h - y;\n",
    backward=BACKWARD
    + """
    (void)fired;
    const real gh = gy * slope + g_potential * (1 - slope);
    gx = gh * share;
    g_potential = gh - gx;
    """,
)

HARD = KernelBody(
    states=("potential",),
    parameters=("threshold", "offset", "tau"),
    code=FORWARD + "potential = h * (1 - events);\n",
    backward=BACKWARD
    + """
    const real gh = gy * slope + g_potential * (1 - fired - h * slope * (1 / threshold));
    gx = gh * share;
    g_potential = gh - gx;
    """,
)


class Fire(torch.autograd.Function):
    """The step function with the arc tangent's derivative: 1[u >= 0] forward, 1 / (1 + (π u)²) backward."""

    @staticmethod
    def forward(ctx: Any, distance: Tensor) -> Tensor:
        """Return 1 where the threshold is reached."""
        ctx.save_for_backward(distance)
        return (distance >= 0).to(distance.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """Return the surrogate's gradient."""
        (distance,) = ctx.saved_tensors
        slope: Tensor = 1 / (1 + (math.pi * distance) ** 2)
        return gradients[0] * slope


class LeakyNeuron(SpikingNeuron):
    """Leaky integrate-and-fire with soft or hard reset; learns through its surrogate gradient."""

    def __init__(self, stats: SiteStats, tau: float, reset: str) -> None:
        super().__init__(stats)
        self.tau, self.hard = tau, reset == "hard"

    def begin(self, drive: Tensor) -> States:
        """Return the initial potential everywhere."""
        return (self.initial.to(drive.dtype).expand_as(drive),)

    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        """Leak and charge, fire, reset."""
        charged = states[0] + (drive - states[0]) / self.tau
        fire: Any = Fire.apply
        spikes = fire((charged - self.threshold) / self.threshold)
        output = spikes * self.threshold
        return output, (charged * (1 - spikes) if self.hard else charged - output,)

    def integrator(self) -> Integrator | None:
        """Return the neuron as leak, fire once and reset; a neuron derived from it may do something else."""
        if type(self) is not LeakyNeuron:
            return None
        return Integrator(self.threshold, self.threshold, self.initial, self.offset, self.tau, self.hard)

    def kernel(self) -> Kernel:
        """Return the same step in C."""
        tensors = {"threshold": self.threshold, "offset": self.offset}
        return Kernel(HARD if self.hard else SOFT, {**tensors, "tau": self.tau})
