"""What a model of energy must offer: prices of operators that multiply or accumulate, and of neurons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Protocol, TypeAlias, runtime_checkable

from pydantic import Field

if TYPE_CHECKING:
    from snnfw.energy.inventory import Operation, Population

Parts: TypeAlias = Mapping[str, float]
"""Picojoules by what they are spent on, in the model's own words: ``{"multiplications": 4.6, "weights": 160.0}``."""

Static: TypeAlias = Annotated[
    Literal["once", "per_step"],
    Field(description="charge operators that no neuron feeds once per sample, or at every timestep"),
]
"""When an energy model charges static operators, as a field of it."""


@runtime_checkable
class EnergyModel(Protocol):
    """What operations cost, as a method: a frozen dataclass whose fields are its prices.

    Everything is for one sample and in picojoules. What is charged when is not a model's to say: the framework asks for
    every operator and every site, and adds up. It takes what accumulates and fires to be affine in the number of
    events, from which follow break-even rates and what the events of one site cost.

    A model may have a field ``static`` (``Static``; once where it is missing), and ``joules_per_spike``, for the
    energy of spikes alone.
    """

    name: ClassVar[str]

    def multiply(self, operation: Operation, bits: int) -> Parts:
        """Return what one pass of an operator takes that multiplies numbers of so many bits.

        32 are the network's own; fewer are those of the quantised network that carries as much information.
        """
        ...

    def accumulate(self, operation: Operation, accumulations: float, steps: float) -> Parts:
        """Return what an operator that reads events takes for so many accumulations within so many timesteps."""
        ...

    def fire(self, population: Population, spikes: float, steps: float) -> Parts:
        """Return what the neurons of a site take that emit so many events within so many timesteps."""
        ...
