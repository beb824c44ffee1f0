from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from networks import ConvNet, captured, converted, noise
from snnfw.capture.graph import Graph
from snnfw.energy.charges import spiking_energy
from snnfw.energy.events import accumulations, spikes
from snnfw.energy.horowitz import Horowitz
from snnfw.energy.inventory import take_inventory
from snnfw.errors import SnnfwError
from snnfw.simulate import group
from snnfw.simulate.memory import bytes_per_step, samples_within, steps_within
from snnfw.simulate.run import simulate
from snnfw.simulate.trace import Trace
from snnfw.spiking.model import SpikingModel
from snnfw.values import Batch, Resources
from snnfw_plugins.adafire import AdaFire

T = 8

Counts = dict[str, float]


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
    earliest: int = 1

    def done(self, output: Any, timestep: int, timesteps: int) -> Tensor:
        leave: Tensor = output.softmax(1).amax(1) > self.threshold
        return leave

    def record(self) -> Mapping[str, Any]:
        return {}


@pytest.fixture(scope="module")
def case() -> tuple[Graph, Tensor, SpikingModel]:
    x = noise(10, 3, 8, 8)
    graph = captured(ConvNet, x)
    return graph, x, converted(graph, AdaFire(phi=2), x, T)


def run(
    model: SpikingModel, x: Tensor, checkpoints: list[int], size: int = 5, **options: Any
) -> tuple[Trace, list[Tensor]]:
    Collect.kept.clear()
    batches = [Batch((part,), torch.zeros(len(part))) for part in x.split(size)]
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


def test_an_exit_costs_the_readouts_it_looks_at() -> None:
    """Two heads behind the last neuron: events reach the first one, and the second multiplies at every reading."""

    class Heads(nn.Sequential):
        def __init__(self) -> None:
            super().__init__(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 5), nn.Linear(5, 4))

    x = noise(6, 3)
    model = converted(captured(Heads, x), AdaFire(), x, T)
    never, fixed = (run(model, x, [T], exit_rule=LeaveAt(2.0, earliest))[0].final for earliest in (1, T))
    plain = run(model, x, [T])[0].final
    looked, unlooked, once = (
        spiking_energy(take_inventory(model.graph, model.plan), Horowitz(), point) for point in (never, fixed, plain)
    )
    assert looked.once == unlooked.once == once.once == 3 * 6 + 5 * 4
    assert (looked.repeated, unlooked.repeated, once.repeated) == ((T - 1) * 5 * 4, 0, 0)
    assert looked.total - once.total == pytest.approx(4.6e-9 * (T - 1) * 5 * 4)
    assert unlooked.total == pytest.approx(once.total)


def one_by_one(model: SpikingModel, x: Tensor, policy: LeaveAt, until: int) -> list[tuple[Tensor, int, Counts, Counts]]:
    """Return each sample's output, timesteps, spikes and accumulations, computed alone."""
    found = []
    for sample in x.split(1):
        model.begin((sample,))
        for t in range(1, until + 1):
            model.advance(1)
            if bool(policy.done(model.read(), t, T)):
                break
        counts = ({name: float(n) for name, n in counted(model).items()} for counted in (spikes, accumulations))
        found.append((model.read(), t, *counts))
    return found


def mean(counts: list[Counts]) -> Counts:
    return {name: sum(one[name] for one in counts) / len(counts) for name in counts[0]}


@pytest.mark.parametrize("threshold", [0.25, 0.3])
@pytest.mark.parametrize("size", [1, 4, 10])
@pytest.mark.parametrize("memory", [1, 2**31])
def test_leaving_a_batch_early_equals_sample_by_sample(
    case: tuple[Graph, Tensor, SpikingModel], threshold: float, size: int, memory: int
) -> None:
    _, x, model = case
    policy, checkpoints = LeaveAt(threshold), [2, 5, T]
    trace, outputs = run(model, x, checkpoints, exit_rule=policy, size=size, memory=memory)
    for point, output in zip(trace.points, outputs, strict=True):
        alone = one_by_one(model, x, policy, point.timestep)
        torch.testing.assert_close(output, torch.cat([one[0] for one in alone]), rtol=1e-12, atol=1e-12)
        steps = [one[1] for one in alone]
        assert point.steps == sum(steps) / len(steps)
        assert point.spikes == pytest.approx(mean([one[2] for one in alone]), rel=1e-12)
        assert point.accumulations == pytest.approx(mean([one[3] for one in alone]), rel=1e-12)
    assert 1 < trace.final.steps < T
    assert trace.exits == {t: steps.count(t) for t in sorted(set(steps))}
    assert sum(t * n for t, n in trace.exits.items()) / sum(trace.exits.values()) == trace.final.steps


def test_finished_samples_stay_in_the_model_until_a_copy_pays(
    case: tuple[Graph, Tensor, SpikingModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, x, model = case
    kept: list[int] = []

    def keeping(samples: Tensor) -> None:
        kept.append(len(samples))
        SpikingModel.keep(model, samples)

    monkeypatch.setattr(model, "keep", keeping)
    prompt, outputs = run(model, x, [3, T], exit_rule=LeaveAt(0.3), size=10)
    going = [len(x) - left for left in accumulate(prompt.exits.values())]
    assert kept == going[:-1]
    assert kept[-1] < 0.3 * len(x) < kept[0]
    kept.clear()
    monkeypatch.setattr(group, "WORTH_A_COPY", 0.7)
    lazy, again = run(model, x, [3, T], exit_rule=LeaveAt(0.3), size=10)
    assert kept == [n for n in going[:-1] if n <= 0.3 * len(x)][:1]
    assert replace(lazy, seconds=0.0) == replace(prompt, seconds=0.0)
    for ours, theirs in zip(again, outputs, strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("earliest", [1, 3, 20])
def test_the_output_is_charged_as_often_as_it_is_read(
    case: tuple[Graph, Tensor, SpikingModel], monkeypatch: pytest.MonkeyPatch, earliest: int
) -> None:
    _, x, model = case
    read: list[int] = []

    def reading() -> Any:
        read.append(model.elapsed)
        return SpikingModel.read(model)

    monkeypatch.setattr(model, "read", reading)
    exits: list[int] = []
    for sample in x.split(1):  # alone, so that every reading is this sample's
        read.clear()
        trace, _ = run(model, sample, [T], exit_rule=LeaveAt(0.3, earliest))
        assert read == list(range(min(earliest, T), int(trace.final.steps) + 1))
        assert trace.final.reads == len(read)
        exits.append(len(read))
    for size in (4, 10):
        trace, _ = run(model, x, [2, T], exit_rule=LeaveAt(0.3, earliest), size=size)
        assert trace.final.reads == sum(exits) / len(exits)
    read.clear()
    assert run(model, x, [T], size=10)[0].final.reads == len(read) == 1


def test_counts_are_taken_once_for_each_sample_and_checkpoint(
    case: tuple[Graph, Tensor, SpikingModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, x, model = case
    counted: list[int] = []

    def counting(model: SpikingModel, samples: Tensor | None = None) -> dict[str, Tensor]:
        counted.append(model.samples if samples is None else len(samples))
        return accumulations(model, samples)

    monkeypatch.setattr(group, "accumulations", counting)
    run(model, x, [T], exit_rule=LeaveAt(0.3))
    assert sum(counted) == len(x)


def test_batches_go_together_as_far_as_memory_allows(case: tuple[Graph, Tensor, SpikingModel]) -> None:
    _, x, model = case
    begun: list[int] = []

    class Watching(LeaveAt):
        def done(self, output: Any, timestep: int, timesteps: int) -> Tensor:
            if timestep == 1:
                begun.append(len(output))
            return super().done(output, timestep, timesteps)

    for memory, wanted in ((2**31, [10]), (1, [4, 4, 2]), (2**40, [10])):
        begun.clear()
        run(model, x, [T], exit_rule=Watching(0.3), size=4, memory=memory)
        assert begun == wanted
    begun.clear()
    run(model, x, [2], exit_rule=Watching(0.3), size=2)  # two timesteps at once are two batches
    assert begun == [4, 4, 2]


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


def test_an_output_may_be_returned_twice_and_hold_what_no_sample_is_in() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.anchors = nn.Linear(3, 4), nn.Parameter(torch.arange(3.0))

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            y = torch.relu(self.layer(x))
            return y, self.anchors * 2, y

    x = noise(6, 3)
    model = converted(captured(Twice, x), AdaFire(), x, T)
    kept: list[Any] = []

    class Keep:
        def update(self, output: Any, target: Any) -> None:
            kept.append(output)

        def compute(self) -> Mapping[str, float]:
            return {}

    @dataclass(frozen=True)
    class Half:
        def done(self, output: Any, timestep: int, timesteps: int) -> Tensor:
            return torch.arange(len(output[0])) % 2 == 0

        def record(self) -> Mapping[str, Any]:
            return {}

    simulate(model, [Batch((part,), torch.zeros(3)) for part in x.split(3)], [T], Keep, Resources(), Half())
    for first, anchors, second in kept:
        torch.testing.assert_close(first, second)
        assert anchors.tolist() == [0.0, 2.0, 4.0]
        assert len(first) == 3
