"""The check of neurons that speak delta coding: what each fault is told as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from snnfw.checks.neurons import check_neuron
from snnfw.neurons.delta_neuron import DeltaNeuron
from snnfw.neurons.spiking_neuron import SpikingNeuron, States
from snnfw.values import Site, SiteStats
from snnfw_plugins.sigmadelta import SigmaDelta
from snnfw_plugins.tracking import Tracking


class Steady(DeltaNeuron):
    """Send one threshold, of either sign, wherever one is missing; everything at once where that is asked for."""

    states = ("received", "sent")
    most = 1

    def begin(self, drive: Tensor) -> States:
        return self.initial + torch.zeros_like(drive), torch.zeros_like(drive)

    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        received, sent = states[0] + drive, states[1]
        missing = self.missing(received, sent)
        went = missing if self.sends_all else missing.clamp(-self.most, self.most)
        return went * self.threshold, (received, sent + went)

    def missing(self, received: Tensor, sent: Tensor) -> Tensor:
        return (received.clamp(min=0) / self.threshold + 0.5).floor() - sent

    def unsent(self) -> Tensor:
        received, sent = (torch.as_tensor(getattr(self, name)) for name in self.states)
        return self.missing(received, sent)


class Liar(Steady):
    def unsent(self) -> Tensor:
        return 0 * super().unsent()


class HoldsBack(Steady):
    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        self.sends_all = False
        return super().step(drive, states)


class Halved(Steady):
    def missing(self, received: Tensor, sent: Tensor) -> Tensor:
        return super().missing(0.5 * received, sent)


@dataclass(frozen=True)
class Method(SigmaDelta):
    """A ReLU that is followed by the module of a class."""

    activations: ClassVar[tuple[str, ...]] = ("relu",)
    module: ClassVar[type[SpikingNeuron]] = Steady

    def build(self, site: Site, stats: SiteStats, timesteps: int) -> SpikingNeuron:
        del site, timesteps
        built = self.module(stats)
        if isinstance(built, DeltaNeuron):
            built.sends_all = self.digits is None
        return built

    def settled(self) -> Any:
        return type(self)(digits=None)


@dataclass(frozen=True)
class Limited(Method):
    digits: int | None = 1


class Lying(Limited):
    module = Liar


class Halving(Limited):
    module = Halved


class HoldingBack(Limited):
    module = HoldsBack


class WithoutSettled(Limited):
    settled = None  # type: ignore[assignment]  # as if there were none


class SettlesElsewhere(Limited):
    def settled(self) -> Any:
        return Limited()


@dataclass(frozen=True)
class Mixed(Tracking):
    coding: ClassVar[str] = "delta"


FURTHER = "what it has sent is further from the activation of the sum of its input than unsent() says."
FAULTS: dict[str, tuple[type[Any], list[str]]] = {
    "none": (Limited, []),
    "the bundled one": (SigmaDelta, []),
    "a module of the other coding": (
        Mixed,
        ["it is delta coded and builds a module that is rate coded: derive it from the right class."],
    ),
    "more unsent than it says": (Lying, [FURTHER]),
    "another function": (
        Halving,
        [FURTHER, "with sends_all it ends more than a threshold from the activation of the sum of its input."],
    ),
    "something held back": (HoldingBack, ["it leaves something unsent although sends_all is set."]),
    "no settled": (
        WithoutSettled,
        ["it is delta coded and has no settled(), which returns the same neuron with nothing held back."],
    ),
    "another settled": (
        SettlesElsewhere,
        ["the neuron that settled() returns sends something else than its own module with sends_all."],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_coding_is_found_and_said(fault: str) -> None:
    method, sentences = FAULTS[fault]
    assert check_neuron(method) == sentences
