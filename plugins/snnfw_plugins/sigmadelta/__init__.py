"""Sigma-delta neurons: send only what has changed, as a few signed powers of two of a small threshold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from snnfw import DELTA, Neuron, Observer, Preset, Rule, Site, SiteStats, hookimpl
from snnfw.conversion import Direct

if TYPE_CHECKING:
    from snnfw import SpikingNeuron

MOST_LEVELS = 16
"""A timestep carries up to 2^22 λ, see ``events``, which leaves room for values 64 times the largest seen."""


@dataclass(frozen=True, slots=True)
class SigmaDelta:
    """Follow any activation function of the input's value, and send what has changed since.

    X(t) = X(t-1) + x(t), N(t) = ⌊f(X(t)) / λ + r⌋ with r = 1/2 + 2^-10; up to ``digits`` times: d = N(t) - E, and if d
    is not 0 an event ± 2^k with 2^k the power of two nearest to |d|, added to E. The output is λ · (E(t) - E(t-1)).
    λ is the largest magnitude on calibration data / 2^levels: of a channel, the layer, or the geometric mean of both.
    Nothing is clipped: a larger value takes a larger power. Once E = N everywhere nothing is sent any more, and
    |λ E - f(X)| <= r λ.

    ``form`` says what an event is worth: ``signed`` a signed power of two, ``binary`` a bit of the magnitude with its
    sign, ``unary`` one λ, of which ``digits`` go out in a timestep, as in a burst.
    """

    name: ClassVar[str] = "sigmadelta"
    activations: ClassVar[tuple[str, ...]] = ()
    coding: ClassVar[str] = DELTA

    space: ClassVar[Mapping[str, tuple[int | float | str | None, ...]]] = {
        "levels": (2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8, 8.5, 9),
        "scale": ("layer", "between"),
    }
    space_initial: ClassVar[Mapping[str, int]] = {"levels": 12}
    """What a search tries, and what is nearly the network itself, at the sites beside the one that is tried."""

    levels: Annotated[
        int | float,
        Field(ge=1, le=MOST_LEVELS, description="bits of the largest value, also between whole: λ is 2^-levels of it"),
    ] = 6
    digits: Annotated[
        int | None, Field(ge=1, le=1024, description="most events in one timestep; null: as many as a change takes")
    ] = None
    form: Annotated[
        Literal["signed", "binary", "unary"],
        Field(description="what an event is worth: ± a power of two, a bit of the magnitude, or one λ"),
    ] = "signed"
    scale: Annotated[
        Literal["channel", "layer", "between"],
        Field(description="whose magnitude: a channel's, the layer's, or between, their geometric mean"),
    ] = "between"

    @property
    def burst(self) -> int:
        """Return the largest value in thresholds: how many spikes of one height would be worth as much."""
        return math.ceil(2**self.levels) - 1

    @property
    def payload(self) -> int:
        """Return the bits that tell an event from every other: its sign, and which of ``levels`` + 1 powers it is."""
        powers = 1 if self.form == "unary" else math.ceil(self.levels) + 1
        return (2 * powers).bit_length()

    def information(self, timesteps: int) -> int:
        """Return the bits of a value, which a single timestep may hold already."""
        del timesteps
        return math.ceil(self.levels)

    def observer(self, site: Site) -> Observer:
        """Return the observer of λ = largest magnitude / 2^levels."""
        from snnfw_plugins.sigmadelta.thresholds import LevelThreshold

        return LevelThreshold(site, self.levels, self.scale)

    def build(self, site: Site, stats: SiteStats, timesteps: int) -> SpikingNeuron:
        """Return the neuron that follows this site's activation function."""
        del timesteps
        from snnfw.kernels import activation_code
        from snnfw_plugins.sigmadelta.node import SigmaDeltaNeuron

        code = activation_code(site.activation, site.arguments)
        return SigmaDeltaNeuron(stats, site.function, self.form, self.digits, code)

    def settled(self) -> SigmaDelta:
        """Return the neuron that sends every change at once: a network of such is the quantised one at T = 1."""
        return replace(self, digits=None)


@hookimpl
def snnfw_register_neurons() -> Iterable[type[Neuron]]:
    """Register ``neuron=sigmadelta``."""
    return [SigmaDelta]


@hookimpl
def snnfw_register_presets() -> Iterable[Preset]:
    """Register ``plugin=sigmadelta``: every activation and every product's input sends changes."""
    return [
        Preset(
            name="sigmadelta",
            layers=delta_rules(SigmaDelta()),
            converter=Direct(),
            timesteps=1,
            summary="delta coding: only changes are sent, and every multiplication is an accumulation",
        )
    ]


def delta_rules(neuron: Neuron) -> tuple[Rule, ...]:
    """Return the recipe that places a neuron at every activation, at gates, and in front of products."""
    named = ("identity", "sigmoid", "hardsigmoid", "tanh")
    gates = tuple(Rule("*", neuron, activation=name, optional=True) for name in named)
    return (*gates, Rule("*", neuron, optional=True))
