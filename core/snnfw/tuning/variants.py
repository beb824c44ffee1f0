"""Variants of a finalist: knobs, timesteps in between, exits, its paper's search, and other neurons layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from snnfw.archive.sending import REDUCERS
from snnfw.config.tuning import Aim
from snnfw.planning.placement import Plan
from snnfw.planning.rules import Neuron
from snnfw.search.trials import Trials
from snnfw.search.workers import Workers
from snnfw.stages import place_neurons
from snnfw.tuning.ground import CALIBRATE, FEWEST
from snnfw.tuning.measuring import Meter
from snnfw.tuning.mixing import mix
from snnfw.tuning.proposals import midway, placed_neurons, turn_knobs, with_exits, with_plan, with_stages
from snnfw.tuning.space import Space
from snnfw.tuning.values import Candidate, Finding
from snnfw.values import Keep

LARGEST = 256
"""Most sites that are measured one by one: an unrolled recurrent layer has thousands, each like its neighbours."""


class Variants:
    """Proposes what is near a finalist; ``meter`` has the network and the samples, ``space`` the stages to combine."""

    def __init__(self, meter: Meter, aim: Aim, space: Space) -> None:
        self.meter, self.aim, self.space = meter, aim, space
        self._told = False

    def of(self, finalist: Finding, found: Sequence[Finding], number: int) -> Iterator[Candidate]:
        """Yield the variants of a finalist, of all that was ``found``, in the round of a ``number``.

        One that searches has none: every variant would search again.
        """
        candidate = finalist.candidate
        if candidate.config.search is not None:
            return
        subject = self.meter.ground.subject
        plan = place_neurons(candidate.config, subject)
        one_by_one = self._measures_sites(plan)
        if one_by_one:
            yield from with_stages(candidate, self.space.combined.get(candidate.family, {}))
        frames = subject.bundle.data.frames
        family = [each.candidate.config.timesteps for each in found if each.candidate.family == candidate.family]
        yield from with_exits(candidate, self.space.exits)
        yield from turn_knobs(candidate, plan, midway(candidate.config.timesteps, family, frames))
        if one_by_one:
            mixtures = mix(plan, self._neurons_elsewhere(plan, found), self._trials(candidate), FEWEST)
            for mixed_number, mixed in enumerate(mixtures, 1):
                yield with_plan(candidate, mixed, f"layer by layer ({number + 1}.{mixed_number})")

    def _measures_sites(self, plan: Plan) -> bool:
        """Return whether a plan has so few sites that each is measured by itself; the user is told, once, if not."""
        sites = sum(not isinstance(placement.neuron, Keep) for placement in plan.placements)
        if sites > LARGEST and not self._told:
            self.meter.ground.subject.resources.tell(
                f"neurons are not chosen layer by layer: {sites} places are too many to measure one by one."
            )
            self._told = True
        return sites <= LARGEST

    def _neurons_elsewhere(self, plan: Plan, found: Sequence[Finding]) -> list[Neuron]:
        """Return the neurons of the methods that were tried, cheapest methods first, those of the plan apart."""
        own = placed_neurons(plan)
        ranked = sorted((each for each in found if each.evidence), key=lambda each: each.cost(self.aim.minimise))
        rules = chain.from_iterable(each.candidate.config.layers for each in ranked)
        return [
            neuron
            for neuron in dict.fromkeys(rule.neuron for rule in rules)
            if neuron not in own and not isinstance(neuron, Keep)
        ]

    def _trials(self, candidate: Candidate) -> Trials:
        """Return what sensitivities are measured with: samples to convert with, and others that are held out."""
        config, ground = candidate.config, self.meter.ground
        subject = ground.judged_by(FEWEST, CALIBRATE, 0)
        return Trials(
            subject.graph,
            subject.bundle.data,
            ground.subject.bundle.judgement,
            config.converter,
            config.timesteps,
            config.energy,
            replace(subject.resources, track=ground.subject.resources.track),
            workers=Workers(config.launcher, REDUCERS) if config.launcher else None,
        )
