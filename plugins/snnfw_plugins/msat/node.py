"""The MSAT neuron's state, its thresholds and its step, with or without a filter for early spikes."""

from __future__ import annotations

import functools
import math
from typing import ClassVar

import torch
from torch import Tensor

from snnfw import SiteStats, SpikingNeuron
from snnfw.kernels import Kernel, KernelBody
from snnfw.neurons import States
from snnfw_plugins.msat.adaptation import Adaptation
from snnfw_plugins.msat.chance import BITS, C_DRAW, draw_numbers
from snnfw_plugins.msat.functions import c_exponential, c_sigmoid, c_softplus, exponential, sigmoid, softplus
from snnfw_plugins.msat.inactivated import InactivatedCounts

Constants = dict[str, Tensor | float]

FILTER = f"""
    {C_DRAW}
    const real passes = (t > early) | (drawn < share) ? 1 : 0, passing = count * passes;
"""


@functools.cache
def msat_body(exact: bool, filtered: bool) -> KernelBody:
    """Return the step in C; ``exact`` reads all of the depolarisation, ``filtered`` draws which spikes pass."""
    constants = ("threshold", "offset", "unit", "resting", "reach", "alpha", "k_a", "bend", "tracking", "evoked")
    return KernelBody(
        states=("potential", "residuals", "sent", "fired"),
        parameters=(*constants, "burst", *(("key", "early", "share", "drops") if filtered else ())),
        clock="elapsed",
        code=f"""
            const real drive = x + offset;
            const real mean = residuals / (t > 1 ? t - 1 : 1);
            const real above = (potential - mean) / unit;
            const real bent = above * bend;
            {c_softplus("soft", "bent")}
            const real rate = {"(drive - sent)" if exact else "drive"} / reach;
            {c_exponential("quick", "rate")}
            const real level = tracking * (alpha * above + resting + k_a * soft) + evoked * quick;
            {c_sigmoid("adapted", "level")}
            const real height = threshold * (t > 1 ? adapted : 1);
            const real charged = potential + drive;
            real count = FLOOR(charged / height);
            count = CLAMP(count, 0, burst);
            {FILTER if filtered else "const real passing = count;"}
            events = passing;
            y = passing * height;
            potential = charged - {"(drops > 0 ? count : passing) * height" if filtered else "y"};
            residuals = residuals + potential;
            sent = y;
            fired = fired + passing;
        """,
    )


class MSATNeuron(SpikingNeuron):
    """Keep the potential, the sum of its values after each timestep, the last output, and the number of spikes.

    Charge is conserved: Σ s(t) + V(T) = Σ x(t) + V(0), unless a filter drops resets. ``threshold`` is Vmax.
    ``share`` of 2^24 draws let an early spike pass; whole numbers, so that no conversion of the network rounds it.
    ``inactivated`` is what calibration data said of this layer's spikes, where they were counted.
    """

    states: ClassVar[tuple[str, ...]] = ("potential", "residuals", "sent", "fired", "elapsed")

    key: Tensor | None
    share: Tensor
    early: Tensor
    drop_resets: Tensor
    inactivated: InactivatedCounts | None = None

    def __init__(self, stats: SiteStats, adaptation: Adaptation, burst: int) -> None:
        super().__init__(stats)
        self.adaptation, self.burst = adaptation, burst
        self.register_buffer("key", None)
        self.register_buffer("share", torch.tensor(2**BITS, device=stats.threshold.device))
        self.register_buffer("early", torch.tensor(0, device=stats.threshold.device))
        self.register_buffer("drop_resets", torch.tensor(False, device=stats.threshold.device))

    @property
    def confidence(self) -> float:
        """Return the share of early spikes that pass."""
        return int(self.share) / (1 << BITS)

    def filter_early(self, confidence: float, early: int, key: Tensor, drop_resets: bool = False) -> None:
        """Let a spike pass with probability ``confidence`` in each of the first ``early`` timesteps.

        ``key`` are random whole numbers below 2^24 that broadcast against the activation: neurons with different keys
        draw independently. A spike that does not pass leaves its charge in the potential, unless ``drop_resets``.
        """
        self.key = key.to(self.threshold.device)
        self.share.fill_(math.ceil(confidence * 2**BITS))
        self.early.fill_(early)
        self.drop_resets.fill_(drop_resets)

    def begin(self, drive: Tensor) -> States:
        """Return the initial potential and empty sums."""
        number = drive.new_zeros(())
        zero = number.expand_as(drive)
        return self.initial.to(drive.dtype).expand_as(drive), zero, zero, zero, number

    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        """Adapt the threshold, charge, fire, and subtract what was fired."""
        potential, residuals, sent, fired = (state.to(drive.dtype) for state in states[:-1])
        elapsed = states[-1] + 1
        rise = drive - sent if self.adaptation.exact else drive
        height = self.height(potential, residuals, rise, elapsed)
        charged = potential + drive
        count = (charged / height).floor_().clamp_(0, self.burst)
        passing = self._passing(count, elapsed)
        output = passing * height
        left = charged - torch.where(self.drop_resets, count * height, output)
        return output, (left, residuals + left, output, fired + passing, elapsed)

    def height(self, potential: Tensor, residuals: Tensor, rise: Tensor, elapsed: Tensor) -> Tensor:
        """Return θ(t) from the state after t - 1 timesteps: Vmax at first, then what Eqs. 11 to 13 and Algorithm 1 say.

        ``residuals`` is V(1) + ... + V(t-1), ``rise`` what the potential rises by, ``elapsed`` is t.
        """
        constants, adaptation = self._constants(), self.adaptation
        mean = residuals / (elapsed - 1).clamp(min=1)
        above = (potential - mean) / constants["unit"]
        soft = softplus(above * constants["bend"])
        tracking = adaptation.alpha * above + constants["resting"] + adaptation.k_a * soft
        evoked = exponential(rise / constants["reach"])
        adapted = sigmoid(constants["tracking"] * tracking + constants["evoked"] * evoked)
        return self.threshold * torch.where(elapsed > 1, adapted, 1.0)

    def events(self, output: Tensor) -> Tensor:
        """Return one event for each output that is not zero.

        The height of spikes varies, so of a burst an output does not tell how many it holds: ``emitted`` has them all.
        """
        return (output > 0).to(output.dtype)

    def kernel(self) -> Kernel:
        """Return the same step in C."""
        constants = {**self._constants(), "alpha": self.adaptation.alpha, "k_a": self.adaptation.k_a}
        constants |= {"threshold": self.threshold, "offset": self.offset, "burst": float(self.burst)}
        if self.key is not None:
            constants |= {"key": self.key, "early": float(self.early)}
            constants |= {"share": float(self.share), "drops": float(self.drop_resets)}
        return Kernel(msat_body(self.adaptation.exact, self.key is not None), constants)

    def _reference(self, x_seq: Tensor, states: States) -> tuple[Tensor, States]:
        """Run the reference step, which counts its own spikes: their height varies, so the output does not tell."""
        output, after = super()._reference(x_seq, states)
        self.emitted = after[self.states.index("fired")].detach()
        return output, after

    def _passing(self, count: Tensor, elapsed: Tensor) -> Tensor:
        """Return the spikes that the filter lets through."""
        if self.key is None:
            return count
        drawn = draw_numbers(self.key, elapsed).to(count.dtype)
        passes: Tensor = (elapsed > self.early) | (drawn < self.share)
        return count * passes.to(count.dtype)

    def _constants(self) -> Constants:
        """Return the constants of the thresholds in the unit of potentials: Vmax, or 1."""
        adaptation, threshold = self.adaptation, self.threshold
        unit = threshold if adaptation.normalised else torch.ones_like(threshold)
        return {
            "unit": unit,
            "resting": -threshold / unit,
            "reach": unit * adaptation.c,
            "bend": 1.0 / adaptation.k_i,
            "tracking": adaptation.tracking,
            "evoked": adaptation.evoked,
        }
