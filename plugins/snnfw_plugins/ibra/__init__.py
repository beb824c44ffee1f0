"""IBRA-LIF: neurons that fire integers, sent as their bits, in a range aligned with their input's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from snnfw import Bundle, Measurement, Neuron, Observer, Preset, Resources, Rule, Site, SiteStats, hookimpl
from snnfw.conversion import Direct
from snnfw_plugins.tracking import Tracking

if TYPE_CHECKING:
    from torch import Tensor

    from snnfw import SpikingModel, SpikingNeuron

MOST_BITS = 20
"""The longest integer: with 32-bit arithmetic it is still recovered exactly from the output M/N."""


@dataclass(frozen=True, slots=True)
class IntegerBinaryRangeAlignment:
    """Fire an integer M of B bits, worth M/N, and subtract what it is worth (soft reset).

    V'(t) = α V(t-1) + I(t), M(t) = clip(round(V'(t) N / s), 0, D_N), O(t) = M(t) s / N, V(t) = V'(t) - O(t), with
    D_N = D N = 2^B - 1, α the ``leak``, and round to even at ties. Ye et al. (2025), IBRA-LIF, Eqs. 1, 3 and 10, where
    s = 1. Each set bit of M is one event: bit b goes out in virtual timestep b, and counts 2^b. At T = 1 the output is
    the activation, clipped to D s and rounded to multiples of s/N.

    Learning, dO/dV' is 1 for 0 <= V'/s <= D and 0 elsewhere (Eq. 16), and the reset passes no gradient.
    """

    name: ClassVar[str] = "ibra"
    activations: ClassVar[tuple[str, ...]] = ("relu",)

    n: Annotated[int, Field(ge=1, le=1_000_000, description="steps in one unit of the output (N)")] = 100
    d: Annotated[
        float | None,
        Field(gt=0, description=f"largest output (D), D · N = 2^B - 1; null: no bound but B = {MOST_BITS}"),
    ] = 5.11
    leak: Annotated[float, Field(ge=0, le=1, description="share of the potential left after a timestep")] = 0.25
    scale: Annotated[
        float | None,
        Field(gt=0, description="one unit of the output (s); null: the largest activation of calibration data is D"),
    ] = 1.0

    def __post_init__(self) -> None:
        """Refuse a largest integer that does not fill its bits, and name the pair next to it."""
        if self.d is None:
            return
        wanted = self.d * self.n
        fitting = [bits for bits in range(1, MOST_BITS + 1) if abs(wanted - (2**bits - 1)) <= 1e-9 * wanted]
        if not fitting:
            # the more bits of two as near, which clip less
            bits = min(range(MOST_BITS, 0, -1), key=lambda bits: abs(wanted - (2**bits - 1)))
            raise ValueError(
                f"d · n = {wanted:.10g} is not 2^B - 1 with B from 1 to {MOST_BITS}; the nearest with n={self.n} is "
                f"d={(2**bits - 1) / self.n:.10g} (B = {bits})"
            )

    @property
    def limit(self) -> int:
        """Return the largest integer, D_N: rounded, because 2.55 · 100 is a little less than 255 in binary."""
        return 2**MOST_BITS - 1 if self.d is None else round(self.d * self.n)

    @property
    def bits(self) -> int:
        """Return the bits of the largest integer, B: the virtual timesteps in each timestep."""
        return self.limit.bit_length()

    @property
    def burst(self) -> int:
        """Return the largest integer: how many spikes of one height would be worth as much."""
        return self.limit

    @property
    def payload(self) -> int:
        """Return the bits of an event: which of the integer's digits is set."""
        return self.bits.bit_length()

    @property
    def leaks(self) -> bool:
        """Tell whether a potential is multiplied at every timestep."""
        return 0 < self.leak < 1

    def observer(self, site: Site) -> Observer:
        """Return the observer that knows the scale, or finds the one with which the largest activation is D."""
        return _scale(site, self.scale, self.limit / self.n)

    def build(self, site: Site, stats: SiteStats, timesteps: int) -> SpikingNeuron:
        """Return the neuron with its scale."""
        del site, timesteps
        from snnfw_plugins.ibra.node import BinaryNeuron

        return BinaryNeuron(stats, self.n, self.limit, self.leak)

    def measure(self, model: SpikingModel, bundle: Bundle, resources: Resources) -> Measurement:
        """Return the histogram of the integers that are sent (Fig. 3)."""
        from snnfw_plugins.ibra.integers import measure_integers

        return measure_integers(model, bundle, resources)

    def quantise(self, activation: Tensor, threshold: Tensor, timesteps: int) -> Tensor:
        """Return clip(round(a N / s), 0, D_N) · s / N, which does not depend on T: the scale is fitted to it."""
        del timesteps
        whole = (activation * (self.n / threshold)).clamp_(0, self.limit).round_()
        return whole * (threshold / self.n)


@dataclass(frozen=True, slots=True)
class IntegerLeakyIntegrateAndFire:
    """Fire up to D spikes of height s in a timestep and subtract them (soft reset), rounding instead of flooring.

    V'(t) = α V(t-1) + I(t), O(t) = s · clip(round(V'(t)/s), 0, D), V(t) = V'(t) - O(t), with round to even at ties.
    I-LIF, Luo et al. (2024), "Integer-Valued Training and Spike-Driven Inference Spiking Neural Network for
    High-performance and Energy-efficient Object Detection"; s = 1 there. α is ``leak``. Each of the D spikes is one
    event: an integer is sent in so many virtual timesteps. It is ``ibra`` with N = 1, any D, and events counted one by
    one.

    Learning, dO/dV' is 1 for 0 <= V'/s <= D and 0 elsewhere, and the reset passes no gradient.

    With ``gain`` k the input counts k times, which is a threshold of s/k: what section 3.4 of the IBRA paper sets
    against range alignment, which is k = N and an output divided by N.
    """

    name: ClassVar[str] = "ilif"
    activations: ClassVar[tuple[str, ...]] = ("relu",)

    d: Annotated[int, Field(ge=1, le=1023, description="most spikes in one timestep (D)")] = 4
    leak: Annotated[float, Field(ge=0, le=1, description="share of the potential left after a timestep")] = 0.25
    scale: Annotated[
        float | None,
        Field(gt=0, description="height of a spike (s); null: the largest activation of calibration data is D spikes"),
    ] = 1.0
    gain: Annotated[
        float, Field(gt=0, description="what the input is multiplied by (k), to train with: a threshold of s/k")
    ] = 1.0

    @property
    def burst(self) -> int:
        """Return the most events in one timestep."""
        return self.d

    @property
    def leaks(self) -> bool:
        """Tell whether a potential is multiplied at every timestep."""
        return 0 < self.leak < 1

    def observer(self, site: Site) -> Observer:
        """Return the observer that knows the scale, or finds the one with which the largest activation is D spikes."""
        return _scale(site, self.scale, float(self.d))

    def build(self, site: Site, stats: SiteStats, timesteps: int) -> SpikingNeuron:
        """Return the neuron with its scale."""
        del site, timesteps
        from snnfw_plugins.ibra.node import IntegerNeuron

        return IntegerNeuron(stats, 1, self.d, self.leak, self.gain)

    def measure(self, model: SpikingModel, bundle: Bundle, resources: Resources) -> Measurement:
        """Return the histogram of the integers that are sent (Fig. 3)."""
        from snnfw_plugins.ibra.integers import measure_integers

        return measure_integers(model, bundle, resources)


def _scale(site: Site, scale: float | None, largest: float) -> Observer:
    """Return the observer of a scale, or of the range: the largest activation becomes the largest output."""
    from snnfw.neurons import FixedThreshold, PeakThreshold

    return PeakThreshold(site, share=largest) if scale is None else FixedThreshold(site, scale)


@hookimpl
def snnfw_register_neurons() -> Iterable[type[Neuron]]:
    """Register ``neuron=ibra`` and ``neuron=ilif``."""
    return [IntegerBinaryRangeAlignment, IntegerLeakyIntegrateAndFire]


@hookimpl
def snnfw_register_presets() -> Iterable[Preset]:
    """Register ``plugin=ibra``: every ReLU replaced as it is, at one timestep; tracking for other activations."""
    return [
        Preset(
            name="ibra",
            layers=(
                Rule("*", IntegerBinaryRangeAlignment(), activation="relu", optional=True),
                Rule("*", Tracking(phi=64), optional=True),
            ),
            converter=Direct(),
            timesteps=1,
            summary="IBRA-LIF: integers sent as bits in place of every ReLU, one timestep, no training",
        )
    ]
