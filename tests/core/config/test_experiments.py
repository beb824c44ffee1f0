"""Experiments that a plugin ships, found by name."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

import toy_plugin
from snnfw.config.comparison import resolve_comparison
from snnfw.config.resolution import resolve
from snnfw.config.training import resolve_training
from snnfw.errors import SnnfwError
from snnfw.hookspecs import hookimpl
from snnfw.registry import Registry

SHIPPED = "task: naming\nneuron: {name: burst, phi: 2}\ntimesteps: 4\nseed: 5\ntrainer: {epochs: 7, rate: 0.5}\n"


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Return a registry with a plugin that ships two experiments, in a working folder that is empty."""
    shipping = ModuleType("shipping")
    shipping.__file__ = str(tmp_path / "shipping.py")

    @hookimpl
    def snnfw_register_neurons() -> list[type]:
        return []

    shipping.snnfw_register_neurons = snnfw_register_neurons  # type: ignore[attr-defined]  # a module made here
    (tmp_path / "experiments").mkdir()
    for name in ("first", "second"):
        (tmp_path / "experiments" / f"{name}.yaml").write_text(SHIPPED)
    (tmp_path / "experiments" / "notes.txt").write_text("no experiment")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return Registry(plugins=[toy_plugin, shipping], entry_points=False)


def test_an_experiment_of_a_plugin_is_found_by_its_name(registry: Registry) -> None:
    config = resolve(["experiment=shipping/first", "neuron.phi=3"], registry)
    assert (config.timesteps, config.seed) == (4, 5)
    assert config.layers[-1].neuron == toy_plugin.Burst(phi=3)


def test_a_training_reads_the_trainers_part_and_words_lie_above_it(registry: Registry) -> None:
    config = resolve_training(["experiment=shipping/first", "trainer.epochs=2"], registry)
    assert (config.trainer.epochs, config.trainer.rate, config.run.timesteps) == (2, 0.5, 4)


def test_a_comparison_shares_what_the_experiment_says(registry: Registry) -> None:
    config = resolve_comparison(["experiment=shipping/first", "methods=[single]", "checkpoints=[1,2]"], registry)
    assert (config.shared.seed, config.checkpoints) == (5, (1, 2))
    assert config.methods[0].config.layers[-1].neuron == toy_plugin.Single()


def test_a_file_at_that_path_is_meant_first(registry: Registry) -> None:
    Path("shipping").mkdir()
    Path("shipping/first").write_text("task: naming\nneuron: single\nseed: 9\n")
    assert resolve(["experiment=shipping/first"], registry).seed == 9


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        (
            "shipping/frist",
            "no experiment of plugin 'shipping' named 'frist'. Did you mean 'first'? Shipped: first, second.",
        ),
        (
            "shiping/first",
            "experiment=shiping/first does not work: there is no such file, and no plugin 'shiping' that ships "
            "experiments. Plugins that do: shipping.",
        ),
        ("shipping/first.yaml", "experiment=shipping/first.yaml does not work: there is no such file."),
        ("some/other/first", "experiment=some/other/first does not work: there is no such file."),
        ("/first", "experiment=/first does not work: there is no such file."),
        ("first", "experiment=first does not work: there is no such file."),
    ],
)
def test_an_unknown_experiment_is_told_with_what_there_is(registry: Registry, named: str, sentence: str) -> None:
    for door in (resolve, resolve_training):
        with pytest.raises(SnnfwError) as caught:
            door([f"experiment={named}"], registry)
        assert str(caught.value) == sentence
    with pytest.raises(SnnfwError) as caught:
        resolve_comparison([f"experiment={named}", "methods=[single]"], registry)
    assert str(caught.value) == sentence


def test_without_any_that_ship_the_list_says_none() -> None:
    with pytest.raises(SnnfwError) as caught:
        resolve(["experiment=mine/first"], Registry(entry_points=False))
    assert str(caught.value) == (
        "experiment=mine/first does not work: there is no such file, and no plugin 'mine' that ships experiments. "
        "Plugins that do: none."
    )


def test_a_quarantined_plugin_says_why(tmp_path: Path) -> None:
    broken = ModuleType("broken")
    registry = Registry(plugins=[broken], entry_points=False)
    with pytest.raises(SnnfwError) as caught:
        resolve(["experiment=broken/first"], registry)
    assert str(caught.value) == (
        "experiment=broken/first: plugin 'broken' is quarantined: it has no hook: mark its functions with "
        "@snnfw.hookimpl."
    )
