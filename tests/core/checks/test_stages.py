"""What is wrong with a converter, a search, an exit or a preset is found, and said in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from snnfw.checks.converters import check_converter
from snnfw.checks.exits import check_exit
from snnfw.checks.faults import NotTriedError
from snnfw.checks.neurons import check_neuron
from snnfw.checks.presets import check_preset
from snnfw.checks.searches import check_search
from snnfw.checks.toy import ToyNeuron, make_toy
from snnfw.contracts import Preset, Rule
from snnfw.conversion.direct import Direct
from snnfw.errors import SnnfwError
from snnfw.planning.placement import place
from snnfw.registry import Registry
from snnfw.search.results import SearchResult
from snnfw.spiking.model import SpikingModel


@dataclass(frozen=True)
class Converting:
    """Convert directly, and then do something to what comes in or out."""

    name: ClassVar[str] = "converting"
    then: str = "nothing wrong"

    def convert(self, graph: Any, plan: Any, calibration: Any, timesteps: int, resources: Any) -> Any:
        model = Direct().convert(graph, plan, calibration, timesteps, resources)
        then = CONVERTERS[self.then][0]
        return then(model, graph=graph, plan=plan, calibration=calibration, timesteps=timesteps)


def scaled(model: SpikingModel, graph: Any, **_: Any) -> SpikingModel:
    next(graph.module.parameters()).data.mul_(1.5)
    return model


def drawn(model: SpikingModel, **_: Any) -> SpikingModel:
    for _site, neuron in model.site_neurons():
        neuron.threshold *= 1 + torch.rand((), generator=torch.Generator().manual_seed(DRAWS.pop()))
    return model


DRAWS = list(range(100))


def endless(model: SpikingModel, **_: Any) -> SpikingModel:
    for _site, neuron in model.site_neurons():
        neuron.threshold *= torch.nan
    return model


def longer(model: SpikingModel, timesteps: int, **_: Any) -> SpikingModel:
    model.timesteps = timesteps + 1
    return model


class Remembering(SpikingModel):
    """Add what it was given last time."""

    last: Any = 0.0

    def forward(self, *inputs: Tensor) -> Any:
        output = super().forward(*inputs) + self.last
        self.last = float(inputs[0].sum())
        return output


def remembering(model: SpikingModel, **_: Any) -> SpikingModel:
    model.__class__ = Remembering
    return model


def whitened(model: SpikingModel, calibration: Any, **_: Any) -> SpikingModel:
    for (tensor,) in calibration:
        tensor.mul_(0.5)
    return model


def choosy(model: SpikingModel, plan: Any, timesteps: int, **_: Any) -> SpikingModel:
    if timesteps == 1 or len(model.neurons) < len(plan.placements):
        raise SnnfwError("this is not for me.")
    return model


CONVERTERS: dict[str, tuple[Callable[..., Any], list[str]]] = {
    "nothing wrong": (lambda model, **_: model, []),
    "junk": (lambda model, **_: 3, ["convert() returns an int: it must return a snnfw.SpikingModel."]),
    "an error": (lambda model, **_: 1 / 0, ["converting a small network fails: ZeroDivisionError: division by zero."]),
    "other timesteps": (
        longer,
        ["the model is made for 5 timesteps and 4 were asked for."],
    ),
    "not finite": (endless, ["the model's output is not finite, or its shape [2, 3] is not [2, 3]."]),
    "other weights": (
        scaled,
        ["it changes the weights of the network or of its graph: what it finds belongs into the spiking model."],
    ),
    "random": (
        drawn,
        ["converting the same plan again gives another model: draw with resources.seed, and keep nothing."],
    ),
    "a memory": (
        remembering,
        ["run after other inputs the model gives another output: what it remembers is not reset."],
    ),
    "other data": (whitened, ["it changes the calibration data in place."]),
    "refusals": (
        choosy,
        [
            "it does not take a plan with a site kept analog: this is not for me.",
            "it does not take a single timestep: this is not for me.",
        ],
    ),
}


@pytest.mark.parametrize("fault", CONVERTERS)
def test_what_a_converter_does_wrong_is_said(fault: str) -> None:
    found, sentences = check_converter(Converting(fault)), CONVERTERS[fault][1]
    assert [sentence for sentence in sentences if sentence not in found] == []
    assert bool(found) == bool(sentences)


@dataclass(frozen=True)
class Plain:
    """Search by a function."""

    name: ClassVar[str] = "plain"
    how: str = "given"

    def search(self, plan: Any, trials: Any) -> Any:
        return SEARCHES[self.how][0](plan, trials)


def elsewhere(plan: Any, trials: Any) -> SearchResult:
    return SearchResult(replace(plan, fates=dict(list(plan.fates.items())[1:])))


def peeking(plan: Any, trials: Any) -> SearchResult:
    list(trials.data.evaluation)
    return SearchResult(plan)


def changing(plan: Any, trials: Any) -> SearchResult:
    next(trials.graph.module.parameters()).data.add_(1)
    return SearchResult(plan)


def drawing(plan: Any, trials: Any) -> SearchResult:
    return SearchResult(plan.with_neuron("relu1", ToyNeuron(phi=3 + DRAWS.pop())))


SEARCHES: dict[str, tuple[Callable[..., Any], list[str]]] = {
    "given": (lambda plan, trials: SearchResult(plan, {"tried": [trials.score(plan).metric]}, {"plan.txt": "all"}), []),
    "junk": (lambda plan, trials: plan, ["search() returns a Plan: it must return a snnfw.SearchResult with a plan."]),
    "another network": (
        elsewhere,
        ["its plan is not one of the network that it was given: change neurons with plan.with_neuron."],
    ),
    "a tensor kept": (
        lambda plan, trials: SearchResult(plan, {"thresholds": torch.ones(2)}),
        ["its record is not plain data, as JSON holds it: TypeError: Object of type Tensor is not JSON serializable."],
    ),
    "a file outside": (
        lambda plan, trials: SearchResult(plan, files={"../mine.txt": "all"}),
        ["its file '../mine.txt' is not text or bytes by a path within the run folder."],
    ),
    "evaluation data": (peeking, ["it reads evaluation data: plans are judged on calibration data alone."]),
    "other weights": (changing, ["it changes the weights of the network or of its graph."]),
    "random": (drawing, ["searching again finds another plan: draw with trials.resources.seed, and keep nothing."]),
    "an error": (
        lambda plan, trials: [].pop(),
        ["searching a small network fails: IndexError: pop from empty list."],
    ),
}


@pytest.mark.parametrize("fault", SEARCHES)
def test_what_a_search_does_wrong_is_said(fault: str) -> None:
    assert check_search(Plain(fault)) == SEARCHES[fault][1]


def test_what_lacks_a_package_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SEARCHES, "given", (lambda plan, trials: __import__("no_such_package"), []))
    with pytest.raises(NotTriedError, match="ModuleNotFoundError: No module named 'no_such_package'"):
        check_search(Plain())


class Rules:
    """Answer as it is told."""

    def __init__(self, answer: Callable[..., Any], record: Any = None) -> None:
        self.answer, self.kept = answer, record

    def done(self, output: Tensor, timestep: int, timesteps: int) -> Any:
        return self.answer(output, timestep)

    def record(self) -> Any:
        return self.kept or {}


@dataclass(frozen=True)
class Leaving:
    """Leave by a function."""

    name: ClassVar[str] = "leaving"
    how: str = "at once"

    def prepare(self, model: Any, bundle: Any, timesteps: int, resources: Any) -> Any:
        return EXITS[self.how][0](model, bundle)


def some(output: Tensor, timestep: int) -> Tensor:
    return torch.arange(len(output)) % 2 == timestep % 2


def in_place(output: Tensor, timestep: int) -> Tensor:
    output.mul_(2)
    return some(output, timestep)


def reading(model: Any, bundle: Any) -> Rules:
    list(bundle.data.evaluation)
    return Rules(some)


def louder(model: Any, bundle: Any) -> Rules:
    for neuron in model.neurons.values():
        neuron.threshold *= 0.5
    return Rules(some)


EXITS: dict[str, tuple[Callable[..., Any], list[str]]] = {
    "at once": (lambda model, bundle: Rules(some), []),
    "junk": (lambda model, bundle: 3, ["prepare() returns an int without done: see snnfw.ExitRule."]),
    "numbers": (
        lambda model, bundle: Rules(lambda output, timestep: output[:, 0]),
        ["done() returns torch.float32 of shape [16] for 16 samples: it must return torch.bool of shape [N]."],
    ),
    "a single answer": (
        lambda model, bundle: Rules(lambda output, timestep: timestep > 2),
        ["done() returns a bool: it must return a boolean tensor [N]."],
    ),
    "an output changed": (
        lambda model, bundle: Rules(in_place),
        ["done() changes the output that it is shown."],
    ),
    "a record with infinity": (
        lambda model, bundle: Rules(some, {"threshold": float("inf")}),
        [
            "the rule's record is not plain data, as JSON holds it: ValueError: Out of range float values are not "
            "JSON compliant."
        ],
    ),
    "evaluation data": (reading, ["prepare() reads evaluation data: a rule is shaped by calibration data alone."]),
    "another model": (louder, ["prepare() changes the spiking model: run again it gives another output."]),
    "an error": (lambda model, bundle: 1 / 0, ["running a small network fails: ZeroDivisionError: division by zero."]),
}


@pytest.mark.parametrize("fault", EXITS)
def test_what_an_exit_does_wrong_is_said(fault: str) -> None:
    assert check_exit(Leaving(fault)) == EXITS[fault][1]


def test_what_is_not_plain_is_said() -> None:
    @dataclass(frozen=True)
    class Local(Plain):
        pass

    [fault] = check_search(Local())
    assert fault.startswith("it cannot be pickled: ")


def preset(**given: Any) -> Preset:
    return Preset(**{"name": "mine", "layers": (Rule("*", ToyNeuron()),), "converter": Direct(), **given})


def test_what_a_preset_does_wrong_is_said() -> None:
    registry = Registry(entry_points=False)
    assert check_preset(registry.presets["ann"], registry) == []
    assert check_preset(preset(), registry) == [
        "its neuron cannot be chosen by name: no neuron named 'toy': none is registered. One of your own comes with load=[FILE.py]."
    ]
    with pytest.raises(NotTriedError, match="rule 'layer9' places nothing"):
        check_preset(preset(layers=(Rule("layer9", ToyNeuron()), Rule("*", ToyNeuron()))), registry)


def test_the_toy_is_sound() -> None:
    assert check_neuron(ToyNeuron) == []
    trial = make_toy()
    plan = place(trial.graph, (Rule("*", ToyNeuron()),))
    assert [placement.site.name for placement in plan.placements] == ["relu1", "relu2"]
