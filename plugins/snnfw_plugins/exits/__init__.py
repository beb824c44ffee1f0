"""Early exit: let samples leave by the entropy, confidence or stillness of their output, or all after one timestep."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from snnfw import Bundle, ExitPolicy, ExitRule, Resources, SnnfwError, hookimpl

if TYPE_CHECKING:
    from snnfw import SpikingModel

Logits = Annotated[
    Literal["sum", "mean"],
    Field(description="judge logits summed or averaged over the timesteps so far; a sum grows surer with time"),
]
Minimum = Annotated[int, Field(ge=1, description="timesteps before anyone leaves")]
Tolerance = Annotated[
    float | None,
    Field(
        ge=0,
        le=1,
        description="share of right calibration samples that may be lost against the last timestep: raises the minimum",
    ),
]
Most = Annotated[int, Field(ge=1, description="most calibration batches to run for all timesteps")]


@dataclass(frozen=True, slots=True)
class Entropy:
    """Leave once the output's entropy is low, by thresholds that rise as calibration data grows surer.

    With h(t) the entropy of softmax(logits), divided by its maximum log K, a sample leaves after the first timestep
    with 1 - h(t) > α(t). α(t) = base + β · exp(-(E(t) - min E) / δ), E(t) the mean of h(t) over the calibration samples
    that are right after t timesteps. Input-aware Adaptive Timesteps: Adaptive Calibration, Eqs. 16 to 18;
    ``latency`` is Γ of Eq. 17.
    """

    name: ClassVar[str] = "entropy"

    base: Annotated[float, Field(ge=0, le=1, description="lowest threshold")] = 0.6
    beta: Annotated[float, Field(ge=0, le=1, description="most that is added to it (β), where E is smallest")] = 0.4
    delta: Annotated[float, Field(gt=0, description="decay constant of what is added (δ)")] = 1.0
    sign: Annotated[
        Literal["shannon", "paper"],
        Field(description="E as an entropy, as published code has it, or with the paper's sign: thresholds fall"),
    ] = "shannon"
    logits: Logits = "sum"
    correct_only: Annotated[bool, Field(description="average E over samples that are right, or over all")] = True
    minimum: Minimum = 1
    tolerance: Tolerance = None
    latency: Annotated[
        float | None,
        Field(
            ge=1,
            description="mean timesteps allowed on calibration samples (Γ): base, beta and delta are searched for the "
            "most right ones within it, or with beta=0 the constant threshold base",
        ),
    ] = None
    batches: Most = 10

    def __post_init__(self) -> None:
        """Refuse two aims that contradict each other."""
        if self.latency is not None and self.tolerance is not None:
            raise ValueError("latency bounds the timesteps and tolerance the loss: leave one out (tolerance=null)")

    def prepare(self, model: SpikingModel, bundle: Bundle, timesteps: int, resources: Resources) -> ExitRule:
        """Return the rule with the thresholds that calibration data gives."""
        from snnfw_plugins.exits.rule import ThresholdRule
        from snnfw_plugins.exits.scores import certainty
        from snnfw_plugins.exits.search import search_thresholds
        from snnfw_plugins.exits.study import logit_score, study_batches
        from snnfw_plugins.exits.thresholds import Rise, rising_thresholds

        require_minimum(self.minimum, timesteps)
        score = logit_score(bundle, certainty, self.logits, self.name)
        if self.correct_only and bundle.judgement.correct is None:
            raise SnnfwError(
                "this task cannot tell which samples are right, as exit=entropy asks: use exit.correct_only=false."
            )
        seen = study_batches(model, bundle, timesteps, score, self.batches, resources)
        entropy = 1 - (seen.right_mean() if self.correct_only else seen.mean())
        rise, searched = Rise(self.base, self.beta, self.delta), dict[str, Any]()
        if self.latency is not None:
            rise, searched = search_thresholds(seen, entropy, self.latency, self.minimum, self.sign, self.beta == 0)
        thresholds, means = rising_thresholds(entropy, rise, self.sign)
        minimum = seen.safe_minimum(thresholds, self.minimum, self.tolerance)
        told = {"mean_entropy": means, **searched, **seen.threshold_record(thresholds, minimum)}
        return ThresholdRule(self.name, score, thresholds, minimum, told)


@dataclass(frozen=True, slots=True)
class Confidence:
    """Leave once the largest probability of softmax(logits) is above a threshold, the same at every timestep."""

    name: ClassVar[str] = "confidence"

    threshold: Annotated[float, Field(ge=0, le=1, description="largest probability that has to be exceeded")] = 0.9
    logits: Logits = "sum"
    minimum: Minimum = 1
    tolerance: Tolerance = None
    batches: Most = 10

    @property
    def fits(self) -> bool:
        """Tell whether calibration data shapes the rule: the threshold is given, a tolerance raises the minimum."""
        return self.tolerance is not None

    def prepare(self, model: SpikingModel, bundle: Bundle, timesteps: int, resources: Resources) -> ExitRule:
        """Return the rule; calibration data, where there is some with targets, says what it will do."""
        from snnfw_plugins.exits.scores import confidence
        from snnfw_plugins.exits.study import Constant, constant_rule, logit_score

        require_minimum(self.minimum, timesteps)
        score = logit_score(bundle, confidence, self.logits, self.name)
        asked = Constant(self.name, self.threshold, self.minimum, self.tolerance, self.batches)
        return constant_rule(asked, score, model, bundle, timesteps, resources)


@dataclass(frozen=True, slots=True)
class Stability:
    """Leave once the output has stopped changing: what the task calls its distance to that of the timestep before.

    A sample leaves after the first timestep t > 1 with 1 - d(y(t), y(t-1)) > threshold, d from 0 (the same boxes, say)
    to 1. For outputs whose parts are each judged, such as boxes, where no single confidence says when all are done.
    """

    name: ClassVar[str] = "stability"

    threshold: Annotated[float, Field(ge=0, le=1, description="1 - distance that has to be exceeded")] = 0.9
    minimum: Minimum = 2
    tolerance: Tolerance = None
    batches: Most = 10

    @property
    def fits(self) -> bool:
        """Tell whether calibration data shapes the rule: the threshold is given, a tolerance raises the minimum."""
        return self.tolerance is not None

    def prepare(self, model: SpikingModel, bundle: Bundle, timesteps: int, resources: Resources) -> ExitRule:
        """Return the rule; calibration data, where there is some with targets, says what it will do."""
        from snnfw.simulate import outputs_of
        from snnfw_plugins.exits.rule import Stillness, StillnessRule
        from snnfw_plugins.exits.study import Constant, constant_rule

        require_minimum(self.minimum, timesteps)
        if bundle.judgement.distance is None:
            raise SnnfwError(
                "exit=stability asks how far two outputs are apart, and this task has no distance: use exit=confidence "
                "or exit=fixed."
            )
        score = Stillness(bundle.judgement.distance, outputs_of(model.graph))
        asked = Constant(self.name, self.threshold, self.minimum, self.tolerance, self.batches)
        return StillnessRule(constant_rule(asked, score, model, bundle, timesteps, resources), score)


@dataclass(frozen=True, slots=True)
class Fixed:
    """Leave after a timestep, every sample the same: a run of that many timesteps in a network made for more."""

    name: ClassVar[str] = "fixed"
    fits: ClassVar[bool] = False

    timestep: Annotated[int, Field(ge=1, description="timestep after which every sample leaves")]

    def prepare(self, model: SpikingModel, bundle: Bundle, timesteps: int, resources: Resources) -> ExitRule:
        """Return the rule, which asks for nothing."""
        from snnfw_plugins.exits.rule import TimestepRule

        del model, bundle, resources
        if self.timestep > timesteps:
            raise SnnfwError(
                f"exit.timestep={self.timestep} is after the last timestep: choose one from 1 to {timesteps}."
            )
        return TimestepRule(self.timestep)


def require_minimum(minimum: int, timesteps: int) -> None:
    """Refuse a minimum that no run of so many timesteps can reach."""
    if minimum > timesteps:
        raise SnnfwError(f"exit.minimum={minimum} is after the last timestep: choose one from 1 to {timesteps}.")


@hookimpl
def snnfw_register_exit_policies() -> Iterable[type[ExitPolicy]]:
    """Register ``exit=entropy``, ``exit=confidence``, ``exit=stability`` and ``exit=fixed``."""
    return [Entropy, Confidence, Stability, Fixed]
