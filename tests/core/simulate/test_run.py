from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from networks import ConvNet, captured, converted, noise
from snnfw.capture.graph import Graph
from snnfw.contracts import Batch, Resources
from snnfw.errors import SnnfwError
from snnfw.simulate.memory import bytes_per_step, samples_within, steps_within
from snnfw.simulate.run import simulate
from snnfw.simulate.trace import Trace
from snnfw.spiking.model import SpikingModel
from snnfw_plugins.adafire import AdaFire

T = 8


class Collect:
    """A scorer that keeps what it is given."""

    kept: ClassVar[list[Collect]] = []

    def __init__(self) -> None:
        self.outputs: list[Tensor] = []
        Collect.kept.append(self)

    def update(self, output: Any, target: Any) -> None:
        assert len(output) == len(target)
        self.outputs.append(output.clone())

    def compute(self) -> Mapping[str, float]:
        return {"mean": float(torch.cat(self.outputs).mean())}


@dataclass(frozen=True)
class LeaveAt:
    """Let sample i of a batch leave at a timestep of its own, told by its largest output index."""

    name: ClassVar[str] = "leave-at"
    threshold: float

    def done(self, output: Any, timestep: int, timesteps: int) -> Tensor:
        leave: Tensor = output.softmax(1).amax(1) > self.threshold
        return leave


@pytest.fixture(scope="module")
def case() -> tuple[Graph, Tensor, SpikingModel]:
    x = noise(10, 3, 8, 8)
    graph = captured(ConvNet, x)
    return graph, x, converted(graph, AdaFire(phi=2), x, T)


def run(model: SpikingModel, x: Tensor, checkpoints: list[int], **options: Any) -> tuple[Trace, list[Tensor]]:
    Collect.kept.clear()
    batches = [Batch((part,), torch.zeros(len(part))) for part in x.split(5)]
    resources = Resources(memory=options.pop("memory", 2**31))
    trace = simulate(model, batches, checkpoints, Collect, resources, **options)
    return trace, [torch.cat(scorer.outputs) for scorer in Collect.kept]


def test_every_checkpoint_of_one_pass_equals_a_run_of_that_length(
    case: tuple[Graph, Tensor, SpikingModel],
) -> None:
    _, x, model = case
    trace, outputs = run(model, x, [1, 2, 5, 8])
    assert [point.timestep for point in trace.points] == [1, 2, 5, 8]
    assert trace.samples == 10
    for point, output in zip(trace.points, outputs, strict=True):
        for part, ours in zip(x.split(5), output.split(5), strict=True):
            model.begin((part,))
            model.advance(point.timestep)
            torch.testing.assert_close(ours, model.read(), rtol=1e-12, atol=1e-12)


def test_any_memory_budget_gives_the_same_results(case: tuple[Graph, Tensor, SpikingModel]) -> None:
    _, x, model = case
    whole, outputs = run(model, x, [3, 8])
    assert whole.chunk == 5
    for steps in (1, 2, 3):
        budget = bytes_per_step(model) * 5 * steps
        chunked, again = run(model, x, [3, 8], memory=budget)
        assert chunked.chunk == steps
        for ours, theirs in zip(again, outputs, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
        assert chunked.final.spikes == whole.final.spikes


def test_memory_of_a_step_is_what_the_streams_need(case: tuple[Graph, Tensor, SpikingModel]) -> None:
    _, _, model = case
    largest = 8 * 8 * 8 * 8  # one activation of 8 channels of 8 by 8, in bytes of float64
    assert 2 * 2 * largest <= bytes_per_step(model) <= 2 * 4 * largest
    assert steps_within(model, 4, 1) == 1
    assert samples_within(model, 8, 1) == 2


def test_an_exit_lets_samples_leave_with_the_output_they_have(
    case: tuple[Graph, Tensor, SpikingModel],
) -> None:
    _, x, model = case
    policy = LeaveAt(0.3)
    trace, (output,) = run(model, x, [T], exit_rule=policy)
    wanted, steps = [], []
    for i in range(len(x)):
        model.begin((x[i : i + 1],))
        for t in range(1, T + 1):
            model.advance(1)
            if bool(policy.done(model.read(), t, T)):
                break
        wanted.append(model.read())
        steps.append(t)
    torch.testing.assert_close(output, torch.cat(wanted), rtol=1e-12, atol=1e-12)
    assert trace.final.steps == pytest.approx(sum(steps) / len(steps))
    assert 1 < trace.final.steps < T
    assert trace.exits == {t: steps.count(t) for t in sorted(set(steps))}
    assert sum(trace.exits.values()) == len(x)


def test_samples_that_left_are_scored_again_at_later_checkpoints(
    case: tuple[Graph, Tensor, SpikingModel],
) -> None:
    _, x, model = case
    trace, outputs = run(model, x, [1, 4, T], exit_rule=LeaveAt(-1.0))
    assert trace.exits == {1: 10}
    assert all(torch.equal(output, outputs[0]) for output in outputs)
    assert [point.steps for point in trace.points] == [1.0, 1.0, 1.0]
    assert trace.points[0].spikes == trace.points[2].spikes


def test_an_exit_that_never_comes_is_a_run_of_fixed_length(case: tuple[Graph, Tensor, SpikingModel]) -> None:
    _, x, model = case
    _, plain = run(model, x, [T])
    trace, exiting = run(model, x, [T], exit_rule=LeaveAt(2.0))
    assert trace.exits == {T: 10}
    torch.testing.assert_close(exiting[0], plain[0], rtol=1e-12, atol=1e-12)


def test_an_empty_data_set_is_refused(case: tuple[Graph, Tensor, SpikingModel]) -> None:
    _, _, model = case
    with pytest.raises(SnnfwError, match="^there is no evaluation data: the data set is empty.$"):
        simulate(model, [], [T], Collect, Resources())


def test_nan_in_evaluation_data_is_refused(case: tuple[Graph, Tensor, SpikingModel]) -> None:
    _, x, model = case
    bad = torch.full_like(x[:2], float("inf"))
    with pytest.raises(SnnfwError, match="^evaluation batch 0 holds NaN or infinite values: clean the data.$"):
        simulate(model, [Batch((bad,), torch.zeros(2))], [T], Collect, Resources())


def test_trees_of_outputs_can_leave_early_too() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 4)

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            y = torch.relu(self.layer(x))
            return {"logits": y, "twice": 2 * y}

    x = noise(6, 3)
    model = converted(captured(Two, x), AdaFire(), x, T)
    kept: list[dict[str, Tensor]] = []

    class Keep:
        def update(self, output: Any, target: Any) -> None:
            kept.append(output)

        def compute(self) -> Mapping[str, float]:
            return {}

    @dataclass(frozen=True)
    class First:
        name: ClassVar[str] = "first"

        def done(self, output: Any, timestep: int, timesteps: int) -> Tensor:
            return torch.arange(len(output["logits"])) == 0

        def record(self) -> Mapping[str, Any]:
            return {}

    simulate(model, [Batch((x,), torch.zeros(6))], [T], Keep, Resources(), First())
    torch.testing.assert_close(kept[0]["twice"], 2 * kept[0]["logits"])
