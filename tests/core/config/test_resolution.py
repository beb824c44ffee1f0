from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import toy_plugin
from snnfw.config.resolution import resolve, resolve_mapping, to_yaml
from snnfw.conversion.direct import Direct
from snnfw.energy.horowitz import Horowitz
from snnfw.errors import SnnfwError
from snnfw.planning.rules import Rule
from snnfw.registry import Registry
from snnfw.values import Keep
from toy_plugin import (
    Burst,
    Calibrated,
    Called,
    Confident,
    Digits,
    Finding,
    Flat,
    Folder,
    Following,
    Greedy,
    Naming,
    Single,
    Small,
    Zoo,
)

if TYPE_CHECKING:
    from snnfw.config.schema import RunConfig


@pytest.fixture
def registry() -> Registry:
    return Registry(plugins=[toy_plugin], entry_points=False)


def configured(registry: Registry, *words: str) -> RunConfig:
    return resolve(["task=naming", *words], registry)


def neurons(config: RunConfig) -> list[object]:
    return [rule.neuron for rule in config.layers]


# ------------------------------------------------------------------------------------- what one gets


def test_a_neuron_alone_stands_everywhere_and_the_rest_has_defaults(registry: Registry) -> None:
    config = configured(registry, "neuron=burst")
    assert config.layers == (Rule("*", Burst()),)
    assert (config.task, config.model, config.data) == (Naming(), Small(), Digits())
    assert (config.converter, config.search, config.exit) == (Direct(), None, None)
    assert (config.timesteps, config.checkpoints) == (8, (1, 2, 4, 8))
    assert (config.backend, config.device, config.seed, config.memory) == ("auto", "cpu", 0, 2**31)
    assert (config.strict, config.energy, config.out, config.plugin) == (False, Horowitz(), None, None)


def test_a_preset_brings_its_recipe_and_its_stages(registry: Registry) -> None:
    config = configured(registry, "plugin=bursting")
    assert config.plugin == "bursting"
    assert config.layers == registry.presets["bursting"].layers
    assert (config.converter, config.exit) == (Calibrated(bias=False), Confident(margin=0.5))
    assert (config.timesteps, config.checkpoints) == (6, (1, 2, 4, 6))


def test_a_neurons_parameter_reaches_the_rules_of_the_preset_that_hold_it(registry: Registry) -> None:
    assert neurons(configured(registry, "plugin=bursting", "neuron.phi=2")) == [
        Keep(),
        Following(levels=3),
        Burst(phi=2),
    ]


def test_another_neuron_replaces_the_presets_and_drops_its_values(registry: Registry) -> None:
    assert neurons(configured(registry, "plugin=bursting", "neuron=single")) == [
        Keep(),
        Following(levels=3),
        Single(),
    ]


def test_the_presets_own_neuron_by_name_keeps_its_values(registry: Registry) -> None:
    config = configured(registry, "plugin=bursting", "neuron=burst", "neuron.shift=false")
    assert config.layers[-1].neuron == Burst(phi=3, shift=False)


def test_a_name_may_come_after_its_parameters(registry: Registry) -> None:
    assert neurons(configured(registry, "neuron.phi=2", "neuron=burst")) == [Burst(phi=2)]


def test_a_presets_stage_can_be_changed_replaced_and_dropped(registry: Registry) -> None:
    changed = configured(registry, "plugin=bursting", "exit.margin=0.25", "converter=direct", "search=greedy")
    assert (changed.exit, changed.converter, changed.search) == (Confident(0.25), Direct(), Greedy())
    assert configured(registry, "plugin=bursting", "exit=null").exit is None


def test_a_method_can_be_written_as_a_mapping(registry: Registry) -> None:
    assert neurons(configured(registry, "neuron={name: burst, phi: 7}")) == [Burst(phi=7)]


def test_keep_can_stand_everywhere(registry: Registry) -> None:
    assert neurons(configured(registry, "neuron=keep")) == [Keep()]


def test_layers_can_mix_methods(registry: Registry) -> None:
    layers = "layers=[{match: 'a.*', neuron: keep}, {match: 'b.*', neuron: {name: burst, phi: 2}}, {match: '*'}]"
    config = configured(registry, layers, "neuron=single")
    assert config.layers == (Rule("a.*", Keep()), Rule("b.*", Burst(phi=2)), Rule("*", Single()))


def test_options_lie_under_their_key(registry: Registry) -> None:
    config = configured(registry, "neuron=burst", "task.head=parts", "data=folder", "data.root=pictures")
    assert (config.task, config.data) == (Naming(head="parts"), Folder(Path("pictures")))


@pytest.mark.parametrize(
    ("words", "model"),
    [
        (["model=zoo/resnet18"], Zoo("resnet18")),
        (["model=zoo/hub:owner/net"], Zoo("hub:owner/net")),
        (["model=zoo/resnet18", "model.weights=best"], Zoo("resnet18", "best")),
        (["model=zoo", "model.network=resnet18"], Zoo("resnet18")),
        (["model=package.module:build"], Called("package.module:build")),
        (["model=./nets/mine.py:build"], Called("./nets/mine.py:build")),
    ],
)
def test_a_source_takes_its_first_parameter_behind_a_slash_or_colon(
    registry: Registry, words: list[str], model: object
) -> None:
    assert configured(registry, "neuron=burst", *words).model == model


def test_the_tasks_default_source_may_have_a_parameter_too(registry: Registry) -> None:
    config = resolve(["task=finding", "neuron=burst", "model.weights=best"], registry)
    assert (config.task, config.model, config.data) == (Finding(), Zoo("finder", "best"), Folder())


@pytest.mark.parametrize(
    ("timesteps", "checkpoints"),
    [(1, (1,)), (2, (1, 2)), (3, (1, 2, 3)), (16, (1, 2, 4, 8, 16)), (20, (1, 2, 4, 8, 16, 20))],
)
def test_checkpoints_are_powers_of_two_and_the_last_timestep(
    registry: Registry, timesteps: int, checkpoints: tuple[int, ...]
) -> None:
    assert configured(registry, "neuron=burst", f"timesteps={timesteps}").checkpoints == checkpoints


def test_checkpoints_are_sorted_and_each_there_once(registry: Registry) -> None:
    assert configured(registry, "neuron=burst", "checkpoints=[8,1,8,3]").checkpoints == (1, 3, 8)


@pytest.mark.parametrize(("memory", "number"), [("2GiB", 2**31), ("512MiB", 2**29), ("1.5KiB", 1536), ("4096", 4096)])
def test_memory_has_units(registry: Registry, memory: str, number: int) -> None:
    assert configured(registry, "neuron=burst", f"memory={memory}").memory == number


def test_values_refer_to_each_other(registry: Registry) -> None:
    config = configured(registry, "plugin=bursting", "seed=${timesteps}", "neuron.phi=${seed}")
    assert (config.seed, config.layers[-1].neuron) == (6, Burst(phi=6))


def test_energy_is_configured_by_parameter(registry: Registry) -> None:
    config = configured(registry, "neuron=burst", "energy.mac_pj=3.2", "energy.static=per_step")
    assert config.energy == Horowitz(mac_pj=3.2, static="per_step")


def test_an_energy_model_is_chosen_by_name(registry: Registry) -> None:
    config = configured(registry, "neuron=burst", "energy=flat", "energy.each=2")
    assert config.energy == Flat(each=2.0)
    assert config.resolved["energy"] == {"name": "flat", "each": 2.0}
    assert configured(registry, "neuron=burst", "energy={name: flat, each: 3}").energy == Flat(each=3.0)


def test_an_old_runs_prices_are_those_of_the_default_model(registry: Registry, tmp_path: Path) -> None:
    """Its config.yaml holds prices without a name."""
    file = tmp_path / "config.yaml"
    file.write_text(
        "task: naming\nneuron: burst\nenergy: {mac_pj: 3.2, ac_pj: 0.1, static: once, joules_per_spike: null}\n"
    )
    assert resolve([f"experiment={file}"], registry).energy == Horowitz(mac_pj=3.2, ac_pj=0.1)
    assert resolve([f"experiment={file}", "energy.ac_pj=0.5"], registry).energy == Horowitz(mac_pj=3.2, ac_pj=0.5)
    assert resolve([f"experiment={file}", "energy=flat"], registry).energy == Flat()  # whose parameters are others
    assert resolve([f"experiment={file}", "energy=horowitz"], registry).energy == Horowitz(mac_pj=3.2, ac_pj=0.1)


def test_a_files_energy_model_keeps_its_name_where_a_word_changes_a_price(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("task: naming\nneuron: burst\nenergy: {name: flat, each: 2.0}\n")
    assert resolve([f"experiment={file}", "energy.each=5"], registry).energy == Flat(each=5.0)


# ------------------------------------------------------------------------------------- from Python


def test_python_goes_through_the_same_door_with_names_mappings_and_instances(registry: Registry) -> None:
    config = resolve_mapping(
        {
            "task": Naming("parts"),
            "data": {"name": "folder", "root": Path("pictures")},
            "layers": [Rule("a", Burst(phi=2)), {"match": "*", "neuron": "single"}],
            "converter": Calibrated(percentiles=(50.0,)),
            "out": Path("here"),
        },
        registry,
    )
    assert config == configured(
        registry,
        "task.head=parts",
        "data=folder/pictures",
        "layers=[{match: a, neuron: {name: burst, phi: 2}}, {match: '*', neuron: single}]",
        "converter={name: calibrated, percentiles: [50.0]}",
        "out=here",
    )


def test_python_gets_the_same_sentences(registry: Registry) -> None:
    with pytest.raises(SnnfwError, match=r"^neuron\.phi=0 is not allowed: it must be at least 1\.$"):
        resolve_mapping({"task": "naming", "neuron": {"name": "burst", "phi": 0}}, registry)
    with pytest.raises(SnnfwError, match=r"^neuron\.phi is an object: give a name, plain values, or"):
        resolve_mapping({"task": "naming", "neuron": {"name": "burst", "phi": object()}}, registry)


# ------------------------------------------------------------------------------------- given back


@pytest.mark.parametrize(
    "words",
    [
        ["neuron=burst"],
        ["plugin=bursting"],
        ["plugin=bursting", "neuron=single", "neuron.leak=0.5", "exit=null", "search=greedy", "strict=true"],
        ["layers=[{match: a, neuron: keep, optional: true}, {match: '*', activation: relu, neuron: single}]"],
        [
            "plugin=plain",
            "model=zoo/net",
            "data=folder",
            "checkpoints=[3]",
            "out=there",
            "memory=1GiB",
            "seed=3",
        ],
        ["neuron=single", "converter={name: calibrated, percentiles: [1e-3, .inf]}", "energy.mac_pj=1"],
    ],
)
def test_the_resolved_configuration_given_back_makes_the_same_run(
    registry: Registry, tmp_path: Path, words: list[str]
) -> None:
    config = configured(registry, *words)
    file = tmp_path / "config.yaml"
    file.write_text(to_yaml(config))
    assert resolve([f"experiment={file}"], registry) == config


def test_the_resolved_configuration_spells_out_every_parameter(registry: Registry) -> None:
    resolved = configured(registry, "plugin=bursting", "model=zoo/net").resolved
    assert resolved["model"] == {"name": "zoo", "network": "net", "weights": None}
    assert resolved["neuron"] == {"name": "burst", "phi": 3, "shift": True}
    assert resolved["layers"] == [
        {"match": "stem.*", "neuron": {"name": "keep"}, "optional": True},
        {"match": "*", "activation": "silu", "neuron": {"name": "following", "levels": 3}, "optional": True},
        {"match": "*"},
    ]
    assert resolved["checkpoints"] == [1, 2, 4, 6]
