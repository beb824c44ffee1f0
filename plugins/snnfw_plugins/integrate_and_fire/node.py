"""Soft-reset neurons: what is emitted is what leaves the membrane."""

from __future__ import annotations

import torch
from torch import Tensor

from snnfw.contracts import SiteStats
from snnfw.kernels.body import Kernel, KernelBody
from snnfw.spiking.neuron import SpikingNeuron, States

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


class SoftResetNeuron(SpikingNeuron):
    """Integrate and fire: at most one spike of height θ in a timestep, subtracted from the potential.

    Charge is conserved: Σ s(t) + V(T) = Σ x(t) + V(0) + shift.
    """

    def __init__(self, stats: SiteStats, timesteps: int, shift: bool = False) -> None:
        super().__init__(stats)
        self.shift = 0.5 / timesteps if shift else 0.0

    def begin(self, drive: Tensor) -> States:
        """Return the initial potential everywhere."""
        return (torch.zeros_like(drive) + self.initial,)

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

    def parameters_of_kernel(self) -> dict[str, Tensor | float]:
        """Return what the body reads, by name."""
        return {"threshold": self.threshold, "offset": self.offset, "shift": self.shift * self.threshold}

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


def clip_floor(activation: Tensor, timesteps: int, threshold: Tensor, burst: int = 1) -> Tensor:
    """Return ClipFloor(a, T, θ, φ) = θ/T · clip(floor(a·T/θ), 0, T·φ), the mean output for a constant input a.

    It equals ClipFloor(a, T·φ, θ·φ, 1): a burst of φ is as fine as φ times as many timesteps.
    """
    steps = (activation * (timesteps / threshold)).floor_().clamp_(0, timesteps * burst)
    return steps * (threshold / timesteps)
