"""What a search is told, and what is refused before anything is computed."""

from __future__ import annotations

import re

import pytest

from snnfw.config.tuning import MORE, TUNING_KEYS, resolve_tuning
from snnfw.errors import SnnfwError
from snnfw.registry import Registry


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry()


def test_without_words_every_method_for_trained_networks_is_tried(registry: Registry) -> None:
    config = resolve_tuning(["task=classification"], registry)
    presets = {name for name, preset in registry.presets.items() if not preset.trained} - {"ann"}
    assert {method.name for method in config.methods} == presets
    assert set(config.left_out) == set(registry.presets) - presets
    assert set(next(each.stages for each in config.methods if each.name == "adafire")) == {"search", "exit"}
    assert {policy.name for policy in config.exits} == {"entropy", "confidence", "stability"}
    assert all(each.config.search is None and each.config.exit is None for each in config.methods)


def test_more_calibration_samples_are_taken_unless_somebody_says_how_many(registry: Registry) -> None:
    usual = registry.tasks["classification"]().calibration  # type: ignore[attr-defined]
    assert resolve_tuning(["task=classification"], registry).shared.task.calibration == MORE * usual  # type: ignore[attr-defined]
    said = resolve_tuning(["task=classification", "task.calibration=50"], registry)
    assert said.shared.task.calibration == 50  # type: ignore[attr-defined]
    assert said.configure({"plugin": "rate"}).task == said.shared.task


def test_methods_are_named_as_for_a_comparison(registry: Registry) -> None:
    words = ["task=classification", "methods=[rate, if, {name: mine, plugin: signed, neuron: {phi: 2}}]", "timesteps=4"]
    config = resolve_tuning(words, registry)
    assert [method.name for method in config.methods] == ["rate", "if", "mine"]
    assert config.aim.timesteps == (4,)
    assert config.methods[2].config.timesteps == 4


REFUSALS = {
    "drop=-1": "drop=-1 is not allowed: it must be at least 0.",
    "minimise=latency": "minimise=latency is not allowed: it must be 'energy', 'timesteps' or 'spikes'.",
    "confidence=1": "confidence=1 is not allowed: it must be less than 1.",
    "validate=1": "validate=1 is not allowed: it must be less than 1.",
    "timesteps=[0]": "timesteps must be a list of numbers, each at least 1",
    "methods=[sigmadleta]": "no method named 'sigmadleta'. Did you mean 'sigmadelta'?",
    "methods=[qcfs, {name: qcfs, plugin: rate}]": "two methods are called 'qcfs'",
    "plugin=signed": "no key named 'plugin'",
    "checkpoints=[1]": "no key named 'checkpoints'",
    "fitting=0.5": "no key named 'fitting'",
    "devices=2": "no key named 'devices'",
    "drops=0.5": "no key named 'drops'. Did you mean 'drop'?",
}


@pytest.mark.parametrize("words", REFUSALS)
def test_what_is_not_allowed_is_refused(registry: Registry, words: str) -> None:
    with pytest.raises(SnnfwError, match=re.escape(REFUSALS[words])):
        resolve_tuning(["task=classification", words], registry)


def test_its_keys_are_a_runs_without_a_methods() -> None:
    assert not {"plugin", "neuron", "layers", "recipe", "exit", "search", "converter", "checkpoint"} & set(TUNING_KEYS)
    assert {"drop", "minimise", "launcher", "task", "out", "energy", "seed"} <= set(TUNING_KEYS)
