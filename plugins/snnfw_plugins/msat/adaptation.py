"""What adapts an MSAT neuron's threshold, as numbers that its step and its kernel read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Adaptation:
    """The constants of θ(t) = Vmax · sigmoid(tracking · DTT(t) + evoked · DET(t)); a threshold with weight 0 is off.

    ``normalised`` potentials and inputs are in units of Vmax, and an ``exact`` DET reads all of the depolarisation.
    """

    alpha: float
    k_a: float
    k_i: float
    c: float
    tracking: float
    evoked: float
    normalised: bool
    exact: bool
