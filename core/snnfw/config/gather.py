"""Bring together what was written, layer above layer: task, preset, experiment file, recipe file, words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from snnfw.config.experiments import read_named_experiment
from snnfw.config.lookup import find_named
from snnfw.config.methods import expand_sources
from snnfw.config.recipe import plain_preset
from snnfw.config.schema import KEYS
from snnfw.config.sources import Plain, combine, files_to_load, optional_text, read_experiment, read_recipe
from snnfw.config.trust import TrainingFolder, require_confirmed_files
from snnfw.errors import SnnfwError
from snnfw.values import Keep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snnfw.registry import Registry

METHOD_OF_A_PRESET = ("layers", "neuron", "converter", "search", "exit", "recipe")

METHOD_OF_A_FILE = ("plugin", "timesteps", "layers", "neuron", "converter", "search", "recipe")

PRICES: Plain = {"energy": {"name": "horowitz"}}
"""The energy model that parameters without a name belong to, as in ``energy.mac_pj=3.2``."""

LEFT_OUT = ("search", "exit")
"""The stages of a preset that a task may leave out; nothing else of a method is a task's to change."""


@dataclass(frozen=True, slots=True)
class ConfigLayers:
    """The layers of values, lowest first, the preset they stand on, and the plugin files that were loaded.

    ``sent`` is the folder that some of them come from, ``said`` what the user says beside it.
    """

    layers: tuple[Plain, ...]
    plugin: str | None
    loaded: tuple[str, ...]
    sent: TrainingFolder | None
    said: Plain

    def uppermost(self, key: str) -> int:
        """Return the number of the uppermost layer that says something about ``key``, or -1."""
        return max((number for number, layer in enumerate(self.layers) if layer.get(key) is not None), default=-1)


def gather(given: Plain, registry: Registry, keys: Sequence[str] = KEYS, resume: Path | None = None) -> ConfigLayers:
    """Read every file that ``given`` names, register the plugins among them, and put the layers in order.

    A recipe lies just under the layer that names it. ``keys`` are those that an experiment file may hold; the folder of
    a training that is resumed stands for one.
    """
    sent = TrainingFolder("resume", resume) if resume else _checkpoint(given)
    experiment = read_training(sent, keys) if sent else read_named_experiment(given, registry, keys)
    experiment.pop("trainer", None)  # of a training alone
    plugin = optional_text(given if "plugin" in given else experiment, "plugin")
    if "plugin" in experiment and plugin != optional_text(experiment, "plugin"):
        # Another method is asked for: what the file says of its own goes, what it says of the run stays.
        experiment = {key: value for key, value in experiment.items() if key not in METHOD_OF_A_PRESET}
    layers: list[Plain] = []
    for layer in (experiment, given):
        recipe = optional_text(layer, "recipe")
        layers += [read_recipe(Path(recipe)) if recipe else {}, layer]
    if sent:
        require_confirmed_files(sent, layers[:2], layers[2:])
    files = [Path(file) for layer in layers for file in files_to_load(layer)]
    for file in files:
        registry.load_file(file)
    loaded = tuple(dict.fromkeys(str(file.resolve()) for file in files))
    suited = _task_defaults(registry, layers)
    left_out = {key: None for key in LEFT_OUT if key in suited and suited[key] is None}
    kept = _kept_in(given)
    below = (PRICES, suited, _preset(registry, plugin) if plugin else kept, left_out)
    expanded = tuple(expand_sources(registry, layer) for layer in (*below, *layers))
    return ConfigLayers(expanded, plugin, loaded, sent, combine(*expanded[-2:]))


def _task_defaults(registry: Registry, layers: Sequence[Plain]) -> Plain:
    """Return the settings that suit the task."""
    name = next((layer["task"]["name"] for layer in reversed(layers) if (layer.get("task") or {}).get("name")), None)
    task = registry.all("tasks").get(name) if name else None
    return dict(getattr(task, "defaults", {}))


def _checkpoint(given: Plain) -> TrainingFolder | None:
    folder = None if given.get("experiment") else optional_text(given, "checkpoint")
    return TrainingFolder("checkpoint", Path(folder)) if folder is not None and not Path(folder).is_file() else None


def _kept_in(given: Plain) -> Plain:
    """Return what stands for the method of a network that a file holds, refusing another one beside it."""
    file = optional_text(given, "checkpoint")
    if file is None or not Path(file).is_file():
        return {}
    said = next((key for key in METHOD_OF_A_FILE if given.get(key) is not None), None)
    if said is not None:
        raise SnnfwError(
            f"checkpoint={file} is a spiking network, which has its method and its timesteps: leave {said} out."
        )
    return {"layers": [{"match": "*", "neuron": Keep.name}]}


def read_training(sent: TrainingFolder, keys: Sequence[str] = KEYS) -> Plain:
    """Return the settings of a training; where a run of it computes, writes and is logged is the run's own."""
    if not sent.file.is_file():
        begun = "no training has begun" if sent.key == "resume" else "nothing was trained"
        raise SnnfwError(f"{sent} does not work: it holds no config.yaml, so {begun} there.")
    read = read_experiment(sent.file, (*keys, "trainer"))
    # Where results are sent is the user's to say: a folder is data.
    own = ("tracker", *(("out", "device", "backend", "launcher") if sent.key == "checkpoint" else ()))
    return {key: value for key, value in read.items() if key not in own}


def _preset(registry: Registry, name: str) -> Plain:
    if name in registry.plugins and name not in registry.presets:
        listing = ", ".join(sorted(registry.presets)) or "none"
        raise SnnfwError(
            f"plugin '{name}' has no preset: choose what it registers by name, see "
            f"'snnfw plugins info {name}'. Presets: {listing}."
        )
    return plain_preset(find_named(registry, "presets", name))
