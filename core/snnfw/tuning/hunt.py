"""The search for the cheapest method: rounds of proposals, each narrowed by halving, until nothing gets cheaper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from snnfw.config.tuning import Aim
from snnfw.errors import SnnfwError
from snnfw.tuning.confidence import most_sure
from snnfw.tuning.ground import CALIBRATE, FEWEST
from snnfw.tuning.halving import LEAST, Study, promise, rungs
from snnfw.tuning.measuring import Meter, Rung
from snnfw.tuning.proposals import at_timesteps
from snnfw.tuning.space import Space
from snnfw.tuning.values import Candidate, Choice, Finding
from snnfw.tuning.variants import Variants

LIKELY = 0.5
"""How sure a drop must be small enough for it to be so rather than not."""

DEAR = 3.0
"""A method that costs so many times what another one does it with is not tried at more timesteps."""

POSSIBLE = 0.15
"""How sure a candidate has to be for it to be confirmed: what it was picked by says as little as what confirms it."""

PICKED = 8
"""Cheapest candidates that are confirmed on held-out samples, of those that may do."""

SUREST = 4
"""Surest candidates that are confirmed beside them, whatever they cost."""

DEARER = 4
"""Candidates that are confirmed after these, where what costs less is likely to do, and not sure enough."""

LEADERS = 2
"""Methods whose variants are tried in a round."""

GAIN = 0.01
"""Share of the cost that a round must save for another one to follow."""


class _Hunt:
    """The findings so far: of each candidate the one on the most samples."""

    def __init__(self, meter: Meter, aim: Aim, space: Space) -> None:
        self.meter, self.aim, self.space = meter, aim, space
        self.findings: dict[str, Finding] = {}
        self._methods: set[Any] = set()
        ground = meter.ground
        few = min(CALIBRATE, ground.converting)
        sizes = rungs(ground.picking, FEWEST)
        self.rungs = [Rung(size, None if size == ground.picking else few) for size in sizes]
        self.confirming = Rung(ground.samples, None, confirm=True)
        self.enough = self._enough(self.rungs[-1])

    def _enough(self, rung: Rung) -> float:
        """Return how sure one has to be on a rung: as asked for, or as sure as so many samples can tell."""
        own = self.meter.network(rung).headline
        return min(self.aim.confidence, most_sure(own, rung.samples, self.meter.groups, self.aim.drop))

    def new(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Return the candidates that are no others under another name, as many as may still be tried."""
        found = []
        for candidate in candidates:
            config = candidate.config
            method = (config.layers, config.converter, config.search, config.exit, config.timesteps, config.fitting)
            full = len(self._methods) >= self.aim.trials
            if full or candidate.name in self.findings or method in self._methods:
                continue
            self._methods.add(method)
            found.append(candidate)
        return found

    def measure(self, candidates: Sequence[Candidate], number: int, what: str) -> dict[str, Finding]:
        """Measure on the rung of a number, and keep what is found."""
        rung = self.rungs[number]
        found = self.meter.measure(candidates, rung, f"{what}: {len(candidates)} on {rung.samples} samples")
        self.findings |= found
        return found

    def narrow(self, candidates: Sequence[Candidate], what: str) -> None:
        """Take candidates from rung to rung, the most promising ones alone; those of the first rung may be measured."""
        study = Study([candidate.name for candidate in candidates])
        for number, rung in enumerate(self.rungs):
            there = {c.name: f for c in candidates if (f := self.findings.get(c.name)) and _on(f) == rung.samples}
            failed = {name for name, each in self.findings.items() if each.error}
            missing = [c for c in candidates if c.name not in there and c.name not in failed]
            found = there | (self.measure(missing, number, what) if missing else {})
            if number == len(self.rungs) - 1 or not found:
                return
            best = self.bar([*found.values()])
            promises = {name: promise(each, self.aim.minimise, best) for name, each in found.items()}
            kept = set(study.narrow(promises, rung.samples)) or self._nearest(found)
            candidates = [candidate for candidate in candidates if candidate.name in kept]

    def _nearest(self, found: Mapping[str, Finding]) -> set[str]:
        """Return who comes nearest where nobody promises anything, unless something is known that will do."""
        known = sorted(
            (each for each in found.values() if each.evidence), key=lambda each: (_drop(each), self.cost(each))
        )
        return set() if self.finalists() else {each.candidate.name for each in known[:LEAST]}

    def reasons(self) -> str:
        """Return why candidates could not be measured, the first few."""
        reasons = [f"{name}: {found.error}" for name, found in self.findings.items() if found.error]
        return "; ".join(reasons[:3]) or "none was given"

    def bar(self, among: Sequence[Finding]) -> float:
        """Return the cost to beat: of the best that will do, or else a little more than all of those have."""
        best = self.best()
        if best and best.evidence:
            return best.evidence.cost(self.aim.minimise)[0]
        costs = [found.evidence.cost(self.aim.minimise)[0] for found in among if found.evidence]
        return 1.01 * max(costs, default=1.0)

    def best(self) -> Finding | None:
        """Return the cheapest finalist whose drop is small enough with the confidence asked for, or that can be had."""
        sure = [found for found in self.finalists() if found.sure >= self.enough]
        return min(sure, key=self.cost, default=None)

    def finalists(self) -> list[Finding]:
        """Return what was measured on all samples to pick by."""
        return [found for found in self.findings.values() if _on(found) == self.rungs[-1].samples]

    def confirm(self) -> float:
        """Measure what was picked on the samples that are held out, and return how sure one has to be of it."""
        likely = [found for found in self.finalists() if found.sure >= POSSIBLE]
        surest = sorted(self.finalists(), key=lambda found: (-found.sure, *self.cost(found)))
        picked = [*_apart(sorted(likely, key=self.cost))[:PICKED], *_apart(surest)[:SUREST]]
        candidates = list({found.candidate.name: found.candidate for found in picked}.values())
        self._measure_held_out(candidates, "confirm")
        enough = self._enough(self.confirming)
        self._measure_held_out([found.candidate for found in self._dearer(enough)], "confirm dearer ones")
        return enough

    def _measure_held_out(self, candidates: Sequence[Candidate], what: str) -> None:
        if candidates:
            said = f"{what}: {len(candidates)} on {self.confirming.samples} other samples"
            self.findings |= self.meter.measure(candidates, self.confirming, said)

    def _dearer(self, enough: float) -> list[Finding]:
        """Return what costs more than the cheapest that is likely to do, and less than the cheapest that surely does.

        What was picked by knew nothing between these: there the cheaper one had seemed sure.
        """
        confirmed = self.confirmed()
        surely = min((self.cost(each) for each in confirmed if each.sure >= enough), default=(float("inf"),))
        likely = min((self.cost(each) for each in confirmed if LIKELY <= each.sure < enough), default=surely)
        between = [
            each
            for each in self.findings.values()
            if each.evidence and not each.confirmed and likely < self.cost(each) < surely
        ]
        return _apart(sorted(between, key=lambda each: (-each.sure, *self.cost(each))))[:DEARER]

    def confirmed(self) -> list[Finding]:
        """Return what was measured on the samples that are held out."""
        return [found for found in self.findings.values() if found.confirmed and found.evidence]

    def cost(self, found: Finding) -> tuple[float, ...]:
        """Return the cost of a finding."""
        return found.cost(self.aim.minimise)

    def leaders(self) -> list[Finding]:
        """Return the best finding of each of the best families, the best first."""
        open_ones = [found for found in self.finalists() if found.candidate.config.search is None]
        ranked = sorted(open_ones, key=self._rank)
        first: dict[str, Finding] = {}
        for found in ranked:
            first.setdefault(found.candidate.family, found)
        return list(first.values())[:LEADERS]

    def _rank(self, found: Finding) -> tuple[float, ...]:
        cost = self.cost(found)
        return (0.0, *cost) if found.sure >= self.enough else (1.0, -found.sure, *cost)


def find_cheapest(meter: Meter, aim: Aim, space: Space) -> Choice:
    """Return what was found, and which candidate to keep.

    Raises:
        SnnfwError: no candidate could be measured at all.

    """
    hunt = _Hunt(meter, aim, space)
    pool = _scan(hunt)
    hunt.narrow(pool, "every method")
    if not hunt.finalists():
        raise SnnfwError(f"no method could be measured: {hunt.reasons()}")
    variants = Variants(meter, aim, space)
    for number in range(aim.rounds):
        before = hunt.best()
        found = [*hunt.findings.values()]
        proposed = hunt.new(chain.from_iterable(variants.of(each, found, number) for each in hunt.leaders()))
        if not proposed:
            break
        hunt.narrow(proposed, f"variants, round {number + 1}")
        after = hunt.best()
        if before and after and hunt.cost(after)[0] > (1 - GAIN) * hunt.cost(before)[0]:
            break
    return _choose(hunt)


def _scan(hunt: _Hunt) -> list[Candidate]:
    """Measure every method at growing timesteps on the first rung, each as long as more of them may pay."""
    tried: list[Candidate] = []
    going = list(hunt.space.methods)
    enough = dict.fromkeys((method.family for method in going), 0)
    for timesteps in ladder(hunt.aim.timesteps, hunt.meter.ground.subject.bundle.data.frames):
        at = hunt.new(at_timesteps(method, timesteps) for method in going)
        if not at:
            continue
        found = hunt.measure(at, 0, f"every method at T={timesteps}")
        tried += at
        likely = [hunt.cost(each)[0] for each in hunt.findings.values() if each.sure >= LIKELY]
        bound = DEAR * min(likely, default=float("inf"))
        for each in found.values():
            enough[each.candidate.family] += each.sure >= LIKELY
        dear = {each.candidate.family for each in found.values() if each.evidence and hunt.cost(each)[0] > bound}
        going = [method for method in going if enough[method.family] < 2 and method.family not in dear]
    return tried


def ladder(timesteps: Sequence[int], frames: int | None) -> list[int]:
    """Return the timesteps to try, in order: of data made of frames no more than these, and all of them."""
    if frames is None:
        return sorted(set(timesteps))
    return sorted({frames, *(each for each in timesteps if each <= frames)})


def _choose(hunt: _Hunt) -> Choice:
    """Confirm what was picked, and choose the cheapest that will do, or what most likely does, or what drops least.

    What candidates were picked by tells too well of them: each round took those that did well on it.
    """
    enough = hunt.confirm()
    confirmed = hunt.confirmed()
    if not confirmed:
        raise SnnfwError(f"no method could be measured: {hunt.reasons()}")
    doing = [found for found in confirmed if found.sure >= enough]
    likeliest = max(confirmed, key=lambda each: (each.sure, *(-cost for cost in hunt.cost(each))))
    nearest = min(confirmed, key=lambda each: (_drop(each), *hunt.cost(each)))
    chosen = min(doing, key=hunt.cost) if doing else likeliest if likeliest.sure >= LIKELY else nearest
    # Of no drop at all nothing can be sure: there it is what was seen.
    met = chosen.sure >= min(LIKELY, enough) if enough else _drop(chosen) <= hunt.aim.drop
    sure = met and chosen.sure >= hunt.aim.confidence
    return Choice(tuple(hunt.findings.values()), chosen, met, sure, hunt.confirming.samples, enough)


def _apart(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings without those of a method that send and score as one before them."""
    first: dict[Any, Finding] = {}
    for found in findings:
        seen = found.evidence
        first.setdefault((found.candidate.family, seen and (f"{seen.energy:.4g}", seen.lost)), found)
    return list(first.values())


def _drop(found: Finding) -> float:
    return found.evidence.drop if found.evidence else float("inf")


def _on(found: Finding) -> int:
    return found.evidence.samples if found.evidence else 0
