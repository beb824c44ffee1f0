"""SpikingJelly's neurons as methods: their constructors' parameters, and what each of them computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias

from pydantic import Field

from snnfw import Neuron, Observer, Site, SiteStats

if TYPE_CHECKING:
    from snnfw import SpikingNeuron

Threshold: TypeAlias = Annotated[
    float | None,
    Field(gt=0, description="threshold; null: calibration finds it, and potentials are in units of it"),
]
Reset: TypeAlias = Annotated[
    float | None, Field(description="potential after a spike; null: subtract the threshold (soft reset)")
]
Tau: TypeAlias = Annotated[float, Field(gt=1, description="membrane time constant (τ), in timesteps")]
DecayInput: TypeAlias = Annotated[bool, Field(description="divide the input by τ as well")]
Rest: TypeAlias = Annotated[float, Field(description="resting potential")]
Critical: TypeAlias = Annotated[
    float, Field(description="critical potential, above which the membrane fires by itself")
]
Gain: TypeAlias = Annotated[float, Field(gt=0, description="gain of the quadratic term (a0)")]


@dataclass(frozen=True, slots=True)
class SpikingJellyNode:
    """What the neurons share: the threshold, and how they are built.

    H(t) below is the potential before the spike, V(t) the one after it, S(t) the spike: S(t) = 1[H(t) >= V_th], then
    V(t) = H(t) - S(t) · V_th (soft reset) or V(t) = (1 - S(t)) · H(t) + S(t) · V_reset. x(t) is the input current in
    units of the threshold found, and θ · S(t) is emitted; with ``v_threshold`` given, x(t) is the current itself.
    """

    activations: ClassVar[tuple[str, ...]] = ("relu",)
    leaks: ClassVar[bool] = True

    v_threshold: Threshold = None

    def observer(self, site: Site) -> Observer:
        """Return the observer that finds the largest activation, or knows the threshold."""
        from snnfw.neurons import FixedThreshold, PeakThreshold

        return PeakThreshold(site) if self.v_threshold is None else FixedThreshold(site, self.v_threshold)

    def build(self, site: Site, stats: SiteStats, timesteps: int) -> SpikingNeuron:
        """Return the neuron around SpikingJelly's node."""
        del site, timesteps
        from snnfw_plugins.spikingjelly_bridge.node import bridge_node

        return bridge_node(type(self).__name__, self.arguments(), stats, self.unit())

    def arguments(self) -> Mapping[str, Any]:
        """Return the arguments of SpikingJelly's constructor, apart from the threshold; it insists on floats."""
        given = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "v_threshold"}
        return {name: float(value) if type(value) is int else value for name, value in given.items()}

    def unit(self) -> float:
        """Return the threshold in the node's own unit."""
        return 1.0 if self.v_threshold is None else float(self.v_threshold)


@dataclass(frozen=True, slots=True)
class IFNode(SpikingJellyNode):
    """Integrate and fire: H(t) = V(t-1) + x(t). Hard reset by default; ``v_reset=null`` suits conversion."""

    name: ClassVar[str] = "spikingjelly.IFNode"
    leaks: ClassVar[bool] = False

    v_reset: Reset = 0.0


@dataclass(frozen=True, slots=True)
class HalfThresholdIFNode(SpikingJellyNode):
    """Integrate and fire from half the threshold on: H(t) = V(t-1) + x(t), V(0) = V_th/2, soft reset."""

    name: ClassVar[str] = "spikingjelly.HalfThresholdIFNode"
    leaks: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class TernaryIFNode(SpikingJellyNode):
    """Integrate and fire with either sign: H(t) = V(t-1) + x(t), S(t) = 1[H(t) >= V_th] - 1[-H(t) >= V_th]."""

    name: ClassVar[str] = "spikingjelly.TernaryIFNode"
    payload: ClassVar[int] = 2
    leaks: ClassVar[bool] = False

    v_reset: Reset = 0.0

    def __post_init__(self) -> None:
        """Refuse a reset beyond the thresholds."""
        _check_within(self.v_reset, self.unit())


@dataclass(frozen=True, slots=True)
class LIFNode(SpikingJellyNode):
    """Leaky integrate and fire: H(t) = V(t-1) + (x(t) - (V(t-1) - V_reset)) / τ, or x(t) undivided.

    With soft reset V_reset is 0 here.
    """

    name: ClassVar[str] = "spikingjelly.LIFNode"

    tau: Tau = 2.0
    decay_input: DecayInput = True
    v_reset: Reset = 0.0


@dataclass(frozen=True, slots=True)
class ParametricLIFNode(SpikingJellyNode):
    """Leaky integrate and fire with a τ that can be learnt, 1/τ(t) = sigmoid(w); Fang et al. (2021)."""

    name: ClassVar[str] = "spikingjelly.ParametricLIFNode"

    init_tau: Tau = 2.0
    decay_input: DecayInput = True
    v_reset: Reset = 0.0


@dataclass(frozen=True, slots=True)
class KLIFNode(SpikingJellyNode):
    """Leaky integrate and fire, scaled and rectified: H(t) = relu(k · H_LIF(t)), with k = 1 until it is learnt."""

    name: ClassVar[str] = "spikingjelly.KLIFNode"

    scale_reset: Annotated[bool, Field(description="divide potential and threshold by k before the reset")] = False
    tau: Tau = 2.0
    decay_input: DecayInput = True
    v_reset: Reset = 0.0


@dataclass(frozen=True, slots=True)
class TernaryLIFNode(SpikingJellyNode):
    """Leaky integrate and fire with either sign: H(t) as LIFNode's, S(t) = 1[H(t) >= V_th] - 1[-H(t) >= V_th]."""

    name: ClassVar[str] = "spikingjelly.TernaryLIFNode"
    payload: ClassVar[int] = 2

    tau: Tau = 2.0
    decay_input: DecayInput = True
    v_reset: Reset = 0.0

    def __post_init__(self) -> None:
        """Refuse a reset beyond the thresholds."""
        _check_within(self.v_reset, self.unit())


@dataclass(frozen=True, slots=True)
class ILIFNode(SpikingJellyNode):
    """Fire whole numbers of spikes: H(t) = V(t-1) · (1 - 1/τ) + x(t), S(t) = H(t)/V_th rounded, 0 to D; soft reset."""

    name: ClassVar[str] = "spikingjelly.ILIFNode"

    tau: Tau = 4.0 / 3.0
    max_spike_count: Annotated[int, Field(ge=1, le=64, description="most spikes in one timestep (D)")] = 4

    @property
    def burst(self) -> int:
        """Return the most events in one timestep."""
        return self.max_spike_count

    def arguments(self) -> Mapping[str, Any]:
        """Return the time constant, and the limit as SpikingJelly writes it."""
        from snnfw_plugins.spikingjelly_bridge.node import spike_counter

        return {"tau": float(self.tau), "surrogate_function": spike_counter(self.max_spike_count)}


@dataclass(frozen=True, slots=True)
class ComplementaryLIFNode(SpikingJellyNode):
    """Lower the potential further the more has fired: V(t) = H(t) - S(t) · (V_th + sigmoid(M(t))).

    H(t) = V(t-1) · (1 - 1/τ) + x(t), M(t) = M(t-1) · sigmoid(H(t)/τ) + S(t).
    """

    name: ClassVar[str] = "spikingjelly.ComplementaryLIFNode"

    tau: Tau = 2.0


@dataclass(frozen=True, slots=True)
class CUBALIFNode(SpikingJellyNode):
    """Filter the current, then leak: I(t) = c · I(t-1) + x(t), H(t) = d · V(t-1) + I(t)."""

    name: ClassVar[str] = "spikingjelly.CUBALIFNode"

    c_decay: Annotated[float, Field(ge=0, le=1, description="what is left of the current after a timestep (c)")] = 0.5
    v_decay: Annotated[float, Field(ge=0, le=1, description="what is left of the potential (d)")] = 0.75
    v_reset: Reset = 0.0


@dataclass(frozen=True, slots=True)
class QIFNode(SpikingJellyNode):
    """Quadratic integrate and fire: H(t) = V(t-1) + (x(t) + a0 · (V(t-1) - V_rest) · (V(t-1) - V_c)) / τ."""

    name: ClassVar[str] = "spikingjelly.QIFNode"

    tau: Tau = 2.0
    v_c: Critical = 0.8
    a0: Gain = 1.0
    v_rest: Rest = 0.0
    v_reset: Reset = -0.1

    def __post_init__(self) -> None:
        """Refuse a reset above the threshold or the resting potential."""
        _check_below(self.v_reset, self.unit(), self.v_rest)


@dataclass(frozen=True, slots=True)
class EIFNode(SpikingJellyNode):
    """Exponential integrate and fire: H(t) = V(t-1) + (x(t) + V_rest - V(t-1) + Δ · exp((V(t-1) - θ_rh)/Δ)) / τ."""

    name: ClassVar[str] = "spikingjelly.EIFNode"

    tau: Tau = 2.0
    delta_T: Annotated[float, Field(gt=0, description="sharpness (Δ)")] = 1.0  # noqa: N815  # SpikingJelly's name
    theta_rh: Annotated[float, Field(description="rheobase threshold (θ_rh)")] = 0.8
    v_rest: Rest = 0.0
    v_reset: Reset = -0.1

    def __post_init__(self) -> None:
        """Refuse a reset above the threshold or the resting potential."""
        _check_below(self.v_reset, self.unit(), self.v_rest)


@dataclass(frozen=True, slots=True)
class IzhikevichNode(SpikingJellyNode):
    """Quadratic integrate and fire with recovery w: H(t) = V(t-1) + (x(t) + a0 · (V - V_rest)(V - V_c) - w) / τ.

    w follows a · (V - V_rest) with time constant τ_w, and b is added to it with each spike.
    """

    name: ClassVar[str] = "spikingjelly.IzhikevichNode"

    tau: Tau = 2.0
    v_c: Critical = 0.8
    a0: Gain = 1.0
    v_reset: Reset = 0.0
    v_rest: Rest = -0.1
    w_rest: Annotated[float, Field(description="initial recovery")] = 0.0
    tau_w: Annotated[float, Field(gt=0, description="time constant of the recovery (τ_w)")] = 2.0
    a: Annotated[float, Field(description="how strongly the recovery follows the potential")] = 0.0
    b: Annotated[float, Field(description="what a spike adds to the recovery")] = 0.0


@dataclass(frozen=True, slots=True)
class RAFNode(SpikingJellyNode):
    """Resonate and fire: (U, H)(t) = exp(b · dt) · R(ω · dt) · (U, V)(t-1) + (x(t), 0), R a rotation."""

    name: ClassVar[str] = "spikingjelly.RAFNode"

    b: Annotated[float, Field(lt=0, description="damping")] = -0.2
    omega: Annotated[float, Field(gt=0, description="angular frequency (ω)")] = 1.0
    dt: Annotated[float, Field(gt=0, description="length of a timestep")] = 1.0
    v_reset: Reset = 0.0


NEURONS: tuple[type[Neuron], ...] = (
    IFNode,
    HalfThresholdIFNode,
    TernaryIFNode,
    LIFNode,
    ParametricLIFNode,
    KLIFNode,
    TernaryLIFNode,
    ILIFNode,
    ComplementaryLIFNode,
    CUBALIFNode,
    QIFNode,
    EIFNode,
    IzhikevichNode,
    RAFNode,
)
"""Those of SpikingJelly's neurons that emit spikes, need no training first, and run timestep by timestep."""


def _check_within(v_reset: float | None, v_threshold: float) -> None:
    if v_reset is not None and not -v_threshold < v_reset < v_threshold:
        raise ValueError(f"v_reset={v_reset:g} is not between the thresholds, {-v_threshold:g} and {v_threshold:g}")


def _check_below(v_reset: float | None, v_threshold: float, v_rest: float) -> None:
    if v_reset is not None and not (v_reset < v_threshold and v_reset <= v_rest):
        raise ValueError(
            f"v_reset={v_reset:g} is not below the threshold, {v_threshold:g}, and the resting potential, {v_rest:g}"
        )
