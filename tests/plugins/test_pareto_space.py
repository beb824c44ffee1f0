"""What a Pareto search varies: fields together, what neurons name themselves, encoders; and plans scored whole."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from networks import captured, noise, seeded
from snnfw.config.resolution import resolve, to_yaml
from snnfw.conversion.direct import Direct
from snnfw.energy.horowitz import Horowitz
from snnfw.errors import SnnfwError
from snnfw.planning.placement import Plan, place
from snnfw.planning.rules import Rule
from snnfw.registry import Registry
from snnfw.search.distances import divergence
from snnfw.search.questions import Question
from snnfw.search.results import Score
from snnfw.search.sensitivity import measure
from snnfw.search.trials import Trials
from snnfw.simulate.accuracy import Accuracy
from snnfw.values import Batch, Data, Judgement, Resources
from snnfw_plugins import calibration, pareto, sigmadelta
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.pareto import Pareto
from snnfw_plugins.pareto.candidates import most_of, vary_fields, with_initial
from snnfw_plugins.pareto.scores import Tried, fit_rising, spread_points
from snnfw_plugins.sigmadelta import SigmaDelta, delta_rules
from snnfw_plugins.sigmadelta.events import ROUNDING, count_signed_digits
from snnfw_tasks.classification import task as classification

INPUTS = noise(24, 6)


class Bottleneck(nn.Module):
    """Two activations, and a linear layer that reads a current, so that an encoder belongs in front of it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 12), nn.Linear(12, 12)
        self.narrow, self.wide, self.last = nn.Linear(12, 4), nn.Linear(4, 12), nn.Linear(12, 5)
        self.act1, self.act2 = nn.ReLU(), nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.act1(self.second(self.first(x).relu()))
        x = self.wide(self.narrow(x))
        result: Tensor = self.last(self.act2(x))
        return result


def trials_of(tuning: bool = True) -> Trials:
    graph = captured(Bottleneck, INPUTS[:3])
    batches = [Batch((INPUTS,), graph(INPUTS).argmax(1))]
    data = Data(calibration=[(INPUTS,)], evaluation=batches, tuning=batches if tuning else None)
    judgement = Judgement(partial(Accuracy, 5), "accuracy", logits=lambda output: output)
    return Trials(graph, data, judgement, Direct(), 1, Horowitz(), Resources())


@pytest.fixture(scope="module")
def trials() -> Trials:
    return trials_of()


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry([sigmadelta, calibration, pareto, classification], entry_points=False)


def planned(trials: Trials, **fields: Any) -> Plan:
    return place(trials.graph, delta_rules(SigmaDelta(**fields)))


def placed(plan: Plan) -> dict[str, Any]:
    return {placement.site.name: placement.neuron for placement in plan.placements}


def test_fields_vary_together_at_every_site_encoders_among_them(trials: Trials) -> None:
    found = vary_fields(planned(trials), {"levels": (4, 5.5), "digits": (2, None)}, "search.space")
    tried = [SigmaDelta(levels, digits) for levels, digits in itertools.product((4, 5.5), (2, None))]
    assert "wide.identity" in found.by_site
    assert dict(found.by_site) == {name: (*tried, SigmaDelta()) for name in placed(planned(trials))}
    assert found.own == (4,) * len(found.by_site)
    assert found.fields == ("levels", "digits")
    assert {label: set(choices) for label, choices in found.uniform.items()} == {
        "levels=4 digits=2": {0},
        "levels=4 digits=null": {1},
        "levels=5.5 digits=2": {2},
        "levels=5.5 digits=null": {3},
    }


@dataclass(frozen=True)
class Own(IntegrateAndFire):
    """A neuron that says what may be searched, and what stands elsewhere meanwhile."""

    name: ClassVar[str] = "own"
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {"depth": (1, 2, 3), "word": ("a", "b")}
    space_initial: ClassVar[Mapping[str, Any]] = {"depth": 9}
    depth: int = 2
    word: str = "b"


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 5))


def test_without_a_space_each_neuron_says_what_to_try() -> None:
    graph = captured(mlp, INPUTS)
    plan = place(graph, (Rule("1", Own()), Rule("*", AdaFire(phi=2))))
    found = vary_fields(plan, None, "search.space")
    assert len(found.by_site["1"]) == 6
    assert found.by_site["3"] == tuple(AdaFire(phi=phi) for phi in range(1, 9))
    assert (found.fields, dict(found.uniform)) == (("depth", "word", "phi"), {})
    assert placed(with_initial(plan, None, None, "search")) == {"1": Own(depth=9, word="b"), "3": AdaFire(phi=8)}
    assert placed(with_initial(plan, None, {"depth": 4}, "search"))["1"] == Own(depth=4, word="b")


@pytest.mark.parametrize(
    ("values", "most"), [((1, 3, 2), 3), ((1, None, 2), None), (("a", "c"), "own"), ((True, False), True)]
)
def test_the_most_of_values(values: tuple[Any, ...], most: Any) -> None:
    assert most_of(values, "own") == most


@pytest.mark.parametrize(
    ("space", "initial", "sentence"),
    [
        (
            None,
            None,
            "no neuron of the plan says what may be searched: say search.space.FIELD=[...], with one of their fields: "
            "channel_wise, percentile, rho, shift.",
        ),
        (
            {"shift": (True, False)},
            {"levels": 3},
            "no neuron of the plan has a field 'levels' to search over. Their fields: channel_wise, percentile, rho, "
            "shift.",
        ),
    ],
)
def test_what_no_neuron_has_is_refused(space: Any, initial: Any, sentence: str) -> None:
    plan = place(captured(mlp, INPUTS), (Rule("*", IntegrateAndFire()),))
    with pytest.raises(SnnfwError) as caught:
        with_initial(plan, space, initial, "search")
    assert str(caught.value) == sentence


def rounded(value: Tensor, threshold: Tensor) -> Tensor:
    return threshold * (value / threshold + ROUNDING).floor()


def test_a_candidate_costs_and_answers_as_the_quantised_network(trials: Trials) -> None:
    tried, others = SigmaDelta(levels=2, scale="layer"), SigmaDelta(levels=5, scale="channel")
    plan = planned(trials, levels=5, scale="channel")
    table = measure(plan, {"act1": [tried]}, Question(cost="spikes", thresholds="own"), trials)
    net: Any = seeded(Bottleneck).double()

    def at(name: str, value: Tensor, neuron: SigmaDelta = others) -> Tensor:
        rows = value.abs().amax(0) if neuron.scale == "channel" else value.abs().amax()
        peaks.setdefault(name, torch.where(rows > 0, rows, value.abs().amax()))
        return rounded(value, peaks[name] / 2**neuron.levels) if rounds else value

    def forward(x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = at("act1", net.act1(net.second(at("relu", net.first(x).relu()))), tried)
        narrow = at("wide.identity", net.narrow(hidden))
        return net.last(at("act2", net.act2(net.wide(narrow)))), hidden

    peaks: dict[str, Tensor] = {}
    rounds = False
    exact, _ = forward(INPUTS.double())
    rounds = True
    quantised, sent = forward(INPUTS.double())
    events = count_signed_digits((sent / (peaks["act1"] / 2**tried.levels)).round()).sum(1).mean()
    assert table.sensitivity[0][0] == pytest.approx(divergence(exact, quantised, symmetric=True), rel=1e-9)
    assert table.cost[0][0] == pytest.approx(float(events), rel=1e-12)


def test_a_recipe_of_the_frontier_places_encoders_again(trials: Trials, registry: Registry, tmp_path: Path) -> None:
    result = Pareto(space={"levels": (2, 3.5, 7)}, budget=0.8).search(planned(trials), trials)
    assert len({neuron.levels for neuron in placed(result.plan).values()}) > 1
    file = tmp_path / "recipe.yaml"
    file.write_text(str(result.files["search/recipes/chosen.yaml"]))
    config = resolve(["task=classification", f"recipe={file}"], registry)
    replayed = place(trials.graph, config.layers)
    assert "wide.identity" in placed(replayed)
    assert placed(replayed) == placed(result.plan)
    assert torch.equal(trials.convert(replayed)(INPUTS), trials.convert(result.plan)(INPUTS))


def test_a_loss_is_met_by_the_cheapest_plan_that_was_tried(trials: Trials) -> None:
    result = Pareto(space={"levels": (1, 2, 3, 5, 8)}, loss=0.1, tries=6).search(planned(trials), trials)
    tried = result.record["tried"]
    assert (result.record["budgeted"], result.record["budget"]) == ("loss", 0.1)
    macs = 6 * 12 + 12 * 12 + 12 * 4 + 4 * 12 + 12 * 5
    assert tried["network"] == {"metric": 1.0, "energy": pytest.approx(4.6e-9 * macs, rel=1e-12)}
    energies = [entry["energy"] for entry in tried["points"]]
    assert energies == sorted(energies)
    within = [entry["point"] for entry in tried["points"] if entry["expected"] >= 0.9]
    assert result.record["point"] == within[0]
    assert trials.score(result.plan).energy == next(e["energy"] for e in tried["points"] if e["point"] == within[0])
    assert {f"search/recipes/point-{entry['point']:04d}.yaml" for entry in tried["points"]} <= set(result.files)
    picture = result.files["search/tried.png"]
    assert isinstance(picture, bytes)
    assert picture.startswith(b"\x89PNG")


def test_without_a_loss_no_plan_is_tried_whole(trials: Trials) -> None:
    result = Pareto(space={"levels": (2, 5)}).search(planned(trials), trials)
    assert "tried" not in result.record
    assert "search/tried.png" not in result.files


def test_a_loss_needs_targets_and_says_so_before_anything_is_measured() -> None:
    trials = trials_of(tuning=False)
    with pytest.raises(SnnfwError, match="there are no targets for the calibration data"):
        Pareto(space={"levels": (2, 5)}, loss=0.1).search(planned(trials), trials)
    assert not list(Path(os.environ["XDG_CACHE_HOME"]).rglob("*.json"))


def test_a_loss_that_nothing_meets_says_what_is_possible() -> None:
    scores = (Score(0.5, 1.0), Score(0.7, 2.0))
    tried = Tried((3, 8), scores, (0.5, 0.7), Score(0.8, 9.0))
    assert tried.cheapest(0.11, "search") == 8
    assert tried.cheapest(0.3, "search") == 3
    with pytest.raises(SnnfwError) as caught:
        tried.cheapest(0.05, "search")
    assert str(caught.value) == (
        "search.loss=0.05 cannot be met: of the 2 plans tried none loses less than 0.1 of the network's 0.8 on the "
        "samples to fit on. Give search.loss=0.1 or more, other values to choose from, or more samples."
    )


def test_the_fit_is_the_nearest_that_never_falls() -> None:
    rng = np.random.default_rng(0)
    levels = np.arange(5)
    rising = np.array([row for row in itertools.product(levels, repeat=4) if list(row) == sorted(row)], dtype=float)
    for _ in range(30):
        metrics = rng.integers(0, 5, 4).astype(float)
        fitted = np.array(fit_rising(list(metrics)))
        assert (np.diff(fitted) >= 0).all()
        assert ((fitted - metrics) ** 2).sum() <= ((rising - metrics) ** 2).sum(1).min() + 1e-12
    assert fit_rising([1.0, 3.0, 2.0, 2.0]) == pytest.approx([1.0, 7 / 3, 7 / 3, 7 / 3])


def test_points_are_spread_over_the_logarithm_of_sensitivity() -> None:
    assert spread_points([2.0**-n for n in range(9)], 3) == [0, 4, 8]
    assert spread_points([1.0, 0.5, 0.0], 2) == [0, 2]
    assert spread_points([1.0], 5) == [0]


def test_a_space_is_given_by_words_and_survives_the_configuration_file(registry: Registry, tmp_path: Path) -> None:
    words = ["task=classification", "plugin=sigmadelta", "search=pareto", "search.space.levels=[3,4.5]"]
    config = resolve([*words, "search.space.digits=[2,null]", "search.initial.levels=12", "search.loss=0.01"], registry)
    space: dict[str, Any] = {"levels": (3, 4.5), "digits": (2, None)}
    assert config.search == Pareto(space=space, initial={"levels": 12}, loss=0.01)
    file = tmp_path / "config.yaml"
    file.write_text(to_yaml(config))
    assert resolve([f"experiment={file}"], registry).search == config.search


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["search.loss=0.01", "search.sensitivity_budget=2"],
            "search 'pareto' is not possible with these values: sensitivity_budget and loss both say how much energy "
            "to save: leave one of them out.",
        ),
        (["search.loss=-1"], "search.loss=-1 is not allowed: it must be at least 0."),
        (["search.tries=1"], "search.tries=1 is not allowed: it must be at least 2."),
    ],
)
def test_the_configuration_refuses(words: list[str], sentence: str, registry: Registry) -> None:
    with pytest.raises(SnnfwError) as caught:
        resolve(["task=classification", "plugin=sigmadelta", "search=pareto", *words], registry)
    assert str(caught.value) == sentence
