"""What can be asked of the candidates at a plan's sites, and in which cells the answers stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from snnfw.planning.rules import Neuron
from snnfw.values import Keep

if TYPE_CHECKING:
    from snnfw.planning.placement import Plan
    from snnfw.search.trials import Trials


@dataclass(frozen=True, slots=True)
class Question:
    """What is measured of each candidate.

    ``distance`` is between the network's and the spiking network's outputs, averaged over samples: of their softmaxes p
    and q the divergence KL(p‖q) or ½ (KL(p‖q) + KL(q‖p)), or the task's own. ``cost`` is that of the site's events
    alone, per sample: millijoules of the accumulations that they cause in all layers, or their number. ``thresholds``
    says with which threshold, initial potential and offset a candidate is built: those that the site has in the plan
    (kept), or those that the converter finds for it (own). ``samples`` is the most calibration samples to measure on.
    """

    distance: Literal["symmetric_kl", "kl", "task"] = "symmetric_kl"
    cost: Literal["energy", "spikes"] = "energy"
    thresholds: Literal["kept", "own"] = "kept"
    samples: int = 64


Cell = tuple[str, int | None]
"""A site, and the index of one of its candidates; None is the plan's own neuron."""

Measured = tuple[float, float]
"""Sensitivity and cost."""


@dataclass(frozen=True, slots=True)
class Request:
    """A question about a plan, its candidates checked and in the order of execution."""

    plan: Plan
    candidates: Mapping[str, tuple[Neuron, ...]]
    question: Question
    trials: Trials

    @property
    def cells(self) -> list[Cell]:
        """Return the cells to evaluate: every candidate that is not the plan's own neuron, then those."""
        pairs = [self.cell(site, number) for site, row in self.candidates.items() for number in range(len(row))]
        return [cell for cell in pairs if cell[1] is not None] + [(site, None) for site in self.candidates]

    def cell(self, site: str, number: int) -> Cell:
        """Return where the value of a candidate stands."""
        own = self.placed(site) == self.candidates[site][number]
        return site, None if own else number

    def placed(self, site: str) -> Neuron | Keep:
        """Return the plan's own neuron at a site."""
        return next(placement.neuron for placement in self.plan.placements if placement.site.name == site)

    def variant(self, number: int) -> Plan:
        """Return the plan in which every site that has so many candidates has that one."""
        plan = self.plan
        for site, row in self.candidates.items():
            plan = plan.with_neuron(site, row[number]) if number < len(row) else plan
        return plan
