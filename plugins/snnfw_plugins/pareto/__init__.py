"""Pareto searches (Adaptive Calibration): neurons, burst lengths or threshold ratios, site by site, within a budget."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from snnfw import Neuron, Search, SearchResult, hookimpl
from snnfw.config import MethodsOf

if TYPE_CHECKING:
    from snnfw.planning import Plan
    from snnfw.search import Trials
    from snnfw_plugins.pareto.candidates import Candidates
    from snnfw_plugins.pareto.stage import Stage

TRIES = 12
"""Points that are scored where a loss is named and nobody says how many."""

RATIOS = tuple(number / 2 for number in range(2, 21))

Choice: TypeAlias = bool | int | float | str | None
Budget: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Point: TypeAlias = Annotated[
    int | None, Field(ge=0, description="take this point of the frontier, cheapest first from 0, whatever the budget")
]
Distance: TypeAlias = Annotated[
    Literal["symmetric_kl", "kl", "task"],
    Field(description="sensitivity: divergence of the output from the network's, or the task's own distance"),
]
Cost: TypeAlias = Annotated[Literal["energy", "spikes"], Field(description="what a neuron's events are counted in")]
Samples: TypeAlias = Annotated[int, Field(ge=1, description="calibration samples to measure with")]
Resolution: TypeAlias = Annotated[
    float,
    Field(ge=0, lt=1, description="merge states closer in cost than this share of the largest; 0 is exact"),
]


@dataclass(frozen=True, slots=True)
class Pareto:
    """Choose each site's neuron so that the summed sensitivity is least within an energy budget.

    min Σ S_i(k_i) subject to Σ E_i(k_i) <= budget · Σ E_i(as given): Adaptive Calibration, section 3.1. S_i and E_i are
    measured with candidate k_i at site i and every other site at its initial neuron. The frontier is exact.
    """

    name: ClassVar[str] = "pareto"

    space: Annotated[
        dict[str, tuple[Choice, ...]] | None,
        Field(description="fields of the neurons, each with the values to try; null: those that the neurons name"),
    ] = None
    neurons: Annotated[
        tuple[Neuron, ...],
        MethodsOf("neurons"),
        Field(description="neurons to choose between instead of fields: [{name: adafire, phi: 2}, tracking]"),
    ] = ()
    initial: Annotated[
        dict[str, Choice] | None,
        Field(description="values of fields at all other sites while one is tried; null: the largest of the values"),
    ] = None
    budget: Annotated[Budget, Field(description="energy, as a ratio of what the plan as given costs")] = 1.0
    sensitivity_budget: Annotated[
        Budget | None,
        Field(description="save energy instead, up to this ratio of the sensitivity of the plan as given"),
    ] = None
    loss: Annotated[
        float | None,
        Field(
            ge=0,
            allow_inf_nan=False,
            description="save energy instead, as long as the whole plan's metric is this near to the network's: 0.003 "
            "is 0.3 points of accuracy",
        ),
    ] = None
    tries: Annotated[
        int | None,
        Field(ge=2, description="points of the frontier to score as whole plans; null: 12 for a loss, else none"),
    ] = None
    point: Point = None
    distance: Distance = "symmetric_kl"
    cost: Cost = "energy"
    thresholds: Annotated[
        Literal["kept", "own"],
        Field(description="try neurons with the threshold found for them, or the initial neuron's, as published"),
    ] = "own"
    samples: Samples = 128
    resolution: Resolution = 0.0

    def __post_init__(self) -> None:
        """Refuse values that contradict each other."""
        if self.neurons and (self.initial is not None or self.space is not None):
            word = "space" if self.initial is None else "initial"
            raise ValueError(f"{word} holds values of fields, and neurons are searched: leave one of them out")
        if self.sensitivity_budget is not None and self.loss is not None:
            raise ValueError("sensitivity_budget and loss both say how much energy to save: leave one of them out")

    def search(self, plan: Plan, trials: Trials) -> SearchResult:
        """Return the plan with the chosen neurons."""
        from snnfw_plugins.pareto.stage import chain

        return chain(self.name, plan, trials, [lambda given: self.stage(given, "search")])

    def stage(self, plan: Plan, key: str) -> Stage:
        """Return this search as a stage; ``key`` is where the user wrote its parameters."""
        from snnfw.search import Question
        from snnfw_plugins.pareto.stage import Aim, Stage

        spent = self.sensitivity_budget
        tries = self.tries or (0 if self.loss is None else TRIES)
        candidates = self._candidates(plan, key)
        return Stage(
            title="neurons" if self.neurons else "-".join(candidates.fields),
            plan=plan,
            measured=self._measured(plan, key),
            candidates=candidates,
            question=Question(self.distance, self.cost, self.thresholds, self.samples),
            aim=Aim(key, "budget", "cost", self.budget, self.point, self.loss)
            if spent is None
            else Aim(key, "sensitivity_budget", "sensitivity", spent, self.point),
            resolution=self.resolution,
            tries=tries,
        )

    def _candidates(self, plan: Plan, key: str) -> Candidates:
        from snnfw_plugins.pareto.candidates import offer_neurons, vary_fields

        if self.neurons:
            return offer_neurons(plan, self.neurons, f"{key}.neurons")
        return vary_fields(plan, self.space, f"{key}.space")

    def _measured(self, plan: Plan, key: str) -> Plan:
        """Return the plan in which one site after the other is changed."""
        from snnfw_plugins.pareto.candidates import with_initial

        return plan if self.neurons else with_initial(plan, self.space, self.initial, key)


@dataclass(frozen=True, slots=True)
class Ssc:
    """Raise thresholds where the output does not mind, to save spikes: sensitivity spike compression.

    min Σ E_i(ρ_i) subject to Σ S_i(ρ_i) <= budget · Σ S_i(as given), the neuron's threshold being ρ_i times the
    calibrated one: Adaptive Calibration, section 3.2, Eqs. 12 to 15.
    """

    name: ClassVar[str] = "ssc"

    ratios: Annotated[
        tuple[Annotated[float, Field(gt=0)], ...],
        Field(description="threshold ratios to try, besides the neuron's own"),
    ] = RATIOS
    budget: Annotated[Budget, Field(description="sensitivity, as a ratio of that of the plan as given")] = 1.0
    point: Point = None
    distance: Distance = "symmetric_kl"
    cost: Cost = "energy"
    samples: Samples = 128
    resolution: Resolution = 0.0

    def search(self, plan: Plan, trials: Trials) -> SearchResult:
        """Return the plan with the chosen threshold ratios."""
        from snnfw_plugins.pareto.stage import chain

        return chain(self.name, plan, trials, [lambda given: self.stage(given, "search")])

    def stage(self, plan: Plan, key: str) -> Stage:
        """Return this search as a stage; ``key`` is where the user wrote its parameters."""
        from snnfw.search import Question
        from snnfw_plugins.pareto.candidates import vary_fields, with_initial
        from snnfw_plugins.pareto.stage import Aim, Stage

        space = {"rho": self.ratios}
        return Stage(
            title="rho",
            plan=plan,
            measured=with_initial(plan, space, {"rho": 1.0}, key),
            candidates=vary_fields(plan, space, f"{key}.ratios"),
            question=Question(self.distance, self.cost, "kept", self.samples),
            aim=Aim(key, "budget", "sensitivity", self.budget, self.point),
            resolution=self.resolution,
        )


@dataclass(frozen=True, slots=True)
class AdaptiveCalibration:
    """Search burst lengths φ, then threshold ratios ρ on the plan found: the order of Adaptive Calibration."""

    name: ClassVar[str] = "adafire"

    phi: Annotated[Pareto, Field(description="the search for burst lengths, as search=pareto")] = Pareto()
    ssc: Annotated[Ssc | None, Field(description="the search for threshold ratios, as search=ssc; null: none")] = Ssc()

    def search(self, plan: Plan, trials: Trials) -> SearchResult:
        """Return the plan that the last stage chose."""
        from snnfw_plugins.pareto.stage import Prepare, chain

        ssc = self.ssc
        stages: list[Prepare] = [lambda given: self.phi.stage(given, "search.phi")]
        if ssc is not None:
            stages.append(lambda given: ssc.stage(given, "search.ssc"))
        return chain(self.name, plan, trials, stages)


@hookimpl
def snnfw_register_searches() -> Iterable[type[Search]]:
    """Register ``search=pareto``, ``search=ssc`` and ``search=adafire``."""
    return [Pareto, Ssc, AdaptiveCalibration]
