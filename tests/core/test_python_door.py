"""What a program hands over by mistake is told in one sentence, or is right."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

import snnfw
import snnfw_plugins.lif
from networks import noise, seeded
from snnfw.capture.export import capture
from snnfw.capture.graph import Graph
from snnfw.config.comparison import resolve_comparison, resolve_comparison_mapping
from snnfw.config.training import resolve_training, resolve_training_mapping
from snnfw.conversion.direct import Direct
from snnfw.energy.horowitz import Horowitz
from snnfw.errors import SnnfwError
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.registry import Registry
from snnfw.simulate.run import evaluate_network, simulate
from snnfw.training.settings import TrainerSettings
from snnfw.values import Resources
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.pareto import Pareto
from snnfw_tasks.networks.imported import CallableModel


@dataclass(frozen=True)
class Mine(AdaFire):
    """A neuron of the program's own."""

    name: ClassVar[str] = "mine"


@dataclass(frozen=True)
class Impostor(AdaFire):
    """A neuron that goes by another one's name."""

    name: ClassVar[str] = "if"


class Scores:
    def update(self, output: Any, target: Any) -> None: ...

    def compute(self) -> Mapping[str, float]:
        return {}


class Stream(IterableDataset[Tensor]):
    """Data that cannot be counted."""

    def __iter__(self) -> Iterator[Tensor]:
        return iter([])


def any_(value: object) -> Any:
    """Return a value as a program without types would hand it over."""
    return value


def net() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU())


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry()


@pytest.fixture(scope="module")
def graph() -> Graph:
    return capture(seeded(net).eval(), (X[:2],))


X = noise(8, 4).float()
BASE: dict[str, Any] = {"task": "classification", "plugin": "adafire"}
PLAIN = "give a name, plain values, or an instance of a class that a plugin registers."
FUNCTION = (
    "give the name of a function that returns it, model='package.module:function', or '__main__:function' for one of the "
    "program itself."
)
REGISTERS = "hand Registry(plugins=[...]) one that does, so that the run can be had again from its file."
MAPPINGS: dict[str, tuple[dict[str, Any], str]] = {
    "a network": ({"model": net()}, f"model is a Sequential: {FUNCTION}"),
    "a network's class": ({"model": nn.Linear}, f"model is the class Linear: {FUNCTION}"),
    "a function": ({"model": net}, f"model is a function: {FUNCTION}"),
    "bytes": ({"model": b"net"}, f"model is a bytes: {FUNCTION}"),
    "an unregistered class's": (
        {"neuron": Mine()},
        f"neuron is an instance of Mine, which no plugin registers as 'mine': {REGISTERS}",
    ),
    "another class's": (
        {"neuron": Impostor()},
        f"neuron is an instance of Impostor, which no plugin registers as 'if': {REGISTERS}",
    ),
    "an unregistered one in a rule": (
        {"layers": [Rule("*", Mine())]},
        f"layers[0].neuron is an instance of Mine, which no plugin registers as 'mine': {REGISTERS}",
    ),
    "an unregistered one in a search": (
        {"search": Pareto(neurons=(AdaFire(), Mine()))},
        f"search.neurons[1] is an instance of Mine, which no plugin registers as 'mine': {REGISTERS}",
    ),
    "a class": ({"neuron": AdaFire}, f"neuron is the class AdaFire: {PLAIN}"),
    "a preset of nobody's": (
        {"plugin": snnfw.Preset("adafire", (Rule("*", AdaFire()),), Direct())},
        "plugin is a preset that no plugin registers: give its layers and converter themselves.",
    ),
    "a loader": ({"data": DataLoader(TensorDataset(X))}, f"data is a DataLoader: {PLAIN}"),
    "an array": ({"checkpoints": np.array([1, 2])}, f"checkpoints is a ndarray: {PLAIN}"),
    "a set": ({"exit": {"threshold": {1}}}, f"exit.threshold is a set: {PLAIN}"),
    "a device": ({"device": torch.device("cpu")}, f"device is a device: {PLAIN}"),
    "settings of another kind": ({"energy": Resources()}, f"energy is a Resources: {PLAIN}"),
}
DOORS: dict[str, Callable[..., Any]] = {
    "run": snnfw.resolve_mapping,
    "train": resolve_training_mapping,
    "compare": resolve_comparison_mapping,
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("mistake", MAPPINGS)
def test_a_mapping_with_something_else_in_it_is_refused(registry: Registry, mistake: str, door: str) -> None:
    given, sentence = MAPPINGS[mistake]
    with pytest.raises(SnnfwError) as caught:
        DOORS[door]({**BASE, **given}, registry)
    assert str(caught.value) == sentence


def test_what_a_file_can_hold_is_taken_as_it_is(registry: Registry) -> None:
    given = {
        "plugin": registry.presets["adafire"],
        "timesteps": np.int64(4),
        "checkpoints": (np.int32(2), torch.tensor(4)),
        "strict": np.bool_(True),
        "energy": Horowitz(mac_pj=np.float32(2.0)),  # type: ignore[arg-type]  # a number of numpy's
        "out": Path("there"),
        "model": CallableModel("nets:build"),
        "layers": [Rule("a", snnfw.Keep()), {"match": "*", "neuron": AdaFire(phi=2)}],
    }
    config = snnfw.resolve_mapping({**BASE, **given}, registry)
    assert (config.timesteps, config.checkpoints, config.strict, config.out) == (4, (2, 4), True, Path("there"))
    assert config.energy == Horowitz(mac_pj=2.0)
    assert config.plugin == "adafire"
    assert config.model == CallableModel("nets:build")
    assert config.layers[1] == Rule("*", AdaFire(phi=2))
    trainer = resolve_training_mapping({**BASE, "trainer": TrainerSettings(epochs=3)}, registry).trainer
    assert trainer == TrainerSettings(epochs=3, start="fresh")


def test_a_function_of_the_program_itself_makes_its_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "net", net, raising=False)
    assert isinstance(CallableModel("__main__:net").build(3, Resources()), nn.Sequential)


RULE = "give an instance, such as AdaFire(phi=4) or Keep(); names are for recipes: {match: '*', neuron: adafire}."
RULES = "give a tuple of rules, such as (Rule('*', AdaFire()),)."
INPUTS = "give a tuple with one tensor for each argument, such as (x,)."
MIXED = "give a tuple with one tensor for each of the network's arguments, such as (x,)"
COUNTED = (
    "give batches that can be counted and gone through again, such as a list, or a DataLoader of a mapped data set."
)
WORDS = "give a list of words like ['task=classification'], or resolve_mapping(...)."
MAPPING = "give a mapping like {'task': 'classification'}, or words to resolve(...)."


JUDGEMENT = snnfw.Judgement(Scores, "a")


def bundle(**changed: Any) -> snnfw.Bundle:
    given = {"model": net(), "example": (X[:2],), "data": snnfw.Data([], []), "judgement": JUDGEMENT, **changed}
    return snnfw.Bundle(**given)


def converted(graph: Graph, calibration: Any) -> Any:
    return Direct().convert(graph, place(graph, (Rule("*", AdaFire()),)), calibration, 2, Resources())


def simulated(graph: Graph, evaluation: Any) -> Any:
    return simulate(converted(graph, [(X,)]), evaluation, [2], Scores, Resources())


def itself(graph: Graph, evaluation: Any) -> Any:
    return evaluate_network(graph, snnfw.Data([], evaluation), Scores, Resources())


LABELLED = TensorDataset(X, X[:, 0])
MISTAKES: dict[str, tuple[Callable[[Registry, Any], Any], str]] = {
    "Rule of a name": (lambda r, g: Rule("*", any_("adafire")), f"Rule.neuron is a str: {RULE}"),
    "Rule of a class": (lambda r, g: Rule("*", any_(AdaFire)), f"Rule.neuron is the class AdaFire: {RULE}"),
    "Rule of nothing": (lambda r, g: Rule("*", any_(None)), f"Rule.neuron is nothing: {RULE}"),
    "Rule the wrong way round": (
        lambda r, g: Rule(any_(AdaFire()), any_("*")),
        "Rule.match is an AdaFire: give a glob on the site's path, such as '*'.",
    ),
    "Preset of one rule": (
        lambda r, g: snnfw.Preset("a", any_(Rule("*", AdaFire())), Direct()),
        f"Preset.layers is a Rule: {RULES}",
    ),
    "Preset of a converter's name": (
        lambda r, g: snnfw.Preset("a", (), any_("direct")),
        "Preset.converter is a str: give an instance with a method 'convert'.",
    ),
    "Preset of a search's class": (
        lambda r, g: snnfw.Preset("a", (), Direct(), search=any_(Pareto)),
        "Preset.search is the class Pareto: give an instance with a method 'search'.",
    ),
    "Registry of a module": (
        lambda r, g: Registry(plugins=any_(snnfw_plugins.lif)),
        "Registry(plugins=...) is a module: give a list of modules or of objects with hooks.",
    ),
    "Registry of a file": (
        lambda r, g: Registry(plugins=any_("mine.py")),
        "Registry(plugins=...) is a str: give a list of modules or of objects with hooks.",
    ),
    "resolve of one word": (lambda r, g: snnfw.resolve(any_("task=x"), r), f"what to resolve is a str: {WORDS}"),
    "resolve of a mapping": (lambda r, g: snnfw.resolve(any_(BASE), r), f"what to resolve is a dict: {WORDS}"),
    "resolve of numbers": (lambda r, g: snnfw.resolve(any_([1]), r), f"what to resolve is a list: {WORDS}"),
    "training of one word": (lambda r, g: resolve_training(any_("task=x"), r), f"what to resolve is a str: {WORDS}"),
    "comparison of one word": (lambda r, g: resolve_comparison(any_("a=b"), r), f"what to resolve is a str: {WORDS}"),
    "mapping of words": (lambda r, g: snnfw.resolve_mapping(any_(["a=b"]), r), f"what to resolve is a list: {MAPPING}"),
    "no registry": (
        lambda r, g: snnfw.resolve([], any_(None)),
        "what methods are looked up in is nothing: give a snnfw.Registry().",
    ),
    "the wrong way round": (
        lambda r, g: snnfw.resolve_mapping(any_(r), any_(BASE)),
        "what methods are looked up in is a dict: give a snnfw.Registry().",
    ),
    "run of a mapping": (
        lambda r, g: snnfw.run(any_(BASE), r),
        "what to run is a dict: give what snnfw.resolve or snnfw.resolve_mapping returns.",
    ),
    "capture of a function": (
        lambda r, g: capture(any_(net), (X,)),
        "what to capture is a function: give a torch.nn.Module.",
    ),
    "capture of a tensor": (lambda r, g: capture(net().eval(), any_(X)), f"the example is a Tensor: {INPUTS}"),
    "place in a network": (
        lambda r, g: snnfw.place(any_(net()), (Rule("*", AdaFire()),)),
        "what to place neurons in is a Sequential: give what capture(model, example) returns.",
    ),
    "place one rule": (lambda r, g: snnfw.place(g, any_(Rule("*", AdaFire()))), f"the recipe is a Rule: {RULES}"),
    "place a neuron": (lambda r, g: snnfw.place(g, any_([IntegrateAndFire()])), f"the recipe is a list: {RULES}"),
    "Resources of torch's": (
        lambda r, g: Resources(device=any_(torch.device("cpu"))),
        "Resources.device is a device: give text.",
    ),
    "Resources in units": (
        lambda r, g: Resources(memory=any_("2GiB")),
        "Resources.memory is a str: give a whole number.",
    ),
    "SiteStats of a number": (
        lambda r, g: snnfw.SiteStats(any_(1.0)),
        "SiteStats.threshold is a float: give a tensor that broadcasts against the activation.",
    ),
    "Batch of a tensor": (lambda r, g: snnfw.Batch(any_(X), X), f"Batch.inputs is a Tensor: {INPUTS}"),
    "Bundle without a judgement": (
        lambda r, g: bundle(judgement=Scores),
        "Bundle.judgement is the class Scores: give Judgement(...).",
    ),
    "Bundle of no data": (lambda r, g: bundle(data=None), "Bundle.data is nothing: give Data(...)."),
    "Bundle with batches to train with": (
        lambda r, g: bundle(training=lambda size, workers, seed: []),
        "Bundle.training is a function: give Training(...).",
    ),
    "Bundle with a picture": (lambda r, g: bundle(gallery=3), "Bundle.gallery is an int: give Gallery(...)."),
    "Judgement by a number": (
        lambda r, g: snnfw.Judgement(any_(3), "a"),
        "Judgement.scorer is an int: give a function that makes a fresh scorer, such as its class.",
    ),
    "Bundle with a tensor": (lambda r, g: bundle(example=X), f"Bundle.example is a Tensor: {INPUTS}"),
    "Bundle with an iterator": (
        lambda r, g: snnfw.Data(any_(iter([])), []),
        f"Data.calibration is a list_iterator: {COUNTED}",
    ),
    "Bundle with a stream": (
        lambda r, g: snnfw.Data([], DataLoader(Stream())),
        f"Data.evaluation is a DataLoader: {COUNTED}",
    ),
    "Bundle with a scorer": (
        lambda r, g: snnfw.Judgement(any_(Scores()), "a"),
        "Judgement.scorer is a Scores: give a function that makes a fresh scorer, such as its class.",
    ),
    "calibration with labels": (
        lambda r, g: converted(g, DataLoader(LABELLED, 4)),
        f"calibration batch 0 holds 2 tensors and the network takes 1: {MIXED}, without labels.",
    ),
    "calibration of tensors": (
        lambda r, g: converted(g, DataLoader(any_(X), 1)),
        f"calibration batch 0 is a Tensor: {MIXED}.",
    ),
    "calibration of texts": (lambda r, g: converted(g, [("x",)]), f"one of calibration batch 0 is a str: {MIXED}."),
    "calibration that is gone": (
        lambda r, g: converted(g, iter([(X,)])),
        f"the calibration data is a list_iterator: {COUNTED}",
    ),
    "evaluation of pairs": (
        lambda r, g: simulated(g, DataLoader(LABELLED, 4)),
        "evaluation batch 0 is a list: give Batch(inputs=(x,), target=y).",
    ),
    "evaluation of the network on pairs": (
        lambda r, g: itself(g, DataLoader(LABELLED, 4)),
        "evaluation batch 0 is a list: give Batch(inputs=(x,), target=y).",
    ),
    "evaluation with one input too many": (
        lambda r, g: simulated(g, [snnfw.Batch((X, X), X)]),
        f"evaluation batch 0 holds 2 tensors and the network takes 1: {MIXED}, without labels.",
    ),
    "evaluation that is gone": (
        lambda r, g: simulated(g, iter([])),
        f"the evaluation data is a list_iterator: {COUNTED}",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_value_of_the_wrong_kind_is_told(registry: Registry, graph: Graph, mistake: str) -> None:
    make, sentence = MISTAKES[mistake]
    with pytest.raises(SnnfwError) as caught:
        make(registry, graph)
    assert str(caught.value) == sentence


def test_inputs_as_a_list_are_as_good_as_a_tuple(graph: Graph) -> None:
    assert converted(graph, DataLoader(TensorDataset(X), 4)) is not None
    assert len(bundle(example=[X]).example) == 1
