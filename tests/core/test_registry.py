from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

import toy_plugin
from snnfw import hookspecs
from snnfw.conversion.direct import Direct
from snnfw.errors import SnnfwError
from snnfw.hookspecs import hookimpl
from snnfw.registry import Registry

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "reference" / "plugins.md"


@dataclass(frozen=True, slots=True)
class Leaky:
    """Forget a little."""

    name: ClassVar[str] = "leaky"
    activations: ClassVar[tuple[str, ...]] = ()

    def observer(self, site: Any) -> Any:
        return site

    def build(self, site: Any, stats: Any, timesteps: int) -> Any:
        return site


@dataclass(frozen=True, slots=True)
class AnotherBurst(Leaky):
    name: ClassVar[str] = "burst"


@dataclass
class Thawed:
    name: ClassVar[str] = "thawed"


@dataclass(frozen=True)
class Nameless:
    phi: int = 1


@dataclass(frozen=True)
class NamedByField:
    name: str = "field"


@dataclass(frozen=True)
class Unbuildable:
    name: ClassVar[str] = "unbuildable"
    activations: ClassVar[tuple[str, ...]] = ()

    def observer(self, site: Any) -> Any:
        return site


@dataclass(frozen=True)
class Kept(Leaky):
    name: ClassVar[str] = "keep"


@dataclass(frozen=True)
class Spaced(Leaky):
    name: ClassVar[str] = "two words"


def neurons(*classes: object) -> SimpleNamespace:
    """Return a plugin that registers neurons."""
    return SimpleNamespace(__name__="mine", snnfw_register_neurons=hookimpl(lambda: list(classes)))


def registry(*plugins: object) -> Registry:
    return Registry(plugins=plugins, entry_points=False)


def test_everything_a_plugin_registers_is_found_by_name() -> None:
    found = registry(toy_plugin)
    assert set(found.neurons) == {"burst", "single", "following"}
    assert set(found.converters) == {"direct", "calibrated"}
    assert set(found.searches) == {"greedy"}
    assert set(found.exit_policies) == {"confident"}
    assert set(found.energy_models) == {"horowitz", "flat"}
    assert set(found.tasks) == {"naming", "finding"}
    assert set(found.models) == {"small", "zoo", "callable"}
    assert set(found.data) == {"digits", "folder"}
    assert set(found.presets) == {"ann", "bursting", "plain"}
    assert found.find("neurons", "burst") is toy_plugin.Burst
    assert not found.quarantined


def test_the_cores_own_methods_come_as_a_plugin() -> None:
    found = registry()
    assert found.find("converters", "direct") is Direct
    assert found.owner("converters", "direct") == "snnfw"
    assert list(found.plugins) == ["snnfw"]


def test_a_method_knows_who_registered_it() -> None:
    found = registry(toy_plugin, neurons(Leaky))
    assert found.owner("neurons", "burst") == "toy_plugin"
    assert found.owner("neurons", "leaky") == "mine"


def test_a_class_and_an_object_can_be_plugins() -> None:
    class AsClass:
        @hookimpl
        @staticmethod
        def snnfw_register_neurons() -> list[type]:
            return [Leaky]

    class AsObject:
        @hookimpl
        def snnfw_register_neurons(self) -> list[type]:
            return [AnotherBurst]

    found = registry(AsClass, AsObject())
    assert dict(found.quarantined) == {}
    assert list(found.plugins) == ["snnfw", "AsClass", "plugin 2"]
    assert set(found.neurons) == {"leaky", "burst"}


def test_modules_with_one_last_name_are_told_apart_by_the_whole() -> None:
    mine, yours = neurons(Leaky), neurons(type("Other", (Leaky,), {"name": "other"}))
    mine.__name__, yours.__name__ = "mine.task", "yours.task"
    assert list(registry(mine, yours).plugins) == ["snnfw", "task", "yours.task"]


def test_registries_share_nothing() -> None:
    registry(neurons(Leaky))
    assert "leaky" not in registry().neurons


def test_what_is_found_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        registry(toy_plugin).neurons["burst"] = Leaky  # type: ignore[index]  # that is the point


@pytest.mark.parametrize(
    ("plugin", "reason"),
    [
        (
            neurons(Thawed),
            "Thawed is not a frozen dataclass: decorate the class with @dataclass(frozen=True).",
        ),
        (
            neurons(Leaky()),
            "Leaky() is not a frozen dataclass: decorate the class with @dataclass(frozen=True).",
        ),
        (neurons(Nameless), "Nameless has no name: give the class 'name: ClassVar[str] = ...'."),
        (neurons(NamedByField), "NamedByField has no name: give the class 'name: ClassVar[str] = ...'."),
        (neurons(Unbuildable), "neuron 'unbuildable' has no build: see snnfw.Neuron."),
        (
            neurons(Kept),
            "neuron 'keep' needs another name: letters, digits, '_', '-' and '.', and not 'keep'.",
        ),
        (
            neurons(Spaced),
            "neuron 'two words' needs another name: letters, digits, '_', '-' and '.', and not 'keep'.",
        ),
        (neurons(Leaky, Leaky), "neuron 'leaky' is already registered by plugin 'mine'."),
        (neurons(AnotherBurst), "neuron 'burst' is already registered by plugin 'toy_plugin'."),
        (
            SimpleNamespace(__name__="mine", snnfw_register_neurons=hookimpl(lambda: None)),
            "snnfw_register_neurons returns None: it must return a list.",
        ),
        (
            SimpleNamespace(__name__="mine", snnfw_register_neurons=hookimpl(lambda: 1 / 0)),
            "ZeroDivisionError: division by zero.",
        ),
        (
            SimpleNamespace(__name__="mine", snnfw_register_presets=hookimpl(lambda: [Leaky])),
            "Leaky is not a preset: snnfw_register_presets returns instances of Preset.",
        ),
        (
            SimpleNamespace(__name__="mine", snnfw_register_neuron=hookimpl(lambda: [Leaky])),
            "no hook named 'snnfw_register_neuron'. Did you mean 'snnfw_register_neurons'? Hooks: "
            "snnfw_after_run, snnfw_register_converters, snnfw_register_data, snnfw_register_energy_models, "
            "snnfw_register_exit_policies, snnfw_register_launchers, snnfw_register_models, snnfw_register_neurons, "
            "snnfw_register_presets, snnfw_register_searches, snnfw_register_tasks, snnfw_register_trackers.",
        ),
        (
            SimpleNamespace(__name__="mine", snnfw_register_neurons=lambda: [Leaky]),
            "it has no hook: mark its functions with @snnfw.hookimpl.",
        ),
        (
            SimpleNamespace(__name__="toy_plugin", snnfw_register_neurons=hookimpl(lambda: [Leaky])),
            "another plugin is already named 'toy_plugin'.",
        ),
        (
            neurons(dataclass(frozen=True)(type("Listed", (), {"name": ["a", "list"]}))),
            "Listed has no name: give the class 'name: ClassVar[str] = ...'.",
        ),
    ],
)
def test_a_plugin_with_a_fault_is_quarantined_and_the_rest_works(plugin: object, reason: str) -> None:
    found = registry(toy_plugin, plugin)
    assert list(found.quarantined.values()) == [reason]
    assert set(found.neurons) == {"burst", "single", "following"}
    assert list(found.plugins) == ["snnfw", "toy_plugin"]


def test_a_hook_with_foreign_arguments_is_a_fault() -> None:
    found = registry(SimpleNamespace(__name__="mine", snnfw_register_neurons=hookimpl(lambda site: [site])))
    assert "are declared in the hookimpl but can not be found in the hookspec" in found.quarantined["mine"]


def test_asking_for_a_method_of_a_quarantined_plugin_says_why_it_is_not_there() -> None:
    found = registry(toy_plugin, neurons(Leaky, AnotherBurst))
    with pytest.raises(SnnfwError) as caught:
        found.find("neurons", "leaky")
    assert str(caught.value) == (
        "neuron 'leaky' of plugin 'mine' is quarantined: neuron 'burst' is already registered by plugin 'toy_plugin'."
    )
    assert found.find("neurons", "burst") is toy_plugin.Burst


def entry_point(name: str, value: str, package: str) -> metadata.EntryPoint:
    found = metadata.EntryPoint(name, value, "snnfw")
    vars(found)["dist"] = SimpleNamespace(name=package)
    return found


def with_entry_points(monkeypatch: pytest.MonkeyPatch, *entries: metadata.EntryPoint) -> Registry:
    monkeypatch.setattr("snnfw.registry.metadata.entry_points", lambda group: entries)
    return Registry()


def test_an_entry_point_that_cannot_be_imported_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = with_entry_points(
        monkeypatch,
        entry_point("broken", "no_such_module", "stranger"),
        entry_point("toy", "toy_plugin", "toys"),
    )
    assert dict(found.quarantined) == {"broken": "ModuleNotFoundError: No module named 'no_such_module'."}
    assert "burst" in found.neurons
    with pytest.raises(SnnfwError) as caught:
        found.find("presets", "broken")
    assert str(caught.value) == (
        "plugin 'broken' is quarantined: ModuleNotFoundError: No module named 'no_such_module'."
    )
    with pytest.raises(SnnfwError) as caught:
        found.find("neurons", "brst")
    assert str(caught.value) == (
        "no neuron named 'brst'. Did you mean 'burst'? Registered: burst, following, single. "
        "Quarantined, see 'snnfw plugins list': broken."
    )


def test_bundled_plugins_load_before_others_so_that_nobody_takes_their_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = with_entry_points(
        monkeypatch,
        entry_point("toy", "no_such_module", "a-package-that-sorts-first"),
        entry_point("toy", "toy_plugin", "snnfw"),
    )
    assert found.owner("neurons", "burst") == "toy"
    assert dict(found.quarantined) == {
        "toy (a-package-that-sorts-first)": "ModuleNotFoundError: No module named 'no_such_module'."
    }


def test_an_empty_kind_says_that_nothing_is_registered() -> None:
    with pytest.raises(SnnfwError) as caught:
        registry().find("data", "digits")
    assert str(caught.value) == "no data set named 'digits': none is registered."


MINE = """
from __future__ import annotations
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
import snnfw

@dataclass(frozen=True, slots=True)
class Mine:
    name: ClassVar[str] = "mine"
    activations: ClassVar[tuple[str, ...]] = ()
    table: Path | None = None
    def observer(self, site): ...
    def build(self, site, stats, timesteps): ...

@snnfw.hookimpl
def snnfw_register_neurons():
    return [Mine]
"""


def test_a_file_is_a_plugin_and_loading_it_again_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "my_neuron.py"
    file.write_text(MINE)
    found = registry()
    found.load_file(file)
    found.load_file(file)
    assert found.owner("neurons", "mine") == "my_neuron"


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("absent.py", None, "there is no such file."),
        ("broken.py", "import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'."),
        ("empty.py", "", "it has no hook: mark its functions with @snnfw.hookimpl."),
        ("notes.txt", "", "a plugin's file name ends in .py."),
        ("toy_plugin.py", MINE, "another plugin is already named 'toy_plugin'."),
        (
            "taken.py",
            MINE.replace('"mine"', '"burst"'),
            "neuron 'burst' is already registered by plugin 'toy_plugin'.",
        ),
    ],
)
def test_a_file_with_a_fault_is_an_error(tmp_path: Path, name: str, text: str | None, reason: str) -> None:
    file = tmp_path / name
    if text is not None:
        file.write_text(text)
    with pytest.raises(SnnfwError) as caught:
        registry(toy_plugin).load_file(file)
    assert str(caught.value) == f"load={file} does not work: {reason}"


def test_a_broken_file_leaves_no_module_behind(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("1 / 0")
    with pytest.raises(SnnfwError):
        registry().load_file(file)
    assert not [name for name in sys.modules if name.startswith("snnfw_loaded_broken")]


def test_the_report_is_handed_to_every_plugin_that_asks() -> None:
    seen: list[object] = []
    asking = SimpleNamespace(__name__="asking", snnfw_after_run=hookimpl(lambda report: seen.append(report)))
    both = SimpleNamespace(
        __name__="both", snnfw_after_run=hookimpl(lambda report, folder: seen.append((report, folder)))
    )
    registry(toy_plugin, asking, both).after_run("the report", "its folder", seen.append)  # type: ignore[arg-type]  # any will do
    assert seen == [("the report", "its folder"), "the report"]


@pytest.mark.parametrize(
    ("error", "text"), [(OSError("no disk"), "OSError: no disk."), (SystemExit(3), "SystemExit: 3.")]
)
def test_what_a_plugin_raises_after_a_run_is_a_sentence_and_the_others_have_their_turn(
    error: BaseException, text: str
) -> None:
    def fail(report: object) -> None:
        raise error

    seen: list[object] = []
    faulty = SimpleNamespace(__name__="faulty", snnfw_after_run=hookimpl(fail))
    first, last = (
        SimpleNamespace(__name__=name, snnfw_after_run=hookimpl(lambda report: seen.append(report)))
        for name in ("first", "last")
    )
    said: list[str] = []
    registry(first, faulty, last).after_run("the report", "runs/a", said.append)  # type: ignore[arg-type]  # any will do
    assert seen == ["the report", "the report"]
    assert said == [f"snnfw_after_run of 'faulty' failed: {text} The results in runs/a are whole."]


def test_entry_points_may_be_those_of_another_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow brings importlib_metadata, which puts classes of its own in the place of Python's."""
    entry = SimpleNamespace(name="toys", load=lambda: toy_plugin, dist=SimpleNamespace(name="mine"))
    monkeypatch.setattr("snnfw.registry.find_entry_points", lambda: [entry])
    found = Registry()
    assert (dict(found.quarantined), found.owner("neurons", "burst")) == ({}, "toys")


def test_every_hook_is_documented_with_its_signature() -> None:
    documentation = DOCUMENTATION.read_text(encoding="utf-8")
    for name, hook in inspect.getmembers(hookspecs, inspect.isfunction):
        if name.startswith("snnfw_"):
            signature = str(inspect.signature(hook)).replace("'", "")
            assert f"{name}{signature}" in documentation
