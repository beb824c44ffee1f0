"""What one operation costs: the numbers that turn counts into joules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field


@dataclass(frozen=True, slots=True)
class EnergyModel:
    """Energy per operation for 32-bit arithmetic in a 45 nm process.

    A multiply-accumulate takes 3.7 + 0.9 = 4.6 pJ, an accumulate 0.9 pJ (M. Horowitz, "Computing's energy
    problem (and what we can do about it)", ISSCC 2014).
    """

    mac_pj: Annotated[float, Field(ge=0, description="picojoules per multiply-accumulate")] = 4.6
    ac_pj: Annotated[float, Field(ge=0, description="picojoules per accumulate")] = 0.9
    static: Annotated[
        Literal["once", "per_step"],
        Field(description="charge operators that no neuron feeds once per sample, or at every timestep"),
    ] = "once"
    joules_per_spike: Annotated[
        float | None, Field(ge=0, description="joules per spike, for the energy of spikes alone")
    ] = None
