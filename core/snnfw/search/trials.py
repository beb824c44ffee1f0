"""What a search tries plans with: a plan becomes a spiking model, and a model is judged on calibration data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from snnfw.energy.charges import network_energy, spiking_energy
from snnfw.energy.inventory import take_inventory
from snnfw.errors import SnnfwError
from snnfw.search.results import Score
from snnfw.simulate.run import evaluate_network, simulate
from snnfw.values import track_nothing

if TYPE_CHECKING:
    from snnfw.capture.graph import Graph
    from snnfw.conversion.converter import Converter
    from snnfw.energy.model import EnergyModel
    from snnfw.planning.placement import Plan
    from snnfw.search.workers import Workers
    from snnfw.spiking.model import SpikingModel
    from snnfw.values import Batch, Batches, Data, Judgement, Resources


@dataclass(frozen=True, slots=True)
class Trials:
    """One network, its data, and how plans for it are converted and charged. Evaluation data has no part in it.

    ``fitting`` is the share of the calibration samples that no conversion sees, for recipes that are to do the same.
    ``workers`` are where ``measure_all`` measures, None in this process.
    """

    graph: Graph
    data: Data
    judgement: Judgement
    converter: Converter
    timesteps: int
    costs: EnergyModel
    resources: Resources
    fitting: float = 0.0
    workers: Workers | None = None

    def convert(self, plan: Plan) -> SpikingModel:
        """Return the spiking model of a plan, calibrated as a run would."""
        quiet = replace(self.resources, track=track_nothing)
        return self.converter.convert(self.graph, plan, self.data.calibration, self.timesteps, quiet)

    def score(self, plan: Plan) -> Score:
        """Return the task's headline metric and the energy of a plan, on calibration samples with their targets."""
        tuning = self.require_targets()
        quiet = replace(self.resources, track=track_nothing)
        model = self.convert(plan)
        trace = simulate(model, tuning, [self.timesteps], self.judgement.scorer, quiet)
        energy = spiking_energy(take_inventory(self.graph, plan), self.costs, trace.final)
        return Score(metric=trace.final.scores[self.judgement.headline], energy=energy.total)

    def network(self, plan: Plan) -> Score:
        """Return the same of the network that the plan is of, on the same samples."""
        quiet = replace(self.resources, track=track_nothing)
        judged = replace(self.data, evaluation=self.require_targets())
        scores, _ = evaluate_network(self.graph, judged, self.judgement.scorer, quiet)
        energy = network_energy(take_inventory(self.graph, plan), self.costs, self.data.frames or 1)
        return Score(metric=scores[self.judgement.headline], energy=energy)

    def require_targets(self) -> Batches[Batch]:
        """Return the samples with targets, or say that there are none."""
        if self.data.tuning is None:
            raise SnnfwError(
                "there are no targets for the calibration data, which plans could be scored with: give samples with "
                "labels, or a search that needs none."
            )
        return self.data.tuning
