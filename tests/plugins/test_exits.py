from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from networks import ConvNet, captured, converted, noise
from snnfw.config.resolution import resolve
from snnfw.contracts import ExitPolicy
from snnfw.errors import SnnfwError
from snnfw.registry import Registry
from snnfw.simulate.run import simulate
from snnfw.simulate.trace import Trace
from snnfw.spiking.model import SpikingModel
from snnfw.values import Batch, Bundle, Data, Judgement, Resources
from snnfw_plugins import adafire, exits
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.exits import Confidence, Entropy, Fixed, Stability
from snnfw_plugins.exits.rule import ThresholdRule
from snnfw_plugins.exits.scores import certainty, confidence
from snnfw_plugins.exits.search import rises, search_thresholds
from snnfw_plugins.exits.study import GRID, Study
from snnfw_plugins.exits.thresholds import Rise, rising_thresholds
from snnfw_tasks.classification import task as classification

T = 8
FALLING = torch.tensor([0.6, 0.3, 0.15, 0.1], dtype=torch.float64)


class Right:
    """Count right answers."""

    def __init__(self) -> None:
        self.right: list[Tensor] = []

    def update(self, output: Any, target: Any) -> None:
        self.right.append(right(output, target))

    def compute(self) -> Mapping[str, float]:
        return {"accuracy": float(torch.cat(self.right).double().mean())}


class Dense(nn.Module):
    """A class for every pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, 4, H, W]."""
        return 4 * self.head(torch.relu(self.conv(x)))  # type: ignore[no-any-return]  # Conv2d


def right(output: Tensor, target: Tensor) -> Tensor:
    return (output.argmax(1) == target).flatten(1).all(1) if output.ndim > 2 else output.argmax(1) == target


def bundle(net: nn.Module, x: Tensor, target: Tensor) -> Bundle:
    batches = [Batch((part,), of) for part, of in zip(x.split(6), target.split(6), strict=True)]
    return Bundle(
        model=net,
        example=(x[:2],),
        data=Data(calibration=[(x,)], evaluation=[], tuning=batches),
        judgement=Judgement(scorer=Right, headline="accuracy", logits=lambda output: output, correct=right),
    )


@pytest.fixture(scope="module")
def case() -> tuple[SpikingModel, Bundle]:
    x = noise(16, 3, 8, 8)
    graph = captured(ConvNet, x)
    return converted(graph, AdaFire(phi=2), x, T), bundle(graph.module, x, graph(x).argmax(1))


def run(case: tuple[SpikingModel, Bundle], policy: ExitPolicy | None, *checkpoints: int) -> Trace:
    """Run on the samples that the policy is calibrated with."""
    model, toy = case
    rule = policy.prepare(model, toy, T, Resources()) if policy else None
    assert toy.data.tuning is not None
    return simulate(model, toy.data.tuning, checkpoints or (T,), toy.judgement.scorer, Resources(), rule)


def test_even_classes_are_not_certain_and_a_single_one_is() -> None:
    even, single = torch.zeros(2, 5), 1e4 * torch.eye(5)[:2]
    assert certainty(even).tolist() == pytest.approx([0.0, 0.0], abs=1e-15)
    assert confidence(even).tolist() == pytest.approx([0.2, 0.2])
    assert certainty(single).tolist() == [1.0, 1.0]
    assert confidence(single).tolist() == [1.0, 1.0]


def test_scores_are_those_of_the_formula_in_double_precision() -> None:
    logits = 3 * noise(4, 6).float()
    p = logits.double().softmax(1)
    torch.testing.assert_close(certainty(logits), 1 + (p * p.log()).sum(1) / torch.tensor(6.0).double().log())
    torch.testing.assert_close(confidence(logits), p.max(1)[0])


def test_dense_logits_are_judged_pixel_by_pixel_and_averaged() -> None:
    logits = 3 * noise(2, 4, 3, 5)
    pixels = logits.movedim(1, -1).reshape(2 * 3 * 5, 4)
    for judge in (certainty, confidence):
        torch.testing.assert_close(judge(logits), judge(pixels).reshape(2, 15).mean(1))


def alpha(policy: Entropy, entropy: Tensor) -> tuple[tuple[float, ...], list[float]]:
    return rising_thresholds(entropy, Rise(policy.base, policy.beta, policy.delta), policy.sign)


def test_thresholds_follow_the_entropy_as_published_code_has_it() -> None:
    thresholds, means = alpha(Entropy(), FALLING)
    assert thresholds == pytest.approx((0.8426, 0.9275, 0.9805, 1.0), abs=5e-5)
    assert means == FALLING.tolist()


def test_thresholds_with_the_sign_of_the_paper_fall() -> None:
    thresholds, _ = alpha(Entropy(sign="paper"), FALLING)
    assert thresholds == pytest.approx((1.0, 0.8963, 0.8551, 0.8426), abs=5e-5)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("sign", ["shannon", "paper"])
def test_thresholds_are_between_base_and_base_plus_beta(seed: int, sign: Any) -> None:
    entropy = noise(7, seed=seed).sigmoid()
    policy = Entropy(base=0.3, beta=0.5, delta=0.2, sign=sign)
    thresholds = torch.tensor(alpha(policy, entropy)[0])
    assert 0.3 < thresholds.min() < thresholds.max() == pytest.approx(0.8)
    assert thresholds.argmax() == (entropy.argmin() if sign == "shannon" else entropy.argmax())


@pytest.mark.parametrize("sign", ["shannon", "paper"])
def test_equal_entropies_give_equal_thresholds(sign: Any) -> None:
    assert alpha(Entropy(sign=sign), torch.full((4,), 0.25).double())[0] == (1.0,) * 4


@pytest.mark.parametrize("sign", ["shannon", "paper"])
def test_nobody_leaves_where_no_calibration_sample_is_right(sign: Any) -> None:
    entropy = torch.tensor([float("nan"), 0.6, 0.3, 0.15, 0.1], dtype=torch.float64)
    thresholds, means = alpha(Entropy(sign=sign), entropy)
    assert (thresholds[0], means[0]) == (1.0, 1.0)
    assert thresholds[1:] == alpha(Entropy(sign=sign), FALLING)[0]


def test_a_sum_of_logits_is_judged_as_the_mean_times_the_timestep() -> None:
    toy = bundle(nn.Identity(), noise(6, 5), torch.zeros(6).long())
    logits = 0.2 * noise(6, 5, seed=1)
    for policy in (Confidence(logits="sum"), Confidence(logits="mean")):
        rule: Any = policy.prepare(Any, replace(toy, data=replace(toy.data, tuning=None)), T, Resources())  # type: ignore[arg-type]  # no model
        expected = (3 * logits if policy.logits == "sum" else logits).softmax(1).amax(1)
        torch.testing.assert_close(rule.score(logits, 3), expected)


@pytest.mark.parametrize("policy", [Entropy(base=1.1), Confidence(threshold=1.1), Entropy(minimum=T), Fixed(T)])
def test_thresholds_that_nobody_reaches_make_a_run_of_fixed_length(
    case: tuple[SpikingModel, Bundle], policy: ExitPolicy
) -> None:
    trace, plain = run(case, policy, 4, T), run(case, None, 4, T)
    assert trace.exits == {T: 16}
    for ours, theirs in zip(trace.points, plain.points, strict=True):
        assert (ours.scores, ours.steps, ours.spikes) == (theirs.scores, theirs.steps, theirs.spikes)
        assert ours.accumulations == theirs.accumulations


@pytest.mark.parametrize("policy", [Entropy(base=-1, beta=0), Confidence(threshold=-1), Fixed(1)])
def test_thresholds_that_everybody_reaches_make_a_run_of_one_timestep(
    case: tuple[SpikingModel, Bundle], policy: ExitPolicy
) -> None:
    trace, plain = run(case, policy, 1, T), run(case, None, 1)
    assert trace.exits == {1: 16}
    for point in trace.points:
        assert (point.steps, point.scores, point.spikes) == (1.0, plain.final.scores, plain.final.spikes)


@pytest.mark.parametrize("policy", [Entropy(base=-1, beta=0, minimum=3), Confidence(threshold=0, minimum=3), Fixed(3)])
def test_nobody_leaves_before_the_minimum(case: tuple[SpikingModel, Bundle], policy: ExitPolicy) -> None:
    assert run(case, policy).exits == {3: 16}


@pytest.mark.parametrize(
    "policy",
    [
        Entropy(base=0.1, beta=0.3),
        Entropy(base=0.1, beta=0.3, sign="paper", correct_only=False),
        Entropy(base=0.02, beta=0.1, logits="mean", minimum=2),
        Confidence(threshold=0.6),
        Confidence(threshold=0.35, logits="mean", minimum=2),
    ],
)
def test_a_run_on_the_calibration_samples_does_what_the_record_expects(
    case: tuple[SpikingModel, Bundle], policy: Entropy | Confidence
) -> None:
    trace = run(case, policy)
    record = policy.prepare(*case, T, Resources()).record()
    assert 1 < trace.final.steps < T
    assert record["expected"] == {"mean_steps": trace.final.steps, "score": trace.final.scores["accuracy"]}
    assert sum(t * n for t, n in trace.exits.items()) / 16 == trace.final.steps
    assert (record["policy"], len(record["thresholds"])) == (policy.name, T)
    assert json.loads(json.dumps(record)) == record


def test_a_sweep_tells_what_constant_thresholds_do(case: tuple[SpikingModel, Bundle]) -> None:
    sweep = Confidence().prepare(*case, T, Resources()).record()["sweep"]
    assert [point["threshold"] for point in sweep] == list(GRID)
    steps = [point["mean_steps"] for point in sweep]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (1.0, T)
    for point in sweep[::4]:
        trace = run(case, Confidence(threshold=point["threshold"]))
        assert (point["mean_steps"], point["score"]) == (trace.final.steps, trace.final.scores["accuracy"])


def test_an_outcome_is_decided_sample_by_sample() -> None:
    scores, minimum = noise(T, 20, seed=2).sigmoid(), 3
    right = noise(T, 20, seed=3) > 0
    thresholds = noise(T, seed=4).sigmoid().tolist()
    exits_at = []
    for sample in range(20):
        reached = [t for t in range(minimum, T) if scores[t - 1, sample] > thresholds[t - 1]]
        exits_at.append([*reached, T][0])
    score = sum(bool(right[t - 1, sample]) for sample, t in enumerate(exits_at)) / 20
    assert Study(scores, right).outcome(thresholds, minimum) == {"mean_steps": sum(exits_at) / 20, "score": score}
    assert Study(scores, None).outcome(thresholds, minimum)["score"] is None


def test_the_mean_entropy_is_that_of_the_samples_that_are_right(case: tuple[SpikingModel, Bundle]) -> None:
    model, toy = case
    assert toy.data.tuning is not None
    entropies: list[list[float]] = [[] for _ in range(T)]
    for batch in toy.data.tuning:
        model.begin(batch.inputs)
        for t in range(T):
            model.advance(1)
            entropy = 1 - certainty((t + 1) * model.read())
            entropies[t] += entropy[right(model.read(), batch.target)].tolist()
    wanted = [sum(found) / len(found) if found else 1.0 for found in entropies]
    assert Entropy().prepare(model, toy, T, Resources()).record()["mean_entropy"] == pytest.approx(wanted)


def test_calibration_reads_so_many_batches_and_no_more(case: tuple[SpikingModel, Bundle]) -> None:
    model, toy = case
    assert toy.data.tuning is not None
    first = replace(toy, data=replace(toy.data, tuning=list(toy.data.tuning)[:1]))
    for policy in (Entropy(batches=1), Confidence(batches=1)):
        record = policy.prepare(model, toy, T, Resources()).record()
        assert record == policy.prepare(model, first, T, Resources()).record()
        assert record != replace(policy, batches=10).prepare(model, toy, T, Resources()).record()


def test_samples_of_dense_outputs_leave_early() -> None:
    x = noise(12, 3, 6, 6)
    graph = captured(Dense, x)
    model = converted(graph, AdaFire(phi=2), x, T)
    toy = bundle(graph.module, x, graph(x).argmax(1))
    trace = run((model, toy), Entropy(base=0.2, beta=0.2))
    assert 1 < trace.final.steps < T
    assert run((model, toy), Confidence(threshold=0.7)).final.steps < T


def changed(of: Tensor, to: Tensor) -> Tensor:
    """Return the share of classes whose rank has changed, [N]."""
    return (of.argsort(1) != to.argsort(1)).double().flatten(1).mean(1)


@pytest.mark.parametrize("minimum", [2, 4])
def test_a_sample_leaves_once_its_output_is_still(case: tuple[SpikingModel, Bundle], minimum: int) -> None:
    model, toy = case
    policy = Stability(threshold=0.8, minimum=minimum)
    trace = run((model, replace(toy, judgement=replace(toy.judgement, distance=changed))), policy)
    assert toy.data.tuning is not None
    alone = []
    for batch in toy.data.tuning:
        for n in range(len(batch.target)):
            model.begin((batch.inputs[0][n : n + 1],))
            outputs = []
            for _ in range(T):
                model.advance(1)
                outputs.append(model.read())
            still = [t + 1 for t in range(1, T) if 1 - changed(outputs[t], outputs[t - 1]).item() > 0.8]
            alone.append(next((t for t in still if t >= minimum), T))
    assert len(set(alone)) > 2
    assert trace.exits == {t: alone.count(t) for t in sorted(set(alone))}


def test_calibration_says_what_a_stability_will_do(case: tuple[SpikingModel, Bundle]) -> None:
    model, toy = case
    judged = replace(toy, judgement=replace(toy.judgement, distance=changed))
    record = Stability(threshold=0.8).prepare(model, judged, T, Resources()).record()
    trace = run((model, judged), Stability(threshold=0.8))
    assert record["policy"] == "stability"
    assert record["expected"]["mean_steps"] == pytest.approx(trace.final.steps)
    assert record["expected"]["score"] == pytest.approx(trace.final.scores["accuracy"])


def test_partly_right_samples_count_by_their_part() -> None:
    scores = torch.tensor([[0.2, 0.6], [0.4, 0.8]], dtype=torch.float64)
    study = Study(scores, torch.tensor([[0.5, 0.25], [1.0, 0.0]], dtype=torch.float64))
    assert study.right_mean().tolist() == pytest.approx([(0.1 + 0.15) / 0.75, 0.4])
    assert study.outcome([0.5, 0.5], 1) == {"mean_steps": 1.5, "score": pytest.approx((1.0 + 0.25) / 2)}


def test_without_targets_a_constant_threshold_works_all_the_same(case: tuple[SpikingModel, Bundle]) -> None:
    model, toy = case
    rule: Any = Confidence(threshold=0.6).prepare(
        model, replace(toy, data=replace(toy.data, tuning=None)), T, Resources()
    )
    assert rule.record().keys() == {"policy", "explained", "thresholds"}
    assert rule.record()["thresholds"] == [0.6] * T
    sweep = (
        Confidence()
        .prepare(model, replace(toy, judgement=replace(toy.judgement, correct=None)), T, Resources())
        .record()["sweep"]
    )
    assert {point["score"] for point in sweep} == {None}


def test_a_fixed_exit_says_when() -> None:
    rule = Fixed(3).prepare(Any, Any, T, Resources())  # type: ignore[arg-type]  # it asks for neither
    said = "Every sample leaves after 3 timesteps, in a network that was made for more: nothing was fitted."
    assert rule.record() == {"policy": "fixed", "explained": [said], "timestep": 3}
    assert rule.done({"boxes": torch.zeros(4, 2)}, 2, T).tolist() == [False] * 4


def test_scores_that_are_not_numbers_keep_a_sample_in() -> None:
    rule = ThresholdRule("confidence", lambda output, _: output, (0.0,))
    assert rule.done(torch.tensor([float("nan"), 0.5]), 1, 1).tolist() == [False, True]


NO_LOGITS = "exit={} judges logits, and this task has none: leave exit out, or use exit=fixed."
ONE_CLASS = "exit={} compares classes, and the task's logits have only one: use exit=fixed."
LATE = "is after the last timestep: choose one from 1 to 8."
NO_TUNING = "this task has no targets for its calibration data, from which exit thresholds are learnt."
CANNOT_TELL = "this task cannot tell which samples are right, as exit=entropy asks: use exit.correct_only=false."
NOBODY_RIGHT = (
    "no calibration sample is right after any timestep, so that there is no entropy to set thresholds by: use more "
    "timesteps, or exit.correct_only=false."
)
REFUSED: list[tuple[ExitPolicy, dict[str, Any], str]] = [
    (Entropy(), {"logits": None}, NO_LOGITS.format("entropy")),
    (Confidence(), {"logits": None}, NO_LOGITS.format("confidence")),
    (Entropy(), {"logits": lambda output: output[:, :1]}, ONE_CLASS.format("entropy")),
    (Confidence(), {"logits": lambda output: output[:, :1]}, ONE_CLASS.format("confidence")),
    (Entropy(), {"tuning": None}, NO_TUNING),
    (Entropy(), {"tuning": []}, "there is no calibration data: give at least one batch."),
    (Entropy(), {"correct": None}, CANNOT_TELL),
    (Entropy(), {"correct": lambda output, target: torch.zeros(len(output)).bool()}, NOBODY_RIGHT),
    (Entropy(minimum=9), {}, f"exit.minimum=9 {LATE}"),
    (Confidence(minimum=9), {}, f"exit.minimum=9 {LATE}"),
    (Fixed(9), {}, f"exit.timestep=9 {LATE}"),
    (Stability(minimum=9), {}, f"exit.minimum=9 {LATE}"),
    (
        Stability(),
        {},
        "exit=stability asks how far two outputs are apart, and this task has no distance: use exit=confidence or "
        "exit=fixed.",
    ),
]


@pytest.mark.parametrize(("policy", "changed", "told"), REFUSED)
def test_what_a_policy_lacks_is_named(
    case: tuple[SpikingModel, Bundle], policy: ExitPolicy, changed: dict[str, Any], told: str
) -> None:
    model, toy = case
    data = replace(toy.data, **{name: value for name, value in changed.items() if hasattr(toy.data, name)})
    others = {name: value for name, value in changed.items() if hasattr(toy.judgement, name)}
    judgement = replace(toy.judgement, **others)
    with pytest.raises(SnnfwError) as caught:
        policy.prepare(model, replace(toy, data=data, judgement=judgement), T, Resources())
    assert str(caught.value) == told


MISTAKES = {
    "exit=entropy exit.latency=0.5": "exit.latency=0.5 is not allowed: it must be at least 1.",
    "exit=entropy exit.latency=2 exit.tolerance=0.01": (
        "exit policy 'entropy' is not possible with these values: latency bounds the timesteps and tolerance the loss: "
        "leave one out (tolerance=null)."
    ),
    "exit=entropie": (
        "no exit policy named 'entropie'. Did you mean 'entropy'? Registered: confidence, entropy, fixed, stability."
    ),
    "exit=confidence exit.threshold=1.5": "exit.threshold=1.5 is not allowed: it must be at most 1.",
    "exit=confidence exit.threshold=-0.5": "exit.threshold=-0.5 is not allowed: it must be at least 0.",
    "exit=confidence exit.logits=max": "exit.logits=max is not allowed: it must be 'sum' or 'mean'.",
    "exit=entropy exit.base=2": "exit.base=2 is not allowed: it must be at most 1.",
    "exit=entropy exit.beta=-1": "exit.beta=-1 is not allowed: it must be at least 0.",
    "exit=entropy exit.delta=0": "exit.delta=0 is not allowed: it must be greater than 0.",
    "exit=entropy exit.sign=minus": "exit.sign=minus is not allowed: it must be 'shannon' or 'paper'.",
    "exit=entropy exit.minimum=0": "exit.minimum=0 is not allowed: it must be at least 1.",
    "exit=entropy exit.batches=0": "exit.batches=0 is not allowed: it must be at least 1.",
    "exit=entropy exit.threshold=0.5": (
        "exit policy 'entropy' has no parameter 'threshold'. Did you mean 'batches'? Its parameters: base, beta, delta, "
        "sign, logits, correct_only, minimum, tolerance, latency, batches."
    ),
    "exit=fixed": "exit policy 'fixed' needs a value for 'timestep': give exit.timestep=...",
    "exit=fixed exit.timestep=0": "exit.timestep=0 is not allowed: it must be at least 1.",
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry(plugins=[exits, adafire, classification], entry_points=False)


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_at_the_door_is_one_sentence(registry: Registry, words: str) -> None:
    with pytest.raises(SnnfwError) as caught:
        resolve(["task=classification", "neuron=adafire", *words.split()], registry)
    assert str(caught.value) == MISTAKES[words]


def test_parameters_are_given_by_name(registry: Registry) -> None:
    words = ["task=classification", "neuron=adafire", "exit=entropy", "exit.base=0.5", "exit.sign=paper"]
    assert resolve(words, registry).exit == Entropy(base=0.5, sign="paper")


@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize("latency", [1.5, 2.5, 4.0])
def test_a_latency_takes_the_most_right_of_all_thresholds_within_it(constant: bool, latency: float) -> None:
    generator = torch.Generator().manual_seed(3)
    scores = torch.rand(T, 12, generator=generator, dtype=torch.float64).cumsum(0) / T
    right = torch.rand(T, 12, generator=generator) < torch.linspace(0.3, 1.0, T)[:, None]
    study, entropy = Study(scores, right), torch.linspace(0.8, 0.1, T, dtype=torch.float64)
    best, told = search_thresholds(study, entropy, latency, 1, "shannon", constant)

    def outcome(rise: Rise) -> tuple[float, float]:
        """Return the share that leaves right, and the mean exit, sample by sample."""
        alphas = [rise.base + rise.beta * math.exp(-(float(e) - 0.1) / rise.delta) for e in entropy]
        exits = [next((t for t in range(T) if scores[t, s] > alphas[t]), T - 1) for s in range(12)]
        return sum(bool(right[t, s]) for s, t in enumerate(exits)) / 12, sum(t + 1 for t in exits) / 12

    tried = {rise: outcome(rise) for rise in rises(constant)}
    within = {rise: (score, -steps) for rise, (score, steps) in tried.items() if steps <= latency}
    assert tried[best][1] <= latency
    assert within[best] == max(within.values())
    assert told["searched"]["tried"] == len(tried)
    assert told["searched"]["within"] == len(within)
    assert not constant or best.beta == 0


def test_a_latency_that_the_minimum_forbids_is_refused() -> None:
    study = Study(torch.ones(T, 4, dtype=torch.float64), torch.ones(T, 4))
    with pytest.raises(SnnfwError) as caught:
        search_thresholds(study, torch.ones(T, dtype=torch.float64), 1.5, 2, "shannon", True)
    assert str(caught.value) == (
        "exit.latency=1.5 cannot be met: none of 27 thresholds lets samples leave so soon on average. Give a larger "
        "one, or less than exit.minimum=2."
    )


def test_a_run_keeps_the_latency_on_the_samples_that_it_was_searched_on(case: tuple[SpikingModel, Bundle]) -> None:
    policy = Entropy(latency=3.0)
    trace = run(case, policy)
    record = policy.prepare(*case, T, Resources()).record()
    assert trace.final.steps <= 3.0
    assert record["expected"] == {"mean_steps": trace.final.steps, "score": trace.final.scores["accuracy"]}
    assert record["searched"]["latency"] == 3.0


def test_a_tolerance_raises_the_minimum_until_little_is_lost() -> None:
    scores = torch.full((T, 10), 0.9, dtype=torch.float64)
    right = torch.zeros(T, 10, dtype=torch.bool)
    for step in range(T):
        right[step, : min(10, 4 + step)] = True  # 4, 5, 6 ... of ten
    study = Study(scores, right)
    thresholds = [0.5] * T
    final = min(10, 3 + T)
    for lost in range(3):
        minimum = study.safe_minimum(thresholds, 1, lost / 10 + 1e-9)
        assert min(10, 3 + minimum) == final - lost
        assert study.outcome(thresholds, minimum)["score"] == pytest.approx((final - lost) / 10)
    assert study.safe_minimum(thresholds, 2, None) == 2
    assert study.safe_minimum(thresholds, T, 1.0) == T


def test_a_tolerance_needs_to_know_who_is_right() -> None:
    with pytest.raises(SnnfwError) as caught:
        Study(torch.zeros(T, 2), None).safe_minimum([0.5] * T, 1, 0.1)
    assert str(caught.value) == "this task cannot tell which samples are right, as exit.tolerance asks: leave it out."
