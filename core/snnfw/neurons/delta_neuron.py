"""The contract of a neuron that sends changes."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.values import DELTA

if TYPE_CHECKING:
    from snnfw.values import SiteStats


class DeltaNeuron(SpikingNeuron):
    """A neuron of delta coding: what it reads are changes of its input, and what it emits are changes of its output.

    With X(t) = V(0) + x(1) + ... + x(t) and E(t) the sum of what it has emitted, E follows f(X(t)). A constant in its
    input comes once, so that ``offset`` is part of the initial potential V(0).
    """

    coding: ClassVar[str] = DELTA

    sends_all: bool = False
    """Whether a timestep carries every change whole, whatever the method allows it."""

    def __init__(self, stats: SiteStats) -> None:
        super().__init__(stats)
        self.initial = self.initial + self.offset
        self.offset = self.offset.new_zeros(self.offset.shape)

    @abstractmethod
    def unsent(self) -> Tensor:
        """Return how many thresholds of its output each element still lacks after the last timestep, [*shape].

        The number is whole; where it is 0 everywhere, the neuron has settled.
        """
