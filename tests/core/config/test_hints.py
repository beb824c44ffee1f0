from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, ClassVar

import pytest

import toy_plugin
from snnfw.config.comparison import resolve_comparison
from snnfw.config.resolution import resolve
from snnfw.config.sketch import resolve_sketch
from snnfw.config.training import resolve_training
from snnfw.errors import SnnfwError
from snnfw.hookspecs import hookimpl
from snnfw.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

SPLIT = "the shell split 'methods=[bursting, single]' at its spaces: put it in quotes, 'methods=[bursting, single]', or leave them out, methods=[bursting,single]."
DATA = "Data sets for task 'naming': digits, folder."


@dataclass(frozen=True)
class Anything(toy_plugin.Small):
    """Stand for any network of somebody's."""

    name: ClassVar[str] = "anything"
    foreign: ClassVar[bool] = True

    @classmethod
    def words_for(cls, name: str) -> str | None:
        return f"anything/{name}" if name == "resnet18" else None


@pytest.fixture
def registry() -> Registry:
    zoo = SimpleNamespace(__name__="others", snnfw_register_models=hookimpl(lambda: [Anything]))
    return Registry(plugins=[toy_plugin, zoo], entry_points=False)


HINTS: dict[str, tuple[Callable[..., object], list[str], str]] = {
    "spaces around =": (
        resolve,
        ["task", "=", "naming"],
        "there are spaces around '=' behind 'task': write task=naming.",
    ),
    "a space before =": (resolve, ["task", "=naming"], "there are spaces around '=' behind 'task': write task=naming."),
    "a space behind =": (resolve, ["task=", "naming"], "there is a space behind 'task=': write task=naming."),
    "no key": (resolve, ["=", "naming"], "'=' has no key in front: write key=value without spaces around '='."),
    "a list with spaces": (resolve_comparison, ["methods=[bursting,", "single]"], SPLIT),
    "a list without an end": (
        resolve_comparison,
        ["methods=[bursting,", "task=naming"],
        "'methods=[bursting,' lacks a closing ]: close it, and put quotes around what has spaces.",
    ),
    "a task alone": (resolve, ["naming"], "'naming' says no key: write task=naming."),
    "a neuron alone": (resolve, ["task=naming", "burst"], "'burst' says no key: write neuron=burst."),
    "a file alone": (resolve, ["a.yaml"], "'a.yaml' says no key: write experiment=a.yaml or recipe=a.yaml."),
    "a plugin's file alone": (resolve, ["a.py"], "'a.py' says no key: write load=[a.py]."),
    "a converted network alone": (
        resolve,
        ["net.snn"],
        "'net.snn' says no key: write checkpoint=net.snn.",
    ),
    "method of Python": (resolve, ["method=burst"], "no key named 'method'. Did you mean plugin=burst?"),
    "a key alone": (resolve, ["task", "naming"], "'task' gives no value: write task=naming."),
    "a colon": (resolve, ["task:naming"], "'task:naming' gives no value: write task=naming."),
    "all in one pair of quotes": (
        resolve,
        ["task=naming plugin=bursting"],
        "'task=naming plugin=bursting' is several words in one pair of quotes: leave the quotes out.",
    ),
    "T": (resolve, ["T=4"], "no key named 'T'. Did you mean timesteps=4?"),
    "t": (resolve_training, ["t=4"], "no key named 't'. Did you mean timesteps=4?"),
    "a parameter of a neuron": (resolve, ["phi=4"], "no key named 'phi'. Did you mean neuron.phi=4?"),
    "the learning rate": (resolve_training, ["lr=0.1"], "no key named 'lr'. Did you mean trainer.rate=0.1?"),
    "epochs": (resolve_training, ["epochs=2"], "no key named 'epochs'. Did you mean trainer.epochs=2?"),
    "epochs of a run": (resolve, ["epochs=2"], "no key named 'epochs': trainer.epochs is for 'snnfw train'."),
    "a key of compare": (resolve, ["methods=[a]"], "no key named 'methods': methods is for 'snnfw compare'."),
    "a key of run": (resolve_training, ["exit=null"], "no key named 'exit': exit is for 'snnfw run'."),
    "a gpu": (resolve, ["gpu=0"], "no key named 'gpu'. Did you mean device=cuda?"),
    "none": (
        resolve,
        ["task=naming", "plugin=bursting", "exit=none"],
        "no exit policy named 'none': write exit=null for none.",
    ),
    "no": (
        resolve,
        ["task=naming", "plugin=bursting", "exit=false"],
        "exit=false is not allowed: write exit=null for none.",
    ),
    "a neuron as a plugin": (
        resolve,
        ["task=naming", "plugin=burst"],
        "no plugin named 'burst'. Did you mean neuron=burst?",
    ),
    "several plugins": (
        resolve,
        ["task=naming", "plugin=bursting,plain"],
        "plugin=bursting,plain names several, and one is allowed: 'snnfw compare' takes several methods, methods=[bursting,plain].",
    ),
    "a neuron of nobody's": (
        resolve,
        ["task=naming", "neuron=leaky"],
        "no neuron named 'leaky'. Registered: burst, following, single. One of your own comes with load=[FILE.py].",
    ),
    "a network of a library": (
        resolve,
        ["task=naming", "plugin=bursting", "model=resnet18"],
        "no model named 'resnet18'. Did you mean model=anything/resnet18?",
    ),
    "a network of others on the task's own data": (
        resolve,
        ["task=naming", "plugin=bursting", "model=anything"],
        "model 'anything' may be any network, and nothing says which data it is for: give data=NAME and where it is, data.root=FOLDER, "
        f"or, to plan without data, input=3x224x224. {DATA}",
    ),
    "a folder of the task's own data": (
        resolve,
        ["task=naming", "plugin=bursting", "data.root=x"],
        "data.root=x is given, and the task's own data set 'digits' has no root: give data=NAME too. With root: folder.",
    ),
    "a shape with commas": (
        resolve_sketch,
        ["model=small", "plugin=bursting", "input=[3,8,8]"],
        "input=[3, 8, 8] is not allowed: give the shape of one sample, input=3x224x224, with commas between several inputs and :int "
        "behind whole numbers, input=3x64x64,10:int.",
    ),
    "data beside a shape": (
        resolve_sketch,
        ["model=small", "plugin=bursting", "input=3x8x8", "data=digits"],
        "input= stands for the data, so data=digits has no effect: leave one of them out.",
    ),
}


@pytest.mark.parametrize("mistake", HINTS)
def test_a_mistake_is_answered_with_how_it_is_written(mistake: str, registry: Registry) -> None:
    read, words, sentence = HINTS[mistake]
    with pytest.raises(SnnfwError) as caught:
        read(words, registry)
    assert str(caught.value) == sentence


def test_one_value_is_a_list_of_one(registry: Registry) -> None:
    words = ["task=naming", "plugin=bursting"]
    assert resolve([*words, "checkpoints=4"], registry).checkpoints == (4,)
    compared = resolve_comparison(["task=naming", "methods=single", "checkpoints=4"], registry)
    assert ([method.name for method in compared.methods], compared.checkpoints) == (["single"], (4,))


def test_a_network_of_others_takes_data_that_is_named(registry: Registry) -> None:
    assert resolve(["task=naming", "plugin=bursting", "model=anything", "data=digits"], registry).model == Anything()


def test_the_folder_of_a_run_alone_is_read_by_its_configuration(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    Path("run/config.yaml").touch()
    with pytest.raises(SnnfwError) as caught:
        resolve(["run"], registry)
    assert str(caught.value) == "'run' says no key: write experiment=run/config.yaml."
