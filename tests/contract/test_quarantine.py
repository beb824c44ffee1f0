"""A plugin of any kind with a fault is set aside with one sentence, and the others go on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import toy_plugin
from snnfw import cli
from snnfw.config.resolution import resolve
from snnfw.config.schema import RunConfig
from snnfw.errors import SnnfwError
from snnfw.kinds import KINDS
from snnfw.registry import Registry
from snnfw.stages import convert_and_simulate, load_subject
from snnfw.values import Bundle, Resources

HEAD = """
from dataclasses import dataclass, replace
from typing import ClassVar
import snnfw

"""
BODY = """
@dataclass(frozen=True)
class Mine:
    name: ClassVar[str] = "mine"
    {fields}

@snnfw.hookimpl
def snnfw_register_{kind}():
    return {answer}
"""
SOUND = {
    "neurons": ("activations = ()", "observer", "build"),
    "converters": ("convert",),
    "searches": ("search",),
    "exit_policies": ("prepare",),
    "energy_models": ("multiply", "accumulate", "fire"),
    "launchers": ("map",),
    "tasks": ("default_model = 'small'", "default_data = 'digits'", "load"),
    "models": ("tasks = ('naming',)", "build"),
    "data": ("tasks = ('naming',)", "open"),
    "trackers": ("require", "log"),
}
"""What a class of each kind has, the method that is left out last."""

LACKS = {
    "neurons": "neuron 'mine' has no build: see snnfw.Neuron.",
    "converters": "converter 'mine' has no convert: see snnfw.Converter.",
    "searches": "search 'mine' has no search: see snnfw.Search.",
    "exit_policies": "exit policy 'mine' has no prepare: see snnfw.ExitPolicy.",
    "energy_models": "energy model 'mine' has no fire: see snnfw.EnergyModel.",
    "launchers": "launcher 'mine' has no map: see snnfw.Launcher.",
    "tasks": "task 'mine' has no load: see snnfw.Task.",
    "models": "model 'mine' has no build: see snnfw.ModelSource.",
    "data": "data set 'mine' has no open: see snnfw.DataSource.",
    "trackers": "tracker 'mine' has no log: see snnfw.Tracker.",
    "presets": "Preset.converter is a str: give an instance with a method 'convert'.",
}

REMOVED = {
    "neurons": (
        "from snnfw.spiking.neuron import SpikingNeuron",
        "snnfw.spiking.neuron.SpikingNeuron",
        "SpikingNeuron",
    ),
    "converters": ("from snnfw.convert.observers import Peak", "snnfw.convert.observers.Peak", "neurons.PeakThreshold"),
    "searches": ("from snnfw.simulate.trials import Trials", "snnfw.simulate.trials.Trials", "search.Trials"),
    "exit_policies": ("import snnfw.simulate.energy", "snnfw.simulate.energy", "energy.charges"),
    "energy_models": ("import snnfw.simulate.energy_model", "snnfw.simulate.energy_model", "energy.model"),
    "launchers": ("import snnfw.simulate.keys", "snnfw.simulate.keys", "search.keys"),
    "tasks": ("from snnfw.contracts import Bundle", "snnfw.contracts.Bundle", "Bundle"),
    "models": ("from snnfw.contracts.data import Resources", "snnfw.contracts.data.Resources", "Resources"),
    "data": ("import snnfw.contracts as c; c.Resources", "snnfw.contracts.Resources", "Resources"),
    "trackers": ("from snnfw.contracts import Inputs", "snnfw.contracts.Inputs", "Inputs"),
    "presets": ("from snnfw.contracts import Keep", "snnfw.contracts.Keep", "Keep"),
}
"""What a plugin for each kind takes by a name that is no more: the line, the old name and the new."""


def written(kind: str, *fields: str, head: str = "", answer: str = "[Mine]") -> str:
    """Return a plugin whose class has these fields and methods."""
    lines = [field if "=" in field else f"def {field}(self, *given): ..." for field in fields]
    return f"{head}{HEAD}{BODY.format(kind=kind, answer=answer, fields=f'{chr(10)}    '.join(lines))}"


def lacking(kind: str) -> tuple[str, str]:
    if kind == "presets":
        return written(kind, answer="[snnfw.Preset('mine', (), converter='direct')]"), f"SnnfwError {LACKS[kind]}"
    return written(kind, *SOUND[kind][:-1]), LACKS[kind]


def junk(kind: str) -> tuple[str, str]:
    if kind == "presets":
        sentence = "3 is not a preset: snnfw_register_presets returns instances of Preset."
    else:
        sentence = "3 is not a frozen dataclass: decorate the class with @dataclass(frozen=True)."
    return written(kind, answer="[3]"), sentence


def raising(kind: str) -> tuple[str, str]:
    return written(kind, head="1 / 0"), "ZeroDivisionError: division by zero."


def exiting(kind: str) -> tuple[str, str]:
    return written(kind, head="raise SystemExit(3)"), "SystemExit: 3."


def removed(kind: str) -> tuple[str, str]:
    line, old, new = REMOVED[kind]
    return written(kind, *SOUND.get(kind, ()), head=line), f"{old} is snnfw.{new} now."


FAULTS: dict[str, Callable[[str], tuple[str, str]]] = {
    "lacks a method": lacking,
    "returns junk": junk,
    "raises on import": raising,
    "ends the program on import": exiting,
    "uses a removed name": removed,
}


@dataclass(frozen=True)
class Installed:
    """A module that an installed package's entry point names."""

    name: str

    def entry(self) -> metadata.EntryPoint:
        found = metadata.EntryPoint(self.name, self.name, "snnfw")
        vars(found)["dist"] = SimpleNamespace(name="stranger")
        return found


def quarantined(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Return a registry with a plugin of that text beside a sound one, both by their entry points."""
    (folder / "stranger_module.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "stranger_module", raising=False)
    entries = [Installed("stranger_module").entry(), Installed("toy_plugin").entry()]
    monkeypatch.setattr("snnfw.registry.metadata.entry_points", lambda group: entries)
    return Registry()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_sentence_and_the_others_go_on(
    fault: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, sentence = FAULTS[fault](kind)
    found = quarantined(text, tmp_path, monkeypatch)
    [reason] = found.quarantined.values()
    assert reason.endswith(sentence.removeprefix("SnnfwError "))
    assert "\n" not in reason
    assert list(found.plugins) == ["snnfw", "toy_plugin"]
    assert found.find("neurons", "burst") is toy_plugin.Burst
    assert not [name for name in KINDS if "mine" in found.all(name)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_the_same_in_a_file_that_is_loaded_is_an_error(fault: str, kind: str, tmp_path: Path) -> None:
    text, sentence = FAULTS[fault](kind)
    file = tmp_path / "mine.py"
    file.write_text(text, encoding="utf-8")
    registry = Registry(plugins=[toy_plugin], entry_points=False)
    with pytest.raises(SnnfwError) as caught:
        registry.load_file(file)
    assert str(caught.value).startswith(f"load={file} does not work: ")
    assert str(caught.value).endswith(sentence.removeprefix("SnnfwError "))
    assert list(registry.plugins) == ["snnfw", "toy_plugin"]


@pytest.mark.parametrize(("old", "kind", "new"), [("clouds", "data", "open"), ("detector", "models", "build")])
def test_a_method_by_its_old_name_is_told_the_new(
    old: str, kind: str, new: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = quarantined(written(kind, "tasks = ()", old), tmp_path, monkeypatch)
    word, contract = {"data": ("data set", "DataSource"), "models": ("model", "ModelSource")}[kind]
    assert dict(found.quarantined) == {
        "stranger_module": f"{word} 'mine' has no {new} (its '{old}' is called '{new}' now): see snnfw.{contract}."
    }


PREPARING: Any = type("Preparing", (), {"__annotations__": {}, "preprocess": None})


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (("tasks = 'naming'", "build"), "model 'mine' has tasks = 'naming': give a tuple of names, such as"),
        (("tasks = ('naming',)", "build"), "model 'mine' has no preprocess, which task 'naming' asks for: see "),
    ],
)
def test_a_source_lacks_what_its_task_asks_for(
    fields: tuple[str, ...], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toy_plugin.Naming, "model_source", PREPARING, raising=False)
    text = written("models", *fields)
    file = tmp_path / "mine.py"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setattr(toy_plugin.Small, "preprocess", None, raising=False)
    registry = Registry(plugins=[toy_plugin], entry_points=False)
    with pytest.raises(SnnfwError, match=r"does not work: ") as caught:
        registry.load_file(file)
    assert sentence in str(caught.value)


def test_the_command_line_says_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    quarantined(removed("searches")[0], tmp_path, monkeypatch)
    assert cli.main(["plugins", "list"]) == 0
    assert "snnfw.simulate.trials.Trials is snnfw.search.Trials now." in capsys.readouterr().out
    assert cli.main(["plugins", "check", "stranger_module"]) == 2
    assert capsys.readouterr().err == (
        "snnfw: plugin 'stranger_module' is quarantined: ModuleNotFoundError: No module named 'snnfw.simulate.trials'. "
        "snnfw.simulate.trials.Trials is snnfw.search.Trials now.\n"
    )


def config_with(key: str, method: str, answer: Callable[..., Any]) -> RunConfig:
    """Return a short run in which one method answers whatever it is asked."""
    stranger = type("Stranger", (), {"name": "mine", "fits": False, method: lambda self, *given: answer(*given)})()
    words = ["task=classification", "model=digits-vgg", "plugin=burst", "timesteps=2", "task.limit=8"]
    return replace(resolve(words, Registry()), **{key: stranger})


@pytest.mark.parametrize(
    ("key", "method", "sentence"),
    [
        ("task", "load", "what 'mine' returns is an int: give a snnfw.Bundle."),
        ("search", "search", "what 'mine' returns is an int: give a snnfw.SearchResult."),
        ("converter", "convert", "what 'mine' returns is an int: give a snnfw.SpikingModel."),
        (
            "exit",
            "prepare",
            "what exit 'mine' returns is an int: give a rule, see snnfw.ExitRule.",
        ),
    ],
)
def test_junk_that_shows_in_a_run_is_one_sentence(key: str, method: str, sentence: str) -> None:
    config = config_with(key, method, lambda *given: 3)
    with pytest.raises(SnnfwError) as caught:
        convert_and_simulate(config, load_subject(config, Resources()))
    assert str(caught.value) == sentence


def old_import(*given: Any) -> None:
    exec("from snnfw import Found")  # noqa: S102  # an import that a checker of types would refuse


def old_bundle(*given: Any) -> None:
    made: Any = Bundle
    made(model=None, example=(), calibration=[])


def old_attribute(*given: Any) -> Any:
    return next(its for its in given if hasattr(its, "judgement")).bundle


@pytest.mark.parametrize(
    ("key", "method", "answer", "sentence"),
    [
        ("task", "load", old_bundle, "Bundle.calibration is Bundle.data.calibration now."),
        ("search", "search", old_attribute, "Trials.bundle is Trials.data, with Trials.judgement beside it, now."),
        ("converter", "convert", old_import, "snnfw.Found is snnfw.SearchResult now."),
        ("exit", "prepare", old_import, "snnfw.Found is snnfw.SearchResult now."),
    ],
)
def test_an_old_name_that_shows_in_a_run_is_one_sentence(
    key: str, method: str, answer: Callable[..., Any], sentence: str
) -> None:
    config = config_with(key, method, answer)
    with pytest.raises(SnnfwError, match=f"^{key}=mine does not work: ") as caught:
        convert_and_simulate(config, load_subject(config, Resources()))
    assert str(caught.value).endswith(sentence)


@pytest.mark.parametrize("key", ["task", "search", "converter", "exit"])
def test_any_other_fault_in_a_run_keeps_its_traceback(key: str) -> None:
    methods = {"task": "load", "search": "search", "converter": "convert", "exit": "prepare"}
    config = config_with(key, methods[key], lambda *given: cast("Any", given).nothing)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        convert_and_simulate(config, load_subject(config, Resources()))


@pytest.mark.parametrize(
    ("junk", "sentence"),
    [
        ({"observer": lambda self, site: 3}, "the observer of '[^']+' is an int: give a snnfw.Observer, with "),
        (
            {"build": lambda self, *given: 3},
            "what the neuron at '[^']+' builds is an int: give a snnfw.SpikingNeuron.",
        ),
    ],
)
def test_junk_of_a_neuron_is_one_sentence(junk: dict[str, Any], sentence: str) -> None:
    words = ["task=classification", "model=digits-vgg", "neuron=if", "converter=direct", "timesteps=2", "task.limit=8"]
    config = resolve(words, Registry())
    [rule] = config.layers
    neuron = type("Mine", (type(rule.neuron),), junk)()
    config = replace(config, layers=(replace(rule, neuron=neuron),))
    with pytest.raises(SnnfwError, match=f"^{sentence}"):
        convert_and_simulate(config, load_subject(config, Resources()))
