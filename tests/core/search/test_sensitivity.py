from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from networks import ConvNet, captured, noise, small_vit
from snnfw.capture.graph import Graph
from snnfw.conversion.converter import Converter
from snnfw.conversion.direct import Direct
from snnfw.energy.charges import Counts, event_energy
from snnfw.energy.events import accumulations, spikes
from snnfw.energy.horowitz import Horowitz
from snnfw.energy.inventory import take_inventory
from snnfw.errors import SnnfwError
from snnfw.files import cache_folder
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.planning.placement import Plan, place
from snnfw.planning.rules import Neuron, Rule
from snnfw.search.questions import Question
from snnfw.search.sensitivity import Table, measure
from snnfw.search.trials import Trials
from snnfw.spiking.model import SpikingModel
from snnfw.values import Data, Item, Judgement, Keep, Output, Resources, Scorer, SiteStats
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.calibration import Calibration
from snnfw_plugins.lemaire import Lemaire
from snnfw_plugins.tracking import Tracking

T = 3
PHI = (1, 2, 4)


class Chain(nn.Sequential):
    """Several layers, each cheap: what precedes a site matters."""

    def __init__(self) -> None:
        layers = [layer for _ in range(5) for layer in (nn.Linear(8, 8), nn.ReLU())]
        super().__init__(*layers, nn.Linear(8, 4))


class Dense(nn.Module):
    """Concatenations of all that came before, as in a DenseNet, and a second output with places of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Conv2d(2, 4, 1), nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(8, 4, 1)
        self.last, self.head = nn.Conv2d(12, 6, 1), nn.Conv2d(6, 5, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits [N, 5] and logits at places [N, 5, H, W]."""
        x = F.relu(self.first(x))
        x = torch.cat([x, F.relu(self.second(x))], 1)
        x = torch.cat([x, F.relu(self.third(x))], 1)
        places = self.head(F.relu(self.last(F.avg_pool2d(x, 2))))
        return places.mean((2, 3)), places


NETWORKS = {"residual": (ConvNet, (5, 3, 8, 8)), "dense": (Dense, (5, 2, 6, 6)), "chain": (Chain, (6, 8))}


def first(output: Output) -> Tensor:
    """Return the first tensor of an output."""
    found: Tensor = output if isinstance(output, Tensor) else output[0]
    return found


def second(output: Output) -> Tensor:
    found: Tensor = output[1]
    return found


def squared(of: Output, to: Output) -> Tensor:
    return (first(of) - first(to)).square().flatten(1).sum(1)


def never_scored() -> Scorer:
    raise AssertionError("nothing is scored here")


def trials_of(graph: Graph, x: Tensor, converter: Converter | None = None, **changes: Any) -> Trials:
    """Return trials in two calibration batches."""
    resources = replace(Resources(backend="reference"), **changes.pop("resources", {}))
    judgement = replace(Judgement(never_scored, "accuracy", logits=first), **changes)
    data = Data([(part,) for part in x.split(3)], ())
    return Trials(graph, data, judgement, converter or Direct(), T, Horowitz(), resources)


def planned(graph: Graph, neuron: Neuron | None = None) -> Plan:
    rules = (Rule("*", neuron or AdaFire(), activation="relu", optional=True), Rule("*", Tracking(), optional=True))
    return place(graph, rules)


def names(plan: Plan) -> list[str]:
    return [placement.site.name for placement in plan.placements]


def everywhere(plan: Plan, neurons: Iterable[Neuron]) -> dict[str, list[Neuron]]:
    return {site: list(neurons) for site in names(plan)}


def bursts(plan: Plan) -> dict[str, list[Neuron]]:
    return everywhere(plan, [AdaFire(phi=phi) for phi in PHI])


def in_full(plan: Plan, site: str, neuron: Neuron, trials: Trials, x: Tensor) -> SpikingModel:
    """Convert the plan, build another neuron at one site on what it has there, and run it all."""
    model = trials.convert(plan)
    changed = plan.with_neuron(site, neuron)
    neurons = {}
    for placed, own in model.site_neurons():
        stats = SiteStats(own.threshold, own.initial, own.offset)
        neurons[placed.name] = neuron.build(placed, stats, T) if placed.name == site else own
    other = SpikingModel(trials.graph, changed, neurons, T)
    other(x)
    return other


def kl(p: Tensor, q: Tensor) -> float:
    p, q = p.movedim(1, -1).softmax(-1), q.movedim(1, -1).softmax(-1)
    return float(F.kl_div(q.log(), p, reduction="none").sum(-1).mean())


@pytest.fixture(scope="module", params=NETWORKS)
def case(request: pytest.FixtureRequest) -> tuple[Graph, Tensor]:
    build, shape = NETWORKS[request.param]
    x = noise(*shape)
    return captured(build, x), x


@pytest.fixture(scope="module")
def chain() -> tuple[Graph, Tensor]:
    x = noise(6, 8)
    return captured(Chain, x), x


@pytest.fixture(scope="module")
def residual() -> tuple[Graph, Tensor]:
    x = noise(5, 3, 8, 8)
    return captured(ConvNet, x), x


@pytest.mark.parametrize("converter", [Direct(), Calibration(potential=True)])
def test_every_value_is_that_of_a_whole_run(case: tuple[Graph, Tensor], converter: Converter, tmp_path: Path) -> None:
    graph, x = case
    plan, trials = planned(graph), trials_of(graph, x, converter)
    table = measure(plan, bursts(plan), Question(), trials, tmp_path)
    wanted = first(graph(x))
    assert table.sites == tuple(names(plan))
    assert table.candidates == (tuple(AdaFire(phi=phi) for phi in PHI),) * len(table.sites)
    for row, site in enumerate(table.sites):
        for column, phi in enumerate(PHI):
            model = in_full(plan, site, AdaFire(phi=phi), trials, x)
            found = first(model.read())
            sensitivity = (kl(wanted, found) + kl(found, wanted)) / 2
            assert table.sensitivity[row][column] == pytest.approx(sensitivity, rel=1e-12, abs=1e-15)
            fan_out = sum(float(v.mean()) for v in accumulations(model, only=site_of(model, site)).values())
            assert table.cost[row][column] == pytest.approx(0.9e-9 * fan_out, rel=1e-12)
        assert table.sensitivity[row][PHI.index(4)] == table.baseline  # the plan's own neuron


def site_of(model: SpikingModel, name: str) -> Any:
    return next(site for site, _ in model.site_neurons() if site.name == name)


def test_a_transformer_of_tracking_neurons_is_measured_as_well(tmp_path: Path) -> None:
    x = noise(3, 3, 32, 32)
    graph = captured(small_vit, x)
    plan, trials = planned(graph), trials_of(graph, x)
    table = measure(plan, everywhere(plan, [Tracking(phi=1)]), Question("kl", "spikes"), trials, tmp_path)
    for site, (sensitivity,), (cost,) in zip(table.sites, table.sensitivity, table.cost, strict=True):
        model = in_full(plan, site, Tracking(phi=1), trials, x)
        assert sensitivity == pytest.approx(kl(graph(x), model.read()), rel=1e-12)
        assert cost == float(spikes(model)[site].mean())


def test_candidates_can_have_the_thresholds_that_the_converter_finds_for_them(
    residual: tuple[Graph, Tensor], tmp_path: Path
) -> None:
    graph, x = residual
    plan, trials = planned(graph), trials_of(graph, x, Calibration())
    (one, two) = names(plan)
    asked = {one: [AdaFire(phi=1), AdaFire(phi=4), AdaFire(phi=2)], two: [AdaFire(phi=2)]}
    table = measure(plan, asked, Question(thresholds="own"), trials, tmp_path)
    variants = [
        plan.with_neuron(one, AdaFire(phi=1)).with_neuron(two, AdaFire(phi=2)),
        None,
        plan.with_neuron(one, AdaFire(phi=2)),
    ]
    for row, (site, neurons) in enumerate(asked.items()):
        for column, variant in enumerate(variants[: len(neurons)]):
            model = trials.convert(plan)
            if variant:
                model.neurons[site_of(model, site).node] = neuron_of(trials.convert(variant), site)
            output = model(x)
            sensitivity = (kl(graph(x), output) + kl(output, graph(x))) / 2
            assert table.sensitivity[row][column] == pytest.approx(sensitivity, rel=1e-12)
    kept = measure(plan, asked, Question(), trials, tmp_path)
    assert kept.sensitivity[0][1] == table.sensitivity[0][1] == table.baseline
    assert kept.sensitivity[0][0] != table.sensitivity[0][0]


def neuron_of(model: SpikingModel, name: str) -> SpikingNeuron:
    return next(neuron for site, neuron in model.site_neurons() if site.name == name)


def test_costs_of_all_sites_add_up_to_the_models_accumulations(case: tuple[Graph, Tensor], tmp_path: Path) -> None:
    graph, x = case
    plan, trials = planned(graph), trials_of(graph, x)
    table = measure(plan, everywhere(plan, [AdaFire()]), Question(), trials, tmp_path)
    model = trials.convert(plan)
    model(x)
    whole = sum(float(values.mean()) for values in accumulations(model).values())
    assert sum(row[0] for row in table.cost) == pytest.approx(0.9e-9 * whole, rel=1e-12)


def test_costs_are_those_of_the_energy_model(case: tuple[Graph, Tensor], tmp_path: Path) -> None:
    """Of Lemaire's, a site's events cost their resets and the memories that they wake too, and no timestep."""
    graph, x = case
    plan, trials = planned(graph), replace(trials_of(graph, x), costs=Lemaire())
    table = measure(plan, everywhere(plan, [AdaFire()]), Question(), trials, tmp_path)
    model = trials.convert(plan)
    model(x)
    counted = [{name: float(values.mean()) for name, values in each(model).items()} for each in (spikes, accumulations)]
    whole = event_energy(take_inventory(graph, plan), Lemaire(), Counts(T, 1, *counted))
    assert sum(row[0] for row in table.cost) == pytest.approx(whole, rel=1e-12)


def test_behind_a_maximum_over_a_sum_of_sites_costs_add_up_to_more(tmp_path: Path) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.last = nn.Conv2d(2, 4, 1), nn.Conv2d(2, 4, 1), nn.Conv2d(4, 3, 1)

        def forward(self, x: Tensor) -> Tensor:
            summed = F.relu(self.one(x)) + F.relu(self.two(x))
            return F.relu(self.last(F.max_pool2d(summed, 2))).mean((2, 3))

    x = noise(3, 2, 4, 4)
    graph = captured(Net, x)
    plan, trials = planned(graph), trials_of(graph, x)
    table = measure(plan, everywhere(plan, [AdaFire()]), Question(), trials, tmp_path)
    model = trials.convert(plan)
    model(x)
    whole = 0.9e-9 * sum(float(values.mean()) for values in accumulations(model).values())
    assert whole < sum(row[0] for row in table.cost) < 2 * whole


def test_distances_are_averaged_over_samples_and_places(tmp_path: Path) -> None:
    build, shape = NETWORKS["dense"]
    x = noise(*shape)
    graph = captured(build, x)
    plan = planned(graph)
    trials = trials_of(graph, x, logits=second, distance=squared)
    model = trials.convert(plan)
    ours, theirs = model(x), graph(x)
    wanted = {
        "kl": kl(second(theirs), second(ours)),
        "symmetric_kl": (kl(second(theirs), second(ours)) + kl(second(ours), second(theirs))) / 2,
        "task": float(squared(ours, theirs).mean()),
    }
    assert len(set(wanted.values())) == 3
    one = {names(plan)[0]: [AdaFire()]}
    for distance, value in wanted.items():
        question = Question(distance=distance)  # type: ignore[arg-type]  # one of the three
        assert measure(plan, one, question, trials, tmp_path).baseline == pytest.approx(value, rel=1e-12)


def test_the_work_is_at_most_six_tenths_of_running_every_candidate_whole(
    chain: tuple[Graph, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, x = chain
    plan, trials = planned(graph, AdaFire(phi=8)), trials_of(graph, x)
    asked = everywhere(plan, [AdaFire(phi=phi) for phi in range(1, 9)])
    count = 0
    real = SpikingModel._advance_node

    def counted(*arguments: Any) -> Any:
        nonlocal count
        count += 1
        return real(*arguments)

    monkeypatch.setattr(SpikingModel, "_advance_node", counted)
    measure(plan, asked, Question(), trials, tmp_path)
    ours, count = count, 0
    for site, row in asked.items():
        for neuron in row:
            in_full(plan, site, neuron, trials, x)
    assert ours <= 0.6 * count


@dataclass
class Progress:
    """Count what is shown, and stop after so many."""

    stop: int | None = None
    seen: int = 0
    total: int | None = None
    words: ClassVar[str] = "measure candidates"

    def __call__(self, items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
        assert description == self.words
        self.total = total
        for item in items:
            self.seen += 1
            yield item
            if self.seen == self.stop:
                raise KeyboardInterrupt


def count_conversions(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    plans: list[Plan] = []
    real = Trials.convert

    def counted(self: Trials, plan: Plan) -> SpikingModel:
        plans.append(plan)
        return real(self, plan)

    monkeypatch.setattr(Trials, "convert", counted)
    return plans


@pytest.mark.parametrize("thresholds", ["kept", "own"])
def test_a_search_that_was_stopped_goes_on_and_finds_the_same(
    chain: tuple[Graph, Tensor], tmp_path: Path, thresholds: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, x = chain
    plan, question = planned(graph), Question(thresholds=thresholds)

    def table(folder: str, progress: Progress) -> Table:
        trials = trials_of(graph, x, Calibration(), resources={"track": progress})
        return measure(plan, bursts(plan), question, trials, tmp_path / folder)

    whole = table("whole", Progress())
    with pytest.raises(KeyboardInterrupt):
        table("stopped", Progress(stop=7))
    kept = len([path for path in (tmp_path / "stopped").rglob("*") if path.is_file()])
    assert kept == 7
    resumed = Progress()
    assert table("stopped", resumed) == whole
    assert (resumed.seen, resumed.total) == (15, 15)  # 5 sites, 2 other candidates each, and 5 of the plan's own

    conversions = count_conversions(monkeypatch)
    assert table("stopped", Progress()) == whole
    assert not conversions


def measured_again(monkeypatch: pytest.MonkeyPatch, plan: Plan, question: Question, trials: Trials, cache: Path) -> int:
    """Return how many conversions a measurement takes: none where everything is known."""
    plans = count_conversions(monkeypatch)
    measure(plan, bursts(plan), question, trials, cache)
    return len(plans)


def test_values_are_kept_for_everything_that_they_depend_on(
    chain: tuple[Graph, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, x = chain
    plan, trials, question = planned(graph), trials_of(graph, x, distance=squared), Question()
    other = captured(Chain, x)
    with torch.no_grad():
        next(iter(other.module.parameters())).add_(2.0**-40)
    changed: dict[str, tuple[Plan, Question, Trials]] = {
        "weights": (planned(other), question, replace(trials, graph=other)),
        "data": (plan, question, trials_of(graph, x + 2.0**-40)),
        "plan": (planned(graph, AdaFire(shift=False)), question, trials),
        "converter": (plan, question, replace(trials, converter=Calibration())),
        "converter's option": (plan, question, replace(trials, converter=Calibration(batches=1))),
        "timesteps": (plan, question, replace(trials, timesteps=T + 1)),
        "costs": (plan, question, replace(trials, costs=Horowitz(ac_pj=1.0))),
        "distance": (plan, Question(distance="task"), trials),
        "cost": (plan, Question(cost="spikes"), trials),
        "samples": (plan, Question(samples=2), trials),
        "logits": (plan, question, trials_of(graph, x, logits=alike)),
        "memory": (plan, question, trials_of(graph, x, resources={"memory": 2**29})),
    }
    measure(plan, bursts(plan), question, trials, tmp_path)
    assert measured_again(monkeypatch, plan, question, trials, tmp_path) == 0
    for name, what in changed.items():
        assert measured_again(monkeypatch, *what, tmp_path) == 1, name


def alike(output: Output) -> Tensor:
    return first(output)


def test_a_candidate_more_is_all_that_is_measured_anew(chain: tuple[Graph, Tensor], tmp_path: Path) -> None:
    graph, x = chain
    plan, trials = planned(graph), trials_of(graph, x)
    measure(plan, bursts(plan), Question(), trials, tmp_path)
    before = set(tmp_path.rglob("*.json"))
    more = bursts(plan)
    more[names(plan)[2]].append(Tracking())
    measure(plan, more, Question(), trials, tmp_path)
    assert len(set(tmp_path.rglob("*.json")) - before) == 1


def test_a_damaged_value_is_measured_again(chain: tuple[Graph, Tensor], tmp_path: Path) -> None:
    graph, x = chain
    plan, trials = planned(graph), trials_of(graph, x)
    whole = measure(plan, bursts(plan), Question(), trials, tmp_path)
    for path in list(tmp_path.rglob("*.json"))[::3]:
        path.write_bytes(path.read_bytes()[:-4])
    assert measure(plan, bursts(plan), Question(), trials, tmp_path) == whole


def test_the_cache_is_in_the_users_own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder("search") == tmp_path / "snnfw" / "search"


def test_without_a_home_nothing_is_kept_and_a_warning_says_so(
    chain: tuple[Graph, Tensor], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    graph, x = chain
    plan, trials = planned(graph), trials_of(graph, x)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    table = measure(plan, bursts(plan), Question(), trials)
    assert math.isfinite(table.baseline)
    assert caplog.messages == [
        "snnfw: measurements are not kept (Could not determine home directory.): a search that is stopped starts over"
    ]


def homeless() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_a_method_that_cannot_be_told_from_others_is_refused(chain: tuple[Graph, Tensor], tmp_path: Path) -> None:
    @dataclass(frozen=True, slots=True)
    class Odd(Tracking):
        extra: object = None

    graph, x = chain
    plan = planned(graph)
    with pytest.raises(SnnfwError) as caught:
        measure(plan, {names(plan)[0]: [Odd(extra=object())]}, Question(), trials_of(graph, x), tmp_path)
    assert str(caught.value) == (
        f"the search cannot tell a neuron for '{names(plan)[0]}' from others (a object has no fields to tell it by), and "
        "might take what it measured before for what it has to measure now: let it hold plain data, functions and "
        "objects with fields alone."
    )
    assert not list(tmp_path.iterdir())


def test_where_memory_is_short_fewer_samples_take_part(
    residual: tuple[Graph, Tensor], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    graph, x = residual
    plan = planned(graph)
    few = measure(plan, bursts(plan), Question(), trials_of(graph, x, resources={"memory": 1000}), tmp_path)
    assert caplog.messages == [
        "snnfw: the search measures on 2 samples instead of 5, which memory=1000 bytes does not hold: give more "
        "memory, or ask for 2 samples."
    ]
    assert few == measure(plan, bursts(plan), Question(samples=2), trials_of(graph, x), tmp_path)


REFUSED: dict[str, tuple[Mapping[str, Sequence[Any]], str]] = {
    "nothing": ({}, "there are no candidates to measure: name a site and its neurons."),
    "no such site": (
        {"relu#3": [AdaFire()]},
        "no site named 'relu#3'. Did you mean 'relu#2'? Sites: relu, relu#2.",
    ),
    "no candidates": ({"relu": []}, "site 'relu' has no candidates: give it one neuron or more, or leave it out."),
    "kept": (
        {"relu#2": [AdaFire()]},
        "site 'relu#2' is kept analog: place a neuron there with a rule first.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_candidates_that_cannot_be_measured_are_refused(
    name: str, residual: tuple[Graph, Tensor], tmp_path: Path
) -> None:
    graph, x = residual
    plan = place(graph, (Rule("relu", AdaFire()), Rule("*", Keep())))
    asked, words = REFUSED[name]
    with pytest.raises(SnnfwError) as refusal:
        measure(plan, asked, Question(), trials_of(graph, x), tmp_path)
    assert str(refusal.value) == words


def test_a_neuron_that_does_not_stand_in_for_an_activation_is_refused(tmp_path: Path) -> None:
    class Net(nn.Sequential):
        def __init__(self) -> None:
            super().__init__(nn.Linear(3, 4), nn.SiLU(), nn.Linear(4, 2))

    x = noise(4, 3)
    graph = captured(Net, x)
    with pytest.raises(SnnfwError, match=r"^neuron 'adafire' stands in for relu and not for the silu at '1': give "):
        measure(planned(graph), {"1": [AdaFire()]}, Question(), trials_of(graph, x), tmp_path)


@pytest.mark.parametrize(
    ("distance", "has", "words"),
    [
        ("kl", {"distance": squared}, "this task has no logits, which distance=kl compares: choose distance=task, "
         "which it has."),
        ("symmetric_kl", {}, "this task has no logits, which distance=symmetric_kl compares: it has no distance=task "
         "either, and can't be measured."),
        ("task", {"logits": first}, "this task has no distance of its own: choose distance=symmetric_kl or kl."),
    ],
)  # fmt: skip
def test_a_distance_that_the_task_has_not_is_refused(
    distance: Any, has: dict[str, Any], words: str, chain: tuple[Graph, Tensor], tmp_path: Path
) -> None:
    graph, x = chain
    plan, trials = planned(graph), trials_of(graph, x, **{"logits": None, **has})
    with pytest.raises(SnnfwError) as refusal:
        measure(plan, bursts(plan), Question(distance=distance), trials, tmp_path)
    assert str(refusal.value) == words


def test_a_sensitivity_without_bounds_is_refused_and_not_kept(chain: tuple[Graph, Tensor], tmp_path: Path) -> None:
    def broken(of: Output, to: Output) -> Tensor:
        return squared(of, to) / 0

    graph, x = chain
    plan, trials = planned(graph), trials_of(graph, x, distance=broken)
    with pytest.raises(SnnfwError) as refusal:
        measure(plan, bursts(plan), Question(distance="task"), trials, tmp_path)
    assert str(refusal.value) == (
        "the sensitivity of site '1' with neuron 'adafire' is not a finite number: the outputs hold NaN or infinity, "
        "or differ beyond all bounds. Leave that candidate out, or choose another distance."
    )
    assert not list(tmp_path.rglob("*.json"))
