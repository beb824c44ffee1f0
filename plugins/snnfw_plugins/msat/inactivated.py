"""Counts of a layer's spikes by whether the network's own activation is 0."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InactivatedCounts:
    """How many neurons of a layer fired within some timesteps, by whether the network's activation was 0.

    Counted over neurons and samples: ``wrong`` fired and are inactivated in the network (SIN), ``right`` fired and are
    not (POS); ``inactivated`` are all whose activation is 0, ``neurons`` are all.
    """

    wrong: int = 0
    right: int = 0
    inactivated: int = 0
    neurons: int = 0

    def __add__(self, other: InactivatedCounts) -> InactivatedCounts:
        return InactivatedCounts(
            self.wrong + other.wrong,
            self.right + other.right,
            self.inactivated + other.inactivated,
            self.neurons + other.neurons,
        )

    @property
    def of_inactivated(self) -> float:
        """Return SIN as a share of the inactivated neurons, which the paper quotes in section 5.3."""
        return _share(self.wrong, self.inactivated)

    @property
    def of_neurons(self) -> float:
        """Return SIN as a share of all neurons."""
        return _share(self.wrong, self.neurons)

    @property
    def right_of_neurons(self) -> float:
        """Return POS as a share of all neurons."""
        return _share(self.right, self.neurons)

    @property
    def of_firing(self) -> float:
        """Return SIN as a share of the neurons that fired."""
        return _share(self.wrong, self.wrong + self.right)

    @property
    def confidence(self) -> float:
        """Return p = 1 - SIN / (SIN + POS); 1 where nothing fired."""
        return 1.0 - self.of_firing


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
