"""Measure candidates: convert each, run it on the samples that are held out, and keep what was seen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import Any

from snnfw.archive.sending import REDUCERS
from snnfw.config.schema import MethodConfig
from snnfw.energy.charges import spiking_energy
from snnfw.energy.inventory import take_inventory
from snnfw.failures import one_line
from snnfw.launching import finished
from snnfw.search.keys import Keys, open_store
from snnfw.search.trials import Trials
from snnfw.stages import convert_and_simulate
from snnfw.store.files import Store
from snnfw.tuning.confidence import how_sure
from snnfw.tuning.ground import Ground, choose_groups, watch_network
from snnfw.tuning.values import Candidate, Evidence, Finding
from snnfw.tuning.witness import Seen, Witness, summarise, what_is_lost


@dataclass(frozen=True, slots=True)
class Rung:
    """How much is measured: on so many samples, converted with so many (all where None).

    They are those that candidates are picked by, or, to ``confirm`` what was picked, those that are held out.
    """

    samples: int
    converting: int | None
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class Observe:
    """Measure a method on a rung, wherever this is sent; ``own`` is what the network itself does with its samples."""

    ground: Ground
    own: Seen
    rung: Rung
    groups: int

    def __call__(self, config: MethodConfig) -> dict[str, Any]:
        """Return the evidence as plain values, or the error: a method that cannot do it must not end the search."""
        subject = self.ground.judged_by(self.rung.samples, self.rung.converting, self.groups, self.rung.confirm)
        try:
            simulation = convert_and_simulate(replace(config, fitting=0.0), subject)
        except Exception as fault:  # whatever a stranger's method raises
            return {"error": one_line(fault)}
        point, plan = simulation.trace.final, simulation.found.plan
        if not isinstance(point.scorer, Witness):
            raise TypeError(f"what scored is a {type(point.scorer).__name__}")
        seen = summarise(point.scorer)
        passes = subject.bundle.data.frames or 1
        energy = spiking_energy(take_inventory(subject.graph, plan), config.energy, point, passes).total
        spikes, lost = sum(point.spikes.values()), what_is_lost(self.own, seen)
        if not all(map(math.isfinite, (seen.headline, self.own.headline, energy, spikes, *lost))):
            return {"error": f"its {subject.bundle.judgement.headline}, or what it costs, is not a finite number"}
        return asdict(
            Evidence(
                self.rung.samples,
                seen.headline,
                self.own.headline,
                energy,
                spikes,
                point.steps,
                lost,
                by_sample=not self.groups,
            )
        )


class Meter:
    """Measures candidates on a ground, each once: what was measured before, in another process too, is read."""

    def __init__(self, ground: Ground, drop: float, base: MethodConfig, store: Store | None = None) -> None:
        self.ground, self.drop = ground, drop
        self.groups = choose_groups(ground, ground.samples)
        self._launcher, self._seed = base.launcher, base.seed
        self._store = store or open_store()
        self._keys = _keys(ground, base)
        self._network: dict[tuple[int, bool], Seen] = {}

    def measure(self, candidates: Sequence[Candidate], rung: Rung, what: str) -> dict[str, Finding]:
        """Return what each candidate shows, by name, in their order."""
        track = self.ground.subject.resources.track
        seen = dict(track(self._all_seen(candidates, rung), what, len(candidates)))
        return {each.name: self._finding(each, seen[at], rung.confirm) for at, each in enumerate(candidates)}

    def _finding(self, candidate: Candidate, seen: Mapping[str, Any], confirm: bool) -> Finding:
        if "error" in seen:
            return Finding(candidate, None, error=seen["error"])
        evidence = Evidence(**{**seen, "lost": tuple(seen["lost"])})
        return Finding(candidate, evidence, how_sure(evidence, self.drop), confirmed=confirm)

    def _all_seen(self, candidates: Sequence[Candidate], rung: Rung) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield the position of each candidate with what is seen of it: first what is kept from before."""
        common = self.ground.converting, rung, self.groups
        keys = [self._keys.of("a candidate", method_of(each.config), *common) for each in candidates]
        missing = []
        for at, key in enumerate(keys):
            kept = self._store.load(key)
            if kept is None:
                missing.append(at)
            else:
                yield at, kept
        if not missing:
            return
        observe = Observe(self.ground.to_send(), self.network(rung), rung, self.groups)
        configs = [replace(candidates[at].config, launcher=None) for at in missing]
        tell = self.ground.subject.resources.tell
        with closing(finished(self._launcher, observe, configs, self._seed, tell, REDUCERS)) as outcomes:
            for position, outcome in outcomes:
                at = missing[position]
                self._store.save(keys[at], outcome)
                yield at, outcome

    def network(self, rung: Rung) -> Seen:
        """Return what the network itself does with a rung's samples."""
        key = rung.samples, rung.confirm
        if key not in self._network:
            self._network[key] = watch_network(self.ground, rung.samples, self.groups, rung.confirm)
        return self._network[key]


def method_of(config: MethodConfig) -> dict[str, Any]:
    """Return everything that a candidate's numbers depend on, the network, the data and the machine apart."""
    return {
        "layers": config.layers,
        "stages": (config.converter, config.search, config.exit),
        "settings": (config.timesteps, config.fitting, config.strict, config.seed),
        "prices": config.energy,
    }


def _keys(ground: Ground, base: MethodConfig) -> Keys:
    """Return keys that hold the network, all samples, and what computes."""
    subject = ground.subject
    data = replace(
        subject.bundle.data,
        calibration=ground.inputs[0],
        tuning=[*ground.known[0], *ground.held[0]],
        evaluation=(),
    )
    trials = Trials(
        subject.graph, data, subject.bundle.judgement, base.converter, base.timesteps, base.energy, subject.resources
    )
    return Keys(trials)
