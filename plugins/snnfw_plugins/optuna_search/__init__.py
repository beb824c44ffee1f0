"""Search joint spaces of neuron parameters with Optuna: the task's metric against energy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from snnfw import Search, SearchResult, hookimpl

if TYPE_CHECKING:
    from snnfw.planning import Plan
    from snnfw.search import Trials

Values: TypeAlias = tuple[bool | int | float | str | None, ...]


def _space() -> dict[str, Values]:
    return {"phi": (1, 2, 3, 4, 6, 8), "rho": (1.0, 1.5, 2.0)}


@dataclass(frozen=True, slots=True)
class OptunaSearch:
    """Let Optuna try whole plans, and take the most accurate one within an energy budget.

    Every plan is converted and scored on calibration data with targets, so that nothing is assumed to add up over the
    sites; the metric is maximised and energy minimised together.
    """

    name: ClassVar[str] = "optuna"

    space: Annotated[dict[str, Values], Field(description="fields of the neurons, each with the values to try")] = (
        field(default_factory=_space)
    )
    shared: Annotated[bool, Field(description="one value of a field for all sites instead of one for each")] = False
    trials: Annotated[int, Field(ge=1, description="plans to try, the plan as given included")] = 100
    batch: Annotated[
        int, Field(ge=1, description="plans to choose before any of them is scored: as many as workers score at once")
    ] = 1
    sampler: Annotated[Literal["tpe", "nsga2", "random"], Field(description="how Optuna chooses the next plan")] = "tpe"
    budget: Annotated[
        float, Field(gt=0, allow_inf_nan=False, description="energy, as a ratio of what the plan as given costs")
    ] = 1.0

    def search(self, plan: Plan, trials: Trials) -> SearchResult:
        """Return the most accurate plan within the budget, of those with equal accuracy the cheapest."""
        from snnfw_plugins.optuna_search.study import Sampling, dimensions_of, run_study

        space = dimensions_of(self.space, self.shared, plan)
        return run_study(plan, trials, space, Sampling(self.sampler, self.trials, self.budget, self.batch))


@hookimpl
def snnfw_register_searches() -> Iterable[type[Search]]:
    """Register ``search=optuna``."""
    return [OptunaSearch]
