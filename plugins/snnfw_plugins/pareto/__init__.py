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

RATIOS = tuple(number / 2 for number in range(2, 21))

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

    field: Annotated[str, Field(description="the neurons' field to choose the value of")] = "phi"
    values: Annotated[tuple[bool | int | float, ...], Field(description="values of the field to try")] = tuple(
        range(1, 9)
    )
    neurons: Annotated[
        tuple[Neuron, ...],
        MethodsOf("neurons"),
        Field(description="neurons to choose between instead of values: [{name: adafire, phi: 2}, tracking]"),
    ] = ()
    initial: Annotated[
        bool | int | float | None,
        Field(description="the field's value at all other sites while one is tried; null: the largest of the values"),
    ] = None
    budget: Annotated[Budget, Field(description="energy, as a ratio of what the plan as given costs")] = 1.0
    sensitivity_budget: Annotated[
        Budget | None,
        Field(description="save energy instead, up to this ratio of the sensitivity of the plan as given"),
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
        if self.neurons and self.initial is not None:
            raise ValueError("initial is a value of the field, and neurons are searched: leave one of them out")

    def search(self, plan: Plan, trials: Trials) -> SearchResult:
        """Return the plan with the chosen neurons."""
        from snnfw_plugins.pareto.stage import chain

        return chain(self.name, plan, trials, [lambda given: self.stage(given, "search")])

    def stage(self, plan: Plan, key: str) -> Stage:
        """Return this search as a stage; ``key`` is where the user wrote its parameters."""
        from snnfw.search import Question
        from snnfw_plugins.pareto.stage import Aim, Stage

        spent = self.sensitivity_budget
        return Stage(
            title="neurons" if self.neurons else self.field,
            plan=plan,
            measured=self._measured(plan, key),
            candidates=self._candidates(plan, key),
            question=Question(self.distance, self.cost, self.thresholds, self.samples),
            aim=Aim(key, "budget", "cost", self.budget, self.point)
            if spent is None
            else Aim(key, "sensitivity_budget", "sensitivity", spent, self.point),
            resolution=self.resolution,
        )

    def _candidates(self, plan: Plan, key: str) -> Candidates:
        from snnfw_plugins.pareto.candidates import offer_neurons, vary_field

        if self.neurons:
            return offer_neurons(plan, self.neurons, f"{key}.neurons")
        return vary_field(plan, self.field, self.values, f"{key}.values")

    def _measured(self, plan: Plan, key: str) -> Plan:
        """Return the plan in which one site after the other is changed."""
        from snnfw_plugins.pareto.candidates import with_initial

        if self.neurons or not self.values:
            return plan
        initial = max(self.values) if self.initial is None else self.initial
        return with_initial(plan, self.field, initial, f"{key}.initial")


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
        from snnfw_plugins.pareto.candidates import vary_field, with_initial
        from snnfw_plugins.pareto.stage import Aim, Stage

        return Stage(
            title="rho",
            plan=plan,
            measured=with_initial(plan, "rho", 1.0, f"{key}.ratios"),
            candidates=vary_field(plan, "rho", self.ratios, f"{key}.ratios"),
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
