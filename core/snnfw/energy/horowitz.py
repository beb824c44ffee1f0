"""The energy of arithmetic alone, which papers compare by: the model that every run has when none is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from snnfw.energy.model import Static

if TYPE_CHECKING:
    from snnfw.energy.inventory import Operation, Population
    from snnfw.energy.model import Parts


@dataclass(frozen=True, slots=True)
class Horowitz:
    """Charge 32-bit arithmetic in a 45 nm process, and nothing else; this is the default.

    A multiply-accumulate takes 3.7 + 0.9 = 4.6 pJ, an accumulate 0.9 pJ (M. Horowitz, "Computing's energy
    problem (and what we can do about it)", ISSCC 2014). With b bits a multiply-accumulate is taken to cost b/32 of it.
    """

    name: ClassVar[str] = "horowitz"

    mac_pj: Annotated[float, Field(ge=0, description="picojoules per multiply-accumulate")] = 4.6
    ac_pj: Annotated[float, Field(ge=0, description="picojoules per accumulate")] = 0.9
    static: Static = "once"
    joules_per_spike: Annotated[
        float | None, Field(ge=0, description="joules per spike, for the energy of spikes alone")
    ] = None

    def multiply(self, operation: Operation, bits: int) -> Parts:
        """Return e_MAC · MACs · b/32."""
        return {"multiplications": self.mac_pj * operation.macs * (bits / 32)}

    def accumulate(self, operation: Operation, accumulations: float, steps: float) -> Parts:
        """Return e_AC · accumulations."""
        del operation, steps
        return {"accumulations": self.ac_pj * accumulations}

    def fire(self, population: Population, spikes: float, steps: float) -> Parts:
        """Return nothing: neurons are free."""
        del population, spikes, steps
        return {}
