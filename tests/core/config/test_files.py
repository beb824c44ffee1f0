"""Experiment and recipe files, and what lies above what."""

from __future__ import annotations

from pathlib import Path

import pytest

import toy_plugin
from snnfw.config.resolution import resolve, to_yaml
from snnfw.conversion.direct import Direct
from snnfw.errors import SnnfwError
from snnfw.planning.rules import Rule
from snnfw.registry import Registry
from snnfw.values import Keep
from toy_plugin import Burst, Calibrated, Confident, Folder, Naming, Single

RECIPE = """
timesteps: 16
converter: {name: calibrated, bias: false}
layers:
  - {match: "a.*", neuron: {name: burst, phi: 2}}
  - {match: "*", neuron: keep}
"""


@pytest.fixture
def registry() -> Registry:
    return Registry(plugins=[toy_plugin], entry_points=False)


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_recipe_says_which_neuron_goes_where(registry: Registry, tmp_path: Path) -> None:
    recipe = written(tmp_path / "mix.yaml", RECIPE)
    config = resolve(["task=naming", f"recipe={recipe}"], registry)
    assert config.layers == (Rule("a.*", Burst(phi=2)), Rule("*", Keep()))
    assert (config.timesteps, config.converter) == (16, Calibrated(bias=False))


def test_words_lie_above_a_recipe_and_a_recipe_above_a_preset(registry: Registry, tmp_path: Path) -> None:
    recipe = written(tmp_path / "mix.yaml", RECIPE)
    config = resolve(["task=naming", "plugin=bursting", f"recipe={recipe}", "timesteps=4"], registry)
    assert config.layers == (Rule("a.*", Burst(phi=2)), Rule("*", Keep()))
    assert (config.timesteps, config.converter, config.exit) == (
        4,
        Calibrated(bias=False),
        Confident(margin=0.5),
    )


def test_an_experiment_lies_above_a_preset_and_below_a_recipe(registry: Registry, tmp_path: Path) -> None:
    recipe = written(tmp_path / "mix.yaml", RECIPE)
    experiment = written(
        tmp_path / "experiment.yaml",
        "task: {name: naming, head: parts}\nplugin: bursting\ntimesteps: 3\nneuron: {phi: 9}\nseed: 5\n",
    )
    alone = resolve([f"experiment={experiment}"], registry)
    assert (alone.task, alone.timesteps, alone.seed) == (Naming("parts"), 3, 5)
    assert alone.layers[-1].neuron == Burst(phi=9)
    together = resolve([f"experiment={experiment}", f"recipe={recipe}"], registry)
    assert (together.timesteps, together.seed) == (16, 5)
    assert together.layers == (Rule("a.*", Burst(phi=2)), Rule("*", Keep()))


def test_a_recipe_that_an_experiment_names_lies_below_it_and_beside_it(registry: Registry, tmp_path: Path) -> None:
    written(tmp_path / "mix.yaml", RECIPE)
    experiment = written(tmp_path / "experiment.yaml", "task: naming\nrecipe: mix.yaml\ntimesteps: 2\n")
    config = resolve([f"experiment={experiment}"], registry)
    assert config.layers == (Rule("a.*", Burst(phi=2)), Rule("*", Keep()))
    assert config.timesteps == 2


def test_another_plugin_than_the_experiments_replaces_its_method_and_keeps_the_rest(
    registry: Registry, tmp_path: Path
) -> None:
    first = resolve(["task=naming", "plugin=bursting", "timesteps=5", "data=folder/here", "seed=2"], registry)
    experiment = written(tmp_path / "config.yaml", to_yaml(first))
    config = resolve([f"experiment={experiment}", "plugin=plain"], registry)
    assert config.layers == (Rule("*", Single()),)
    assert (config.converter, config.exit) == (Calibrated(), None)
    assert (config.timesteps, config.data, config.seed) == (5, Folder(Path("here")), 2)


def test_a_run_given_back_can_be_varied(registry: Registry, tmp_path: Path) -> None:
    experiment = written(tmp_path / "config.yaml", to_yaml(resolve(["task=naming", "plugin=bursting"], registry)))
    config = resolve([f"experiment={experiment}", "neuron.phi=1", "timesteps=4"], registry)
    assert config.layers[-1].neuron == Burst(phi=1)
    assert config.checkpoints == (1, 2, 4)
    chosen = resolve([f"experiment={experiment}", "neuron=single", "converter=direct"], registry)
    assert (chosen.layers[-1].neuron, chosen.converter) == (Single(), Direct())


def test_checkpoints_of_an_experiment_stay_if_they_are_its_own(registry: Registry, tmp_path: Path) -> None:
    experiment = written(tmp_path / "e.yaml", "task: naming\nneuron: burst\ntimesteps: 8\ncheckpoints: [3, 4]\n")
    assert resolve([f"experiment={experiment}", "timesteps=4"], registry).checkpoints == (3, 4)


def test_a_rule_without_a_neuron_follows_the_word(registry: Registry, tmp_path: Path) -> None:
    recipe = written(tmp_path / "mix.yaml", "layers: [{match: a, neuron: keep}, {match: '*'}]")
    config = resolve(["task=naming", f"recipe={recipe}", "neuron=burst", "neuron.phi=2"], registry)
    assert config.layers == (Rule("a", Keep()), Rule("*", Burst(phi=2)))


def test_a_neuron_beside_a_recipe_that_names_all_its_own_is_an_error(registry: Registry, tmp_path: Path) -> None:
    recipe = written(tmp_path / "mix.yaml", RECIPE)
    with pytest.raises(SnnfwError, match=r"^neuron\.phi=2 has no effect: every rule of the layers names"):
        resolve(["task=naming", f"recipe={recipe}", "neuron.phi=2"], registry)
    experiment = written(tmp_path / "experiment.yaml", "task: naming\nrecipe: mix.yaml\nneuron: single\n")
    with pytest.raises(SnnfwError, match=r"^neuron=single has no effect: every rule of the layers names"):
        resolve([f"experiment={experiment}"], registry)


MINE = """
from dataclasses import dataclass
from typing import ClassVar
import snnfw

@dataclass(frozen=True)
class Mine:
    name: ClassVar[str] = "mine"
    activations: ClassVar[tuple[str, ...]] = ()
    def observer(self, site): ...
    def build(self, site, stats, timesteps): ...

@snnfw.hookimpl
def snnfw_register_neurons():
    return [Mine]
"""


@pytest.mark.parametrize("form", ["load=[{}]", "load={}"])
def test_a_plugin_file_is_loaded_before_names_are_looked_up(registry: Registry, tmp_path: Path, form: str) -> None:
    plugin = written(tmp_path / "plugin_file.py", MINE)
    config = resolve(["task=naming", "neuron=mine", form.format(plugin)], registry)
    assert config.layers[0].neuron.name == "mine"
    assert config.resolved["load"] == [str(plugin)]


def test_paths_in_a_file_are_relative_to_it(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "below").mkdir()
    written(tmp_path / "below" / "plugin_file.py", MINE)
    written(tmp_path / "below" / "mix.yaml", "load: [plugin_file.py]\nlayers: [{match: '*', neuron: mine}]\n")
    experiment = written(tmp_path / "experiment.yaml", "task: naming\nrecipe: below/mix.yaml\n")
    monkeypatch.chdir("/")
    assert resolve([f"experiment={experiment}"], registry).layers[0].neuron.name == "mine"


def test_a_missing_file_is_named(registry: Registry, tmp_path: Path) -> None:
    for key in ("recipe", "experiment"):
        with pytest.raises(SnnfwError) as caught:
            resolve(["task=naming", f"{key}={tmp_path}/none.yaml"], registry)
        assert str(caught.value) == f"{key}={tmp_path}/none.yaml does not work: there is no such file."
    with pytest.raises(SnnfwError) as caught:
        resolve(["task=naming", f"load=[{tmp_path}/none.py]"], registry)
    assert str(caught.value) == f"load={tmp_path}/none.py does not work: there is no such file."


RECIPE_KEYS = "Keys: checkpoints, converter, energy, exit, fitting, layers, load, neuron, search, settled, timesteps."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it has no 'layers'."),
        ("timesteps: 4", "it has no 'layers'."),
        ("just words", f"no key named 'just words'. {RECIPE_KEYS}"),
        ("3", "Invalid loaded object type: int."),
        ("- {match: a}", "it holds a list where a mapping of keys is expected."),
        ("layer: []", f"no key named 'layer'. Did you mean 'layers'? {RECIPE_KEYS}"),
        ("task: naming", f"no key named 'task'. {RECIPE_KEYS}"),
        ("layers: [", "line 2: did not find expected node content."),
        ("layers: []\nlayers: []", "line 2: found duplicate key layers."),
    ],
)
def test_a_file_that_is_not_a_recipe_says_why(registry: Registry, tmp_path: Path, text: str, reason: str) -> None:
    recipe = written(tmp_path / "mix.yaml", text)
    with pytest.raises(SnnfwError) as caught:
        resolve(["task=naming", f"recipe={recipe}"], registry)
    assert str(caught.value) == f"{recipe} is not a recipe: {reason}"


def test_a_file_that_is_not_an_experiment_says_why(registry: Registry, tmp_path: Path) -> None:
    experiment = written(tmp_path / "e.yaml", "experiment: other.yaml")
    with pytest.raises(SnnfwError, match=r"e\.yaml is not an experiment: no key named 'experiment'\."):
        resolve([f"experiment={experiment}"], registry)


def test_a_picture_is_not_a_recipe(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    with pytest.raises(SnnfwError, match=r"picture\.png is not a recipe: "):
        resolve(["task=naming", f"recipe={tmp_path}/picture.png"], registry)
