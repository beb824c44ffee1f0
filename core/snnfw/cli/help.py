"""The help of the commands that take a configuration: a screen, and what lies deeper by its name."""

from __future__ import annotations

from dataclasses import dataclass, fields
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from snnfw.cli.describing import KINDS_OF_KEYS, describe_name, list_kind
from snnfw.config.comparison import Comparison
from snnfw.config.diagnosis import WITHOUT_EFFECT as UNDIAGNOSED
from snnfw.config.diagnosis import Look
from snnfw.config.schema import KEYS, SOURCES, Settings
from snnfw.config.training import WITHOUT_EFFECT
from snnfw.config.tuning import Aim
from snnfw.config.usage import (
    comparison_usage,
    diagnosis_usage,
    parameters,
    rows,
    section,
    training_usage,
    tuning_usage,
    usage,
)
from snnfw.errors import SnnfwError, did_you_mean
from snnfw.kinds import KINDS
from snnfw.training.settings import TrainerSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from snnfw.registry import Registry


@dataclass(frozen=True, slots=True)
class Screen:
    """What the first screen of a command's help says: its options, examples with what they are for, its own keys."""

    options: Mapping[str, str]
    examples: Mapping[str, str]
    own: Mapping[str, str]
    without: tuple[str, ...] = ()


CONFIG = {"--config": "print the resolved configuration, which experiment= reads, and stop"}
QUICK = {"--quick": "a first look in seconds: few samples, few timesteps, no search"}

SCREENS: Mapping[str, Screen] = {
    "run": Screen(
        options={**QUICK, **CONFIG},
        examples={
            "task=classification plugin=signed --quick": "the network and the data that come along",
            "task=classification plugin=signed model=nets:build data=folder data.root=images": "yours",
            "experiment=runs/NAME/config.yaml timesteps=4": "a run again, changed",
            "resume=runs/NAME": "a run that was stopped",
        },
        own={"resume": "the folder to go on in"},
    ),
    "plan": Screen(
        options={"--full": "every operator by itself", "--json": "as plain data, and nothing else", **CONFIG},
        examples={
            "task=classification plugin=signed": "the network and the data that come along",
            "model=torchvision/resnet18 plugin=signed input=3x224x224": "no data, weights at random",
        },
        own={"input": "shapes of inputs in place of data: 3x224x224, or several, 3x64x64,10:int"},
        without=("timesteps", "checkpoints", "out"),
    ),
    "compare": Screen(
        options={**QUICK, **CONFIG},
        examples={
            "task=classification methods=[signed,rate,if] checkpoints=[1,2,4]": "three methods",
            "task=classification methods=[signed,rate] --quick": "a first look",
            "resume=runs/NAME": "a comparison that was stopped",
        },
        own={
            "resume": "the folder to go on in",
            "methods": "plugins and neurons, by name or as {name: LABEL, plugin: ..., neuron: ...}",
            "checkpoints": "timesteps to compare at, each a run of its own",
            "retarget": "false: read all of them off one run",
        },
        without=("plugin", "neuron", "timesteps", "checkpoints"),
    ),
    "sweep": Screen(
        options={**QUICK, "--config": "print every run as it is configured, and stop"},
        examples={
            "task=classification plugin=adafire,signed timesteps=1,2,4": "six runs",
            "task=classification plugin=burst neuron.phi=1,2 launcher=local": "several at once",
            "task=detection plugin=rate timesteps=4,8 launcher=ray out=runs/rate": "again: what is missing",
        },
        own={
            "KEY": "several values, A,B,C: every combination is a run; a list in brackets is one value",
            "launcher": "what runs them: local, ray or submitit; without one, one after the other",
        },
    ),
    "tune": Screen(
        options={**QUICK, **CONFIG},
        examples={
            "task=classification drop=0.5": "the network and the data that come along",
            "task=detection drop=1 minimise=timesteps methods=[signed,sigmadelta]": "of two methods",
        },
        own={
            "drop": "points of the headline metric that may be lost",
            "minimise": "energy, timesteps or spikes",
            "confidence": "how sure that has to be on held-out samples; more by --help aim",
        },
        without=("plugin", "neuron", "timesteps", "checkpoints"),
    ),
    "diagnose": Screen(
        options={**QUICK, **CONFIG},
        examples={
            "task=classification plugin=rate timesteps=8": "what goes wrong in a run",
            "experiment=runs/NAME/config.yaml": "in one that is there already",
        },
        own={
            "site": "the layer whose neurons are drawn",
            "tries": "most conversions to try at the first bad layer; more by --help diagnosis",
        },
        without=("checkpoints",),
    ),
    "train": Screen(
        options={**QUICK, **CONFIG},
        examples={
            "task=classification plugin=inflor timesteps=4 trainer.epochs=20": "a spiking network",
            "task=classification plugin=ann model=resnet20 trainer.epochs=100": "the network itself",
            "resume=runs/NAME": "a training that was stopped",
        },
        own={"trainer.epochs": "passes over the data; more by --help trainer", "resume": "the folder to go on in"},
        without=("checkpoints",),
    ),
}

EXPLAIN = {
    "compare": comparison_usage,
    "tune": tuning_usage,
    "diagnose": diagnosis_usage,
    "train": training_usage,
}
"""What writes down everything that a command can be told, where it is not ``usage``."""

SAYS: Mapping[str, str] = {
    "task": "what the network is for: {names}",
    "model": "the network: torchvision/resnet18, my_package.nets:build, or one that comes along",
    "data": "the data set; one of files takes data.root=FOLDER",
    "plugin": "a method, whole: {names}",
    "neuron": "the neuron in place of every activation: adafire, if, lif ...",
    "timesteps": "timesteps to simulate",
    "checkpoints": "timesteps to score at, [1,2,4]",
    "device": "cpu, cuda or cuda:1",
    "out": "the folder to make for the results, instead of one under runs/",
    "experiment": "a file of such keys, say the config.yaml of a run",
}
"""The keys that are used most, with what they are."""


def first_screen(registry: Registry, command: str, purpose: str) -> RenderableType:
    """Return what a command takes, its keys that are used most, examples, and where there is more."""
    screen = SCREENS[command]
    options = " ".join(f"[{option}]" for option in screen.options)
    examples = [Text(f"{_wrapped(command, words)}\n      {said}") for words, said in screen.examples.items()]
    keys = {
        **screen.own,
        **{key: _say(registry, key) for key in SAYS if key not in (*screen.without, *screen.own)},
    }
    return Group(
        Text(f"Usage: snnfw {command} KEY=VALUE ... {options}\n\n{purpose}\n"),
        *examples,
        Text(""),
        section("Keys used most", rows(keys.items())),
        section("Options", rows(screen.options.items())),
        section(
            "More",
            rows(
                {
                    "--help neuron": "all neurons; so are task, model, data, plugin, converter, search, exit, energy",
                    "--help adafire": "what goes by a name, with its parameters; neuron.adafire is one of them",
                    "--help settings": "every other key",
                    "--help all": "everything",
                }.items()
            ),
        ),
    )


def topic_help(registry: Registry, command: str, purpose: str, topic: str) -> list[RenderableType]:
    """Return what is told of one topic: a key, a name, ``settings`` or ``all``.

    Raises:
        SnnfwError: there is no such topic.

    """
    if topic == "all":
        return [EXPLAIN.get(command, usage)(registry, command, purpose)]
    pages = _pages(command)
    if topic in pages:
        return [section(topic, *pages[topic])]
    key, _, name = topic.partition(".")
    if topic in KINDS_OF_KEYS:
        return [list_kind(registry, topic)]
    if key in KINDS_OF_KEYS and name in registry.all(KINDS_OF_KEYS[key]):
        return describe_name(registry, topic)
    names = {*registry.plugins, *(known for kind in KINDS for known in registry.all(kind))}
    if topic in names:
        return describe_name(registry, topic)
    if topic in KEYS:
        return [section("settings", *pages["settings"])]
    near = did_you_mean(topic, [*pages, *KINDS_OF_KEYS, *names])
    raise SnnfwError(
        f"there is no help on '{topic}'.{near} Topics: all, {', '.join((*pages, *KINDS_OF_KEYS))}, and every name that "
        "'snnfw plugins list' shows."
    )


def _pages(command: str) -> Mapping[str, Sequence[RenderableType]]:
    """Return what is configured without a choice by name, by topic."""
    own = tuple(field.name for field in fields(Comparison))
    without = {"compare": ("timesteps", *own), "diagnose": UNDIAGNOSED, "train": WITHOUT_EFFECT}.get(command, ())
    pages: dict[str, Sequence[RenderableType]] = {
        "settings": (parameters(Settings, without=without), rows(SOURCES.items())),
    }
    if command == "train":
        pages["trainer"] = (parameters(TrainerSettings, prefix="trainer."),)
    if command == "compare":
        pages["comparison"] = (parameters(Comparison),)
    if command == "tune":
        pages["aim"] = (parameters(Aim),)
    if command == "diagnose":
        pages["diagnosis"] = (parameters(Look),)
    return pages


def _wrapped(command: str, words: str) -> str:
    """Return a command in lines that a terminal of 80 columns holds, as a shell takes them."""
    whole = f"snnfw {command} {words}"
    return " \\\n".join(wrap(whole, 76, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False))


def _say(registry: Registry, key: str) -> str:
    names = ", ".join(sorted(registry.all(KINDS_OF_KEYS[key]))) if key in KINDS_OF_KEYS else ""
    return SAYS[key].format(names=names)
