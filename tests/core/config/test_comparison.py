from __future__ import annotations

import shlex
from pathlib import Path

import pytest

import toy_plugin
from snnfw.config.comparison import CompareConfig, resolve_comparison, resolve_comparison_mapping
from snnfw.config.resolution import resolve, to_yaml
from snnfw.contracts import Preset
from snnfw.energy.horowitz import Horowitz
from snnfw.errors import SnnfwError
from snnfw.planning.rules import Rule
from snnfw.registry import Registry
from snnfw.values import Keep
from toy_plugin import Burst, Calibrated, Confident, Greedy, Single


@pytest.fixture
def registry() -> Registry:
    return Registry(plugins=[toy_plugin], entry_points=False)


def compared(registry: Registry, *words: str) -> CompareConfig:
    return resolve_comparison(["task=naming", *words], registry)


def test_a_method_is_a_preset_a_neuron_or_a_mapping(registry: Registry) -> None:
    config = compared(registry, "methods=[bursting,single,{name: two, plugin: bursting, neuron: {phi: 2}}]")
    assert [method.name for method in config.methods] == ["bursting", "single", "two"]
    first, second, third = (method.config for method in config.methods)
    assert (first.plugin, first.layers[-1].neuron, first.converter) == (
        "bursting",
        Burst(phi=3),
        Calibrated(bias=False),
    )
    assert (second.plugin, second.layers) == (None, (Rule("*", Single()),))
    assert (third.plugin, third.layers[-1].neuron) == ("bursting", Burst(phi=2))


def test_every_number_of_timesteps_is_a_run_of_its_own(registry: Registry) -> None:
    config = compared(registry, "methods=[single]", "checkpoints=[4,1,4]")
    assert config.checkpoints == (1, 4)
    [method] = config.methods
    assert [(run.timesteps, run.checkpoints) for run in config.runs(method)] == [(1, (1,)), (4, (4,))]


def test_all_checkpoints_can_be_read_off_the_longest_run(registry: Registry) -> None:
    config = compared(registry, "methods=[single]", "checkpoints=[1,4]", "retarget=false")
    assert [(run.timesteps, run.checkpoints) for run in config.runs(config.methods[0])] == [(4, (1, 4))]


def test_checkpoints_are_powers_of_two_up_to_32_by_default(registry: Registry) -> None:
    assert compared(registry, "methods=[single]").checkpoints == (1, 2, 4, 8, 16, 32)


def test_searches_and_exits_of_presets_are_left_out_unless_asked_for(registry: Registry) -> None:
    words = "methods=[bursting,{name: early, plugin: bursting, exit: confident, search: greedy}]"
    plain, early = (method.config for method in compared(registry, words).methods)
    assert resolve(["task=naming", "plugin=bursting"], registry).exit == Confident(margin=0.5)
    assert (plain.exit, plain.search) == (None, None)
    assert (early.exit, early.search) == (Confident(margin=0.5), Greedy())
    assert [m.config.exit for m in compared(registry, "methods=[bursting,plain]", "exit=confident").methods] == [
        Confident(margin=0.5),
        Confident(),
    ]


def test_methods_share_everything_else(registry: Registry) -> None:
    config = compared(
        registry, "methods=[bursting,single]", "seed=3", "task.head=parts", "energy.mac_pj=1", "data=folder"
    )
    for run in (config.shared, *(method.config for method in config.methods)):
        assert (run.seed, run.energy, run.data.name) == (3, Horowitz(mac_pj=1), "folder")
        assert run.task == toy_plugin.Naming(head="parts")


def test_what_makes_up_a_method_can_be_shared_too(registry: Registry) -> None:
    words = "methods=[{name: one, neuron: {phi: 1}}, {name: five, neuron: {phi: 5}}]"
    config = compared(registry, "plugin=bursting", "converter=direct", words)
    assert [method.config.layers[-1].neuron for method in config.methods] == [Burst(phi=1), Burst(phi=5)]
    assert {method.config.converter.name for method in config.methods} == {"direct"}


@pytest.mark.parametrize(
    "words",
    [
        ["methods=[bursting,single]"],
        ["methods=[bursting,{name: a, plugin: bursting, exit: confident}]", "checkpoints=[3,7]", "retarget=false"],
        ["methods=[plain]", "neuron=burst", "seed=2", "energy.mac_pj=1", "out=there", "model=zoo/net"],
        ["methods=[{name: mixed, layers: [{match: a, neuron: keep}, {match: '*', neuron: single}]}]"],
    ],
)
def test_the_resolved_comparison_given_back_is_the_same(registry: Registry, tmp_path: Path, words: list[str]) -> None:
    config = compared(registry, *words)
    file = tmp_path / "config.yaml"
    file.write_text(to_yaml(config))
    assert resolve_comparison([f"experiment={file}"], registry) == config


def test_the_configuration_of_a_run_can_be_shared(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(to_yaml(resolve(["task=naming", "plugin=bursting", "neuron.phi=7", "seed=5"], registry)))
    config = resolve_comparison([f"experiment={file}", "methods=[bursting,plain]"], registry)
    assert config.shared.seed == 5
    assert [method.config.layers[-1].neuron for method in config.methods] == [Burst(phi=7), Single()]


def test_a_methods_recipe_is_found_beside_the_file_that_names_it(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "mix.yaml").write_text("layers:\n  - {match: a, neuron: keep}\n  - {match: '*', neuron: single}\n")
    file = tmp_path / "comparison.yaml"
    file.write_text("task: naming\nmethods:\n  - {name: mixed, recipe: mix.yaml}\n")
    [method] = resolve_comparison([f"experiment={file}"], registry).methods
    assert method.config.layers == (Rule("a", Keep()), Rule("*", Single()))


def test_a_methods_file_may_bring_the_neuron_that_it_names(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import dataclasses, typing, snnfw\nfrom toy_plugin import Single\n"
        "@dataclasses.dataclass(frozen=True, slots=True)\nclass Mine(Single):\n"
        "    '''Mine.'''\n    name: typing.ClassVar[str] = 'mine'\n"
        "@snnfw.hookimpl\ndef snnfw_register_neurons():\n    return [Mine]\n"
    )
    config = compared(registry, f"load=[{tmp_path / 'mine.py'}]", "methods=[mine]")
    assert config.methods[0].config.layers[0].neuron.name == "mine"
    assert config.resolved["load"] == [str(tmp_path / "mine.py")]


def test_python_goes_through_the_same_door(registry: Registry) -> None:
    mapping = {"task": "naming", "methods": ["single", {"name": "two", "neuron": Burst(phi=2)}], "checkpoints": [1, 2]}
    words = ["methods=[single,{name: two, neuron: {name: burst, phi: 2}}]", "checkpoints=[1,2]"]
    assert resolve_comparison_mapping(mapping, registry) == compared(registry, *words)


NAMES = "Registered plugins: ann, bursting, plain. Registered neurons: burst, following, single."
REFUSALS: dict[str, str] = {
    "": f"nothing says which methods to compare: give methods=[NAME, ...]. {NAMES}",
    "methods=[]": f"nothing says which methods to compare: give methods=[NAME, ...]. {NAMES}",
    "plugin=plain": f"nothing says which methods to compare: give methods=[plain, ...]. {NAMES}",
    "neuron=burst": f"nothing says which methods to compare: give methods=[burst, ...]. {NAMES}",
    "methods=true": "methods=true is not allowed: it must be a list.",
    "methods=[3]": "methods[0]=3 is not allowed: it must be text, in quotes if it looks like a number, or it must be a mapping.",
    "methods=[brst]": f"no method named 'brst'. Did you mean 'burst'? {NAMES}",
    "methods=[single,single]": "two methods are called 'single': give one another name, like {name: mine, ...}.",
    "'methods=[single,{neuron: single}]'": (
        "two methods are called 'single': give one another name, like {name: mine, ...}."
    ),
    "'methods=[{converter: direct}]'": "methods[0] has no name: give it one, like {name: mine, plugin: ...}.",
    "'methods=[{name: 3, plugin: plain}]'": "methods[0] has no name: give it one, like {name: mine, plugin: ...}.",
    "'methods=[{plugin: plain, sed: 3}]'": (
        "methods[0]: no key named 'sed'. Keys: converter, exit, fitting, layers, name, neuron, plugin, recipe, search."
    ),
    "'methods=[{plugin: plain, neurn: single}]'": (
        "methods[0]: no key named 'neurn'. Did you mean 'neuron'? "
        "Keys: converter, exit, fitting, layers, name, neuron, plugin, recipe, search."
    ),
    "'methods=[{plugin: plain, seed: 3}]'": (
        "methods[0] has a 'seed' of its own: methods share it, so give seed=... beside methods=."
    ),
    "'methods=[single,{plugin: bursting, neuron: {phi: 0}}]'": (
        "method 'bursting': neuron.phi=0 is not allowed: it must be at least 1."
    ),
    "'methods=[{plugin: burstin}]'": (
        "method 'burstin': no plugin named 'burstin'. Did you mean 'bursting'? Registered: ann, bursting, plain."
    ),
    "methods=[bursting,plain] neuron.phi=2": (
        "method 'plain': neuron 'single' has no parameter 'phi'. Its parameters: threshold, leak."
    ),
    "methods=[single] timesteps=4": (
        "timesteps is not for compare: give all timesteps to compare at, like checkpoints=[1,2,4]."
    ),
    "methods=[single] checkpoints=[0,4]": (
        "checkpoints=[0, 4] is not allowed: it must be a list of timesteps, each at least 1."
    ),
    "methods=[single] checkpoints=[]": "checkpoints=[] is not allowed: it must be a list of timesteps, each at least 1.",
    "methods=[single] checkpoints=[1.5]": "checkpoints[0]=1.5 is not allowed: it must be a whole number.",
    "methods=[single] retarget=2": "retarget=2 is not allowed: it must be true or false.",
    "methods=[single] seed=-1": "seed=-1 is not allowed: it must be at least 0.",
    "methods=[single] task=namin": "no task named 'namin'. Did you mean 'naming'? Registered: finding, naming.",
    "method=[single]": (
        "no key named 'method'. Did you mean 'methods'? Keys: backend, checkpoint, checkpoints, converter, data, "
        "device, devices, energy, exit, experiment, fitting, launcher, layers, load, memory, methods, model, "
        "neuron, nodes, out, plugin, recipe, resume, retarget, search, seed, settled, strict, task, tracker."
    ),
}


@pytest.mark.parametrize("words", REFUSALS)
def test_what_is_wrong_is_said_before_anything_is_computed(registry: Registry, words: str) -> None:
    with pytest.raises(SnnfwError) as caught:
        compared(registry, *shlex.split(words))
    assert str(caught.value) == REFUSALS[words]


def test_a_recipe_with_prices_of_its_own_is_refused(registry: Registry, tmp_path: Path) -> None:
    recipe = tmp_path / "mix.yaml"
    recipe.write_text("layers:\n  - {match: '*', neuron: single}\nenergy: {mac_pj: 1}\n")
    with pytest.raises(SnnfwError) as caught:
        compared(registry, f"methods=[{{name: mine, recipe: {recipe}}}]")
    assert str(caught.value) == (
        "method 'mine': its recipe has prices of its own: methods share them, so give energy.KEY=... beside methods=."
    )


def test_a_quarantined_method_says_why_it_is_not_there() -> None:
    class Other:
        __name__ = "other"

        @staticmethod
        def presets() -> list[Preset]:
            return [Preset("plain", (Rule("*", Single()),), Calibrated()), Preset("mine", (), Calibrated())]

    from types import SimpleNamespace

    from snnfw.hookspecs import hookimpl

    other = SimpleNamespace(__name__="other", snnfw_register_presets=hookimpl(Other.presets))
    registry = Registry(plugins=[toy_plugin, other], entry_points=False)
    with pytest.raises(SnnfwError) as caught:
        compared(registry, "methods=[mine]")
    assert str(caught.value) == (
        "plugin 'mine' of plugin 'other' is quarantined: plugin 'plain' is already registered by plugin 'toy_plugin'."
    )
