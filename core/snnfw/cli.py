"""The command line: which command, with which words, and what its exit status is."""

from __future__ import annotations

import inspect
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from rich.console import Console
from rich.text import Text

from snnfw import doctor
from snnfw.config.comparison import CompareConfig, resolve_comparison
from snnfw.config.published import list_experiments
from snnfw.config.recipe import plain_preset
from snnfw.config.resolution import resolve, to_yaml
from snnfw.config.training import TrainConfig, resolve_training
from snnfw.config.usage import comparison_usage, parameters, rows, section, summary, training_usage, usage
from snnfw.errors import SnnfwError, printable, unknown_name_error
from snnfw.kinds import KINDS
from snnfw.registry import Registry
from snnfw.reproduce.tables import show_experiments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from snnfw.config.schema import RunConfig

CONFIGURED: Mapping[str, str] = {
    "run": "Convert a network, simulate it, and report how good it is and what it costs.",
    "plan": "Say what would become of every operator and why, and compute nothing.",
    "compare": "Run several methods on one network and report them side by side.",
    "train": "Train a network as the spiking network that it will be, or as it is with plugin=ann.",
}
PLUGINS: Mapping[str, str] = {
    "plugins list": "Say which plugins are installed and what they offer.",
    "plugins info NAME": "Describe a method or a plugin, with its parameters.",
    "plugins check NAME KEY=VALUE ...": "Hold a method, a plugin, or without a name everything, against its contract.",
    "plugins new NAME kind=KIND": "Write the beginnings of a plugin of your own into this folder: a neuron, or a KIND.",
}
COMMANDS: Mapping[str, str] = {
    **{f"{command} KEY=VALUE ...": purpose for command, purpose in CONFIGURED.items()},
    "show FILE": "Print what a network's file holds: provenance, scores and plan.",
    "export NET.snn format=FORMAT out=FILE": "Write a spiking network as onnx, torch or nir, compared with itself.",
    "experiments list": "Say which experiments of papers are shipped, what is published and what they need.",
    "reproduce NAME KEY=VALUE ...": "Run an experiment, or a table of them, and print ours beside the published.",
    **PLUGINS,
    "doctor": "Say what this machine can run, and how to mend the rest.",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0, 1 where something checked or compared fails, 2 for a mistake, 130 if interrupted."""
    try:
        return _run(list(sys.argv[1:] if argv is None else argv), Console(highlight=False))
    except SnnfwError as error:
        print(f"snnfw: {printable(str(error))}", file=sys.stderr)  # it may quote a file that somebody sent
        return 2
    except KeyboardInterrupt as stop:
        print(f"snnfw: interrupted: {stop}." if str(stop) else "snnfw: interrupted.", file=sys.stderr)
        return 130


def _run(words: list[str], console: Console) -> int:
    match words:
        case [] | ["-h" | "--help"]:
            console.print(Text("Usage: snnfw COMMAND\n"), section("Commands", rows(COMMANDS.items())))
            console.print(Text("snnfw run --help lists everything that can be configured."))
        case ["--version"]:
            console.print(f"snnfw {version('snnfw')}")
        case ["run" | "plan" | "compare" | "train" as command, *rest]:
            return _run_configured(command, rest, console)
        case ["export", *rest]:
            console.print(Text(_export(rest)), soft_wrap=True)
        case ["plugins", *rest]:
            return _run_plugins(rest, console)
        case ["show", path]:
            from snnfw.archive.show import show_network

            show_network(Path(path), console)
        case ["show", *_]:
            raise SnnfwError("'snnfw show' takes one file, such as net.snn in the folder of a run.")
        case ["experiments", "list"]:
            show_experiments(list_experiments(Registry()), console)
        case ["experiments", *_]:
            raise SnnfwError("'snnfw experiments' knows 'list': snnfw experiments list.")
        case ["reproduce", name, *given]:
            return _reproduce(name, given, console)
        case ["reproduce"]:
            raise SnnfwError("'snnfw reproduce' takes the name of an experiment: 'snnfw experiments list' has them.")
        case ["doctor"]:
            return doctor.print_checks(doctor.examine(Registry()), console)
        case ["doctor", *_]:
            raise SnnfwError("'snnfw doctor' takes no arguments.")
        case [command, *_]:
            known = [*CONFIGURED, "show", "export", "experiments", "reproduce", "plugins", "doctor"]
            raise unknown_name_error("command", command, known, listing="Commands")
    return 0


def _run_configured(command: str, words: list[str], console: Console) -> int:
    """Do what takes a configuration: ``run``, ``plan``, ``compare`` and ``train``."""
    options = {word for word in words if word.startswith("-")}
    if stray := sorted(options - {"--config", "--help", "-h"}):
        raise unknown_name_error("option", stray[0], ["--config", "--help"], listing="Options")
    registry = Registry()
    explain = {"compare": comparison_usage, "train": training_usage}.get(command, usage)
    if options & {"--help", "-h"}:
        console.print(explain(registry, command, CONFIGURED[command]))
        return 0
    given = [word for word in words if word not in options]
    config = _resolve(command, given, registry)
    if "--config" in options:
        console.out(to_yaml(config), end="", highlight=False)
        return 0
    return _compute(command, config, registry, console)


def _resolve(command: str, words: Sequence[str], registry: Registry) -> RunConfig | CompareConfig | TrainConfig:
    if command == "compare":
        return resolve_comparison(words, registry)
    return resolve_training(words, registry) if command == "train" else resolve(words, registry)


def _compute(
    command: str, config: RunConfig | CompareConfig | TrainConfig, registry: Registry, console: Console
) -> int:
    """Start what takes long; this brings in torch."""
    if isinstance(config, CompareConfig):
        from snnfw.comparing import compare_methods

        return 0 if compare_methods(config, console).complete else 1
    if isinstance(config, TrainConfig):
        from snnfw.train import train

        train(config, console)
        return 0
    from snnfw import pipeline

    if command == "run":
        pipeline.run(config, registry, console)
    else:
        pipeline.plan(config, console)
    return 0


def _reproduce(name: str, words: Sequence[str], console: Console) -> int:
    """Run an experiment's rows; return 1 where one of them could not be run."""
    from snnfw.reproduce.running import reproduce  # brings in torch

    return 1 if any(line.error for line in reproduce(name, words, Registry(), console)) else 0


def _export(words: Sequence[str]) -> str:
    """Export the network of a file and say what was compared."""
    given = dict(word.split("=", 1) for word in words[1:] if "=" in word)
    if not words or "=" in words[0] or len(given) != len(words) - 1 or not given.keys() <= {"format", "out"}:
        raise SnnfwError(
            f"'snnfw export {' '.join(words)}' is not how it goes: snnfw export NET.snn format=onnx|torch|nir "
            "out=FILE, where one of the two is enough."
        )
    from snnfw.network.exporting import export_file  # brings in torch

    exported = export_file(Path(words[0]), Path(given["out"]) if "out" in given else None, given.get("format"))
    return f"{exported}\nwritten: {', '.join(map(str, exported.files))}"


def _run_plugins(words: list[str], console: Console) -> int:
    match words:
        case ["list"]:
            console.print(*_list_plugins(Registry()))
        case ["info", name]:
            console.print(*_descriptions(*_load_registry(name)))
        case ["check", *given]:
            return _check(given, console)
        case ["new", name, *given]:
            console.print(f"written: {_new(name, given)}", soft_wrap=True)
        case [] | ["-h" | "--help"]:
            console.print(section("Commands", rows(PLUGINS.items())))
        case _:
            raise SnnfwError(f"'snnfw plugins {' '.join(words)}' is not a command. Commands: {', '.join(PLUGINS)}.")
    return 0


def _new(name: str, words: Sequence[str]) -> Path:
    """Write the beginnings of a plugin into the current folder."""
    from snnfw.scaffold import BEGINNINGS, new_plugin  # brings in jinja2

    if len(words) > 1 or (words and not words[0].startswith("kind=")):
        raise SnnfwError(
            f"'snnfw plugins new' takes one name and one kind=KIND, and not {' '.join(words)}. "
            f"Kinds: {', '.join(BEGINNINGS)}."
        )
    kind = words[0].removeprefix("kind=") if words else "neuron"
    registry = Registry()
    kinds = BEGINNINGS[kind].kinds if kind in BEGINNINGS else ()
    taken = {*registry.plugins, *(offer for its in kinds for offer in registry.all(its))}
    return new_plugin(name, Path.cwd(), taken, kind)


def _load_registry(name: str) -> tuple[Registry, str]:
    """Return the registry and the name to look for in it; a file is loaded and goes by its stem."""
    registry = Registry()
    if not name.endswith(".py"):
        return registry, name
    registry.load_file(Path(name))
    return registry, Path(name).stem


def _list_plugins(registry: Registry) -> list[RenderableType]:
    """Return every plugin with what it offers, and every quarantined one with the reason."""
    listing = [section("Plugins", rows((name, _offers(registry, name)) for name in registry.plugins))]
    if registry.quarantined:
        listing.append(section("Quarantined", rows(registry.quarantined.items())))
    return listing


def _offers(registry: Registry, plugin: str) -> str:
    offers = {
        kind.word: [name for name in registry.all(key) if registry.owner(key, name) == plugin]
        for key, kind in KINDS.items()
    }
    return "; ".join(f"{word} {', '.join(names)}" for word, names in offers.items() if names)


def _descriptions(registry: Registry, name: str) -> list[RenderableType]:
    """Return a description of everything that goes by a name."""
    found = [
        section(
            f"{kind.word} {name} (registered by {registry.owner(key, name)})",
            *_description(registry.find(key, name)),
        )
        for key, kind in KINDS.items()
        if name in registry.all(key)
    ]
    if name in registry.plugins:
        module = Text(inspect.getdoc(registry.plugins[name]) or "")
        found.append(section(f"package {name}", module, Text(f"registers: {_offers(registry, name)}")))
    if not found:
        raise _unknown_name_error(registry, name)
    return found


def _description(offer: Any) -> list[RenderableType]:
    if isinstance(offer, type):
        said = inspect.getdoc(offer) if summary(offer) else ""
        return [Text(f"{said}\n"), parameters(offer)]
    return [Text(f"{offer.summary}\n"), Text(OmegaConf.to_yaml(OmegaConf.create(plain_preset(offer))))]


def _check(words: Sequence[str], console: Console) -> int:
    """Check what goes by a name, what the plugin of a name offers, or everything; return 0 where it is in order."""
    named = bool(words) and "=" not in words[0]
    registry, name = _load_registry(words[0]) if named else (Registry(), "")
    chosen = [
        (kind, offer)
        for kind in KINDS
        for offer in registry.all(kind)
        if not named or name in (offer, registry.owner(kind, offer))
    ]
    if not chosen:
        if name not in registry.plugins:
            raise _unknown_name_error(registry, name)
        console.print(Text(f"plugin '{name}' registers nothing: there is nothing to check."))
        return 0
    from snnfw.checks.named import check_named  # brings in torch

    verdicts = []
    for kind, offer in chosen:
        for verdict in check_named(registry, kind, offer, words[named:]):
            console.print(*map(Text, verdict.lines), sep="\n", soft_wrap=True)
            verdicts.append(verdict)
    failed = any(verdict.faults for verdict in verdicts)
    return 0 if not failed and any(verdict.passed for verdict in verdicts) else 1


def _unknown_name_error(registry: Registry, name: str) -> SnnfwError:
    """Return the error for a name that nothing goes by, or nothing that is in use."""
    names = {*registry.plugins, *(known for kind in KINDS for known in registry.all(kind))}
    plugin = next((plugin for (_, method), plugin in registry.withheld.items() if method == name), name)
    if plugin in registry.quarantined:
        return SnnfwError(f"plugin '{plugin}' is quarantined: {registry.quarantined[plugin]}")
    return unknown_name_error("method or plugin", name, names)
