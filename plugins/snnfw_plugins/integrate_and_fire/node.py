"""Soft-reset neurons: what is emitted is what leaves the membrane."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor

from snnfw import SiteStats, SpikingNeuron
from snnfw.kernels import Kernel, KernelBody
from snnfw.neurons import Integrator, States

SPIKE = KernelBody(
    states=("potential",),
    parameters=("threshold", "offset", "shift"),
    code="""
        potential = potential + (x + offset);
        potential = potential + shift;
        events = potential >= threshold ? 1 : 0;
        y = events * threshold;
        potential = potential - y;
    """,
)

BURST = KernelBody(
    states=("potential",),
    parameters=("threshold", "offset", "shift", "burst"),
    code="""
        potential = potential + (x + offset);
        potential = potential + shift;
        events = FLOOR(potential / threshold);
        events = CLAMP(events, 0, burst);
        y = events * threshold;
        potential = potential - y;
    """,
)

SIGNED = KernelBody(
    states=("potential", "fired"),
    parameters=("threshold", "offset", "rounding", "burst"),
    code="""
        potential = potential + (x + offset);
        const real wished = FLOOR(potential / threshold + rounding);
        const real bounded = CLAMP(wished, -burst, burst);
        const real count = bounded < -fired ? -fired : bounded;
        y = count * threshold;
        events = ABS(count);
        potential = potential - y;
        fired = fired + count;
    """,
)


class SoftResetNeuron(SpikingNeuron):
    """Integrate and fire: at most one spike of height θ in a timestep, subtracted from the potential.

    Charge is conserved: Σ s(t) + V(T) = Σ x(t) + V(0) + shift.
    """

    def __init__(self, stats: SiteStats, timesteps: int, shift: bool = False) -> None:
        super().__init__(stats)
        self.shift = 0.5 / timesteps if shift else 0.0

    def begin(self, drive: Tensor) -> States:
        """Return the initial potential everywhere."""
        return (self.initial.to(drive.dtype).expand_as(drive),)

    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        """Charge, fire and subtract what was fired."""
        potential = states[0] + drive
        if self.shift:
            potential = potential + self.shift * self.threshold
        spikes = self.count(potential) * self.threshold
        return spikes, (potential - spikes,)

    def kernel(self) -> Kernel:
        """Return the same step in C."""
        return Kernel(SPIKE, self.parameters_of_kernel())

    def integrator(self) -> Integrator | None:
        """Return the neuron as integrate, fire once and subtract; a neuron derived from it may do something else."""
        if type(self) is not SoftResetNeuron:
            return None
        bias = self.offset + self.shift * self.threshold
        return Integrator(self.threshold, self.threshold, self.initial, bias)

    def parameters_of_kernel(self) -> dict[str, Tensor | float]:
        """Return the kernel's parameters by name."""
        shift = self.shift * self.threshold if self.shift else 0.0
        return {"threshold": self.threshold, "offset": self.offset, "shift": shift}

    def count(self, potential: Tensor) -> Tensor:
        """Return the number of spikes: 1 where the potential has reached the threshold."""
        return (potential >= self.threshold).to(potential.dtype)


class BurstNeuron(SoftResetNeuron):
    """Integrate and fire up to φ spikes of height θ in one timestep."""

    def __init__(self, stats: SiteStats, timesteps: int, burst: int, shift: bool = False) -> None:
        super().__init__(stats, timesteps, shift)
        self.burst = burst

    def kernel(self) -> Kernel:
        """Return the same step in C."""
        return Kernel(BURST, {**self.parameters_of_kernel(), "burst": float(self.burst)})

    def count(self, potential: Tensor) -> Tensor:
        """Return the number of spikes: as many thresholds as the potential holds, at most φ."""
        return (potential / self.threshold).floor_().clamp_(0, self.burst)


class SignedBurstNeuron(SpikingNeuron):
    """Fire up to φ spikes of height θ, of either sign, and never take back more than was emitted.

    u(t) = V(t-1) + x(t), n(t) = max(clip(floor(u(t)/θ + r), -φ, φ), -K(t-1)), s(t) = n(t)·θ, V(t) = u(t) - s(t) and
    K(t) = K(t-1) + n(t); r is 1/2 with ``rounds``, else 0. Charge is conserved, Σ s(t) + V(T) = Σ x(t) + V(0), so while
    no burst is clipped K(t) = max(floor((V(0) + x(1) + ... + x(t))/θ + r), 0), whatever the order of the inputs.
    """

    states: ClassVar[tuple[str, ...]] = ("potential", "fired")

    def __init__(self, stats: SiteStats, burst: int, rounds: bool = True) -> None:
        super().__init__(stats)
        self.burst, self.rounding = burst, 0.5 if rounds else 0.0

    def begin(self, drive: Tensor) -> States:
        """Return the initial potential everywhere, and no spikes."""
        return self.initial.to(drive.dtype).expand_as(drive), drive.new_zeros(()).expand_as(drive)

    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        """Charge, fire or take back, and subtract what was fired."""
        potential, fired = states[0] + drive, states[1]
        wished = (potential / self.threshold + self.rounding).floor_().clamp_(-self.burst, self.burst)
        count = torch.where(wished < -fired, -fired, wished)
        output = count * self.threshold
        return output, (potential - output, fired + count)

    def kernel(self) -> Kernel:
        """Return the same step in C."""
        tensors: dict[str, Tensor | float] = {"threshold": self.threshold, "offset": self.offset}
        return Kernel(SIGNED, {**tensors, "rounding": self.rounding, "burst": float(self.burst)})


def clip_floor(activation: Tensor, timesteps: int, threshold: Tensor, burst: int = 1, rounding: float = 0.0) -> Tensor:
    """Return ClipFloor(a, T, θ, φ) = θ/T · clip(floor(a·T/θ + r), 0, T·φ), the mean output for a constant input a.

    It equals ClipFloor(a, T·φ, θ·φ, 1): a burst of φ is as fine as φ times as many timesteps.
    """
    steps = (activation * (timesteps / threshold)).add_(rounding).floor_().clamp_(0, timesteps * burst)
    return steps * (threshold / timesteps)


def scale_threshold(stats: SiteStats, ratio: float) -> SiteStats:
    """Return the statistics with the threshold times ρ; ρ = 1 changes no bit."""
    return replace(stats, threshold=ratio * stats.threshold)
