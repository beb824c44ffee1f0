"""The commands that take a configuration: run, plan, compare and train."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from snnfw.cli.command import HELP, Call, Command, open_registry
from snnfw.config.comparison import CompareConfig, resolve_comparison
from snnfw.config.resolution import resolve, to_yaml
from snnfw.config.training import TrainConfig, resolve_training
from snnfw.config.usage import comparison_usage, training_usage, usage
from snnfw.errors import unknown_name_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from snnfw.config.schema import RunConfig
    from snnfw.registry import Registry

PURPOSES: Mapping[str, str] = {
    "run": "Convert a network, simulate it, and report how good it is and what it costs.",
    "plan": "Say what would become of every operator and why, and compute nothing.",
    "compare": "Run several methods on one network and report them side by side.",
    "train": "Train a network as the spiking network that it will be, or as it is with plugin=ann.",
}


def run_configured(command: str, call: Call) -> int:
    """Resolve the words and compute, or print what would be computed."""
    options = {word for word in call.words if word.startswith("-")}
    if stray := sorted(options - {"--config", *HELP}):
        raise unknown_name_error("option", stray[0], ["--config", "--help"], listing="Options")
    registry = open_registry()
    config = _resolve(command, [word for word in call.words if word not in options], registry)
    if "--config" in options:
        call.console.out(to_yaml(config), end="", highlight=False)
        return 0
    return _compute(command, config, registry, call.console)


def explain_configured(command: str, call: Call) -> None:
    """Print what the command can be told."""
    explain = {"compare": comparison_usage, "train": training_usage}.get(command, usage)
    call.console.print(explain(open_registry(), command, PURPOSES[command]))


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


COMMANDS: Mapping[str, Command] = {
    command: Command("KEY=VALUE ...", purpose, partial(run_configured, command), partial(explain_configured, command))
    for command, purpose in PURPOSES.items()
}
