"""The energy model of Lemaire et al.: operations, addresses, and memories that cost more the larger they are."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from snnfw import EnergyModel, hookimpl
from snnfw.energy import Static

if TYPE_CHECKING:
    from snnfw.energy import Operation, Parts, Population

LEVELS = ((0.0, 0.0), (8.0, 10.0), (32.0, 20.0), (1024.0, 100.0))
"""Kilobytes of a memory, and picojoules for each 8 bytes read from it or written to it."""


@dataclass(frozen=True, slots=True)
class Lemaire:
    """Charge operations, addressing and memory of an event-driven accelerator in 45 nm (Lemaire et al., ICONIP 2022).

    E = (AC + state additions) · e_add + (MAC + state MACs) · (e_mul + e_add) + addresses + Σ over memories bytes/8 ·
    c(size), where c grows linearly from 0 to 10 pJ at 8 kB, 20 pJ at 32 kB and 100 pJ at 1 MB, and on like that.
    A spiking convolution addresses C_out/groups · k² additions and 2 MACs for each event, a spiking linear layer its
    outputs; what multiplies inputs + outputs + C_out · k² additions. With b bits a multiplication costs (b/32)² and an
    addition b/32 of what they cost with 32, and memories hold and move b/32 of the bytes.
    """

    name: ClassVar[str] = "lemaire"

    add_pj: Annotated[float, Field(ge=0, description="picojoules per addition of 32 bits")] = 0.1
    mul_pj: Annotated[float, Field(ge=0, description="picojoules per multiplication of 32 bits")] = 3.1
    word: Annotated[int, Field(ge=1, le=8, description="bytes of a weight, a potential and an event")] = 4
    static: Static = "once"

    def multiply(self, operation: Operation, bits: int) -> Parts:
        """Return one dense pass: inputs are read for each MAC of a convolution, else once, weights for each MAC."""
        share = bits / 32
        each, word = operation.inputs, self.word * share
        add, mul = self.add_pj * share, self.mul_pj * share**2
        reads = operation.macs if operation.kernel else each
        table = operation.channels * operation.kernel
        biases = operation.outputs if operation.biases else 0
        return {
            "operations": operation.macs * (mul + add) + biases * add,
            "addresses": (each + operation.outputs + table) * self.add_pj,
            "inputs": access(reads, each, word),
            "weights": access(operation.macs, operation.weights, word) + access(biases, operation.biases, word),
            "outputs": access(operation.outputs, operation.outputs, word),
        }

    def accumulate(self, operation: Operation, accumulations: float, steps: float) -> Parts:
        """Return the additions, addresses and accesses of a layer's events: weight and potential for each of them."""
        events = accumulations / operation.fan_out if operation.fan_out else accumulations
        added = 1 if operation.coding == "delta" else steps  # how often what is constant enters
        biases = operation.outputs * added if operation.biases else 0
        additions = events * operation.spread if operation.kernel else accumulations
        mac = self.mul_pj + self.add_pj
        return {
            "operations": accumulations * self.add_pj,
            "addresses": additions * self.add_pj + (2 * events * mac if operation.kernel else 0.0),
            "inputs": access(events, operation.inputs, self.word),
            "weights": access(accumulations, operation.weights, self.word)
            + access(biases, operation.biases, self.word),
            "state": access(2 * accumulations, operation.outputs, self.word),
        }

    def fire(self, population: Population, spikes: float, steps: float) -> Parts:
        """Return an addition for each neuron and timestep, a reset for each event, leaks, and all their accesses."""
        updates = population.neurons * steps
        leaks = updates if population.leaks else 0.0
        return {
            "neurons": (updates + spikes) * self.add_pj + leaks * (self.mul_pj + self.add_pj),
            "state": access(2 * updates, population.neurons, self.word),
            "outputs": access(spikes, population.neurons, self.word),
        }


def access(words: float, held: float, size: float) -> float:
    """Return the picojoules of so many accesses of ``size`` bytes to a memory of ``held`` words."""
    return words * size / 8 * access_price(held * size)


def access_price(size: float) -> float:
    """Return the picojoules for 8 bytes of a memory of so many bytes: linear between the levels and beyond."""
    kilobytes = size / 1024
    segments = list(itertools.pairwise(LEVELS))
    (low, start), (high, end) = next((pair for pair in segments if kilobytes <= pair[1][0]), segments[-1])
    return start + (kilobytes - low) * (end - start) / (high - low)


@hookimpl
def snnfw_register_energy_models() -> Iterable[type[EnergyModel]]:
    """Register ``energy=lemaire``."""
    return [Lemaire]
