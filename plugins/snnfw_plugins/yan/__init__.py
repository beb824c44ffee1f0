"""The energy model of Yan, Bai, Tang & Wong: accumulations, state and the movement of every bit, in 22 nm."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from snnfw import EnergyModel, hookimpl
from snnfw.energy import Static

if TYPE_CHECKING:
    from snnfw.energy import Operation, Parts, Population


@dataclass(frozen=True, slots=True)
class Yan:
    """Charge operations, the state of neurons and every bit that is moved (Yan et al., arXiv 2409.08290 v4).

    Spiking: SOP · e_acc + T · M · e_acc + spikes · e_acc + SOP · b_w · E_w + T · M · b_s · 2 · E_on, with SOP the
    accumulations and M the neurons. Quantised to b bits: MAC · [e_mul (b/32)² + e_add b/32] + MAC · b · E_w +
    acts · b · E_on, acts the results of the operators that multiply; with 32 bits that is the network itself, and what
    multiplies in the spiking network. A product of two streams reads its operands on chip, b_s bits for each
    accumulation.
    """

    name: ClassVar[str] = "yan"

    e_w: Annotated[
        float,
        Field(ge=0, description="picojoules to move a bit of a weight: 20 from DRAM, 0.25 on chip, 3 sparsely routed"),
    ] = 20.0
    e_on: Annotated[float, Field(ge=0, description="picojoules to move a bit on chip: state and activations")] = 0.25
    acc_pj: Annotated[float, Field(ge=0, description="picojoules per accumulate, leak and reset")] = 0.05448
    mul_pj: Annotated[float, Field(ge=0, description="picojoules per multiplication of 32 bits")] = 3.7
    add_pj: Annotated[float, Field(ge=0, description="picojoules per addition of 32 bits, in what multiplies")] = 0.9
    weight_bits: Annotated[int, Field(ge=1, le=32, description="bits of a weight that an event reads (b_w)")] = 8
    state_bits: Annotated[int, Field(ge=1, le=64, description="bits of a membrane potential (b_s)")] = 16
    static: Static = "once"

    def multiply(self, operation: Operation, bits: int) -> Parts:
        """Return MAC · [e_mul (b/32)² + e_add b/32] + MAC · b · E_w + acts · b · E_on."""
        share, moved = bits / 32, self.e_w if operation.weights else self.e_on
        return {
            "multiplications": operation.macs * (self.mul_pj * share**2 + self.add_pj * share),
            "weights": operation.macs * bits * moved,
            "activations": operation.outputs * bits * self.e_on,
        }

    def accumulate(self, operation: Operation, accumulations: float, steps: float) -> Parts:
        """Return SOP · e_acc + SOP · b_w · E_w."""
        del steps
        read = self.weight_bits * self.e_w if operation.weights else self.state_bits * self.e_on
        return {"accumulations": accumulations * self.acc_pj, "weights": accumulations * read}

    def fire(self, population: Population, spikes: float, steps: float) -> Parts:
        """Return T · M · e_acc + spikes · e_acc + T · M · b_s · 2 · E_on."""
        updates = population.neurons * steps
        return {
            "neurons": (updates + spikes) * self.acc_pj,
            "state": updates * self.state_bits * 2 * self.e_on,
        }


@hookimpl
def snnfw_register_energy_models() -> Iterable[type[EnergyModel]]:
    """Register ``energy=yan``."""
    return [Yan]
