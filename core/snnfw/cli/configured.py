"""The commands that take a configuration: run, plan, compare, sweep, tune, diagnose and train."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text

from snnfw.cli.command import Call, Command, open_registry
from snnfw.cli.help import first_screen, topic_help
from snnfw.config.comparison import COMPARISON_KEYS, CompareConfig, resolve_comparison
from snnfw.config.diagnosis import DIAGNOSIS_KEYS, DiagnosisConfig, resolve_diagnosis
from snnfw.config.hints import option_error
from snnfw.config.quick import quick_words
from snnfw.config.resolution import resolve, to_yaml
from snnfw.config.schema import KEYS
from snnfw.config.sketch import KEY, SketchConfig, is_sketch, require_subject, resolve_sketch
from snnfw.config.sweep import resolve_sweep
from snnfw.config.training import TRAINING_KEYS, TrainConfig, resolve_training
from snnfw.config.tuning import TUNING_KEYS, TuneConfig, resolve_tuning
from snnfw.errors import SnnfwError, unknown_name_error

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import TypeAlias

    from rich.console import Console

    from snnfw.config.schema import RunConfig
    from snnfw.registry import Registry

    Config: TypeAlias = RunConfig | SketchConfig | CompareConfig | TuneConfig | DiagnosisConfig | TrainConfig

PURPOSES: Mapping[str, str] = {
    "run": "Convert a network, simulate it, and report what it scores and costs.",
    "plan": "Say what would become of every operator, and compute nothing.",
    "compare": "Run several methods on one network, side by side.",
    "sweep": "Run every combination of values, each in a process of its own, and compare.",
    "tune": "Find the cheapest spiking network within a drop, and test it.",
    "diagnose": "Say which layer of a run goes wrong first, and what mends it.",
    "train": "Train a network as the spiking network that it will be.",
}


FORMS = ("full", "json")
"""How a plan is told, folded apart."""

QUICK = "--quick"

OPTIONS: Mapping[str, Sequence[str]] = {
    "plan": [f"--{form}" for form in FORMS],
    **{command: [QUICK] for command in ("run", "compare", "sweep", "tune", "diagnose", "train")},
}
"""What a command takes beside words, --config and --help apart."""


KEYS_OF: Mapping[str, Sequence[str]] = {
    "run": KEYS,
    "plan": (*KEYS, KEY),
    "compare": COMPARISON_KEYS,
    "sweep": KEYS,
    "tune": TUNING_KEYS,
    "diagnose": DIAGNOSIS_KEYS,
    "train": TRAINING_KEYS,
}


def run_configured(command: str, call: Call) -> int:
    """Resolve the words and compute, or print what would be computed."""
    options = {word for word in call.words if word.startswith("-")}
    known = ("--config", *OPTIONS.get(command, ()))
    for at, word in enumerate(call.words):
        if word in options - set(known):
            raise option_error(call.words, at, KEYS_OF[command]) or unknown_name_error(
                "option", word, [*known, "--help"], listing="Options"
            )
    registry = open_registry()
    words = [word for word in call.words if word not in options]
    if command == "sweep":
        return _sweep(words, registry, call.console, options)
    config = _resolve(command, words, registry)
    short = quick_words(config, words, registry) if QUICK in options and not isinstance(config, SketchConfig) else []
    if short:
        config = _resolve(command, [*short, *words], registry)
    if "--config" in options:
        call.console.out(to_yaml(config), end="", highlight=False)
        return 0
    if short:
        call.console.print(Text(f"quick: {' '.join(short)}"), soft_wrap=True)
    return _compute(command, config, registry, call.console, options)


def explain_configured(command: str, call: Call) -> None:
    """Print what the command can be told: a screen, or what is said of the topics that stand behind --help."""
    registry, purpose = open_registry(), PURPOSES[command]
    topics = [word for word in call.words if not word.startswith("-") and "=" not in word]
    said = [told for topic in topics for told in topic_help(registry, command, purpose, topic)]
    call.console.print(*(said or [first_screen(registry, command, purpose)]))


def _resolve(command: str, words: Sequence[str], registry: Registry) -> Config:
    if command == "compare":
        return resolve_comparison(words, registry)
    if command == "tune":
        return resolve_tuning(words, registry)
    if command == "diagnose":
        return resolve_diagnosis(words, registry)
    if command == "train":
        return resolve_training(words, registry)
    if command == "plan" and is_sketch(words):
        return resolve_sketch(words, registry)
    if command == "plan":
        require_subject(words)
    return resolve(words, registry)


def _sweep(words: Sequence[str], registry: Registry, console: Console, options: Collection[str]) -> int:
    """Run every combination, or print what they are; return 1 where one of them did not end well."""
    config = resolve_sweep(words, registry, QUICK in options)
    if "--config" in options:
        console.out(to_yaml(config), end="", highlight=False)
        return 0
    from snnfw.sweeping.running import sweep  # brings in torch

    return 0 if sweep(config, console) else 1


def _compute(command: str, config: Config, registry: Registry, console: Console, options: Collection[str]) -> int:
    """Start what takes long; this brings in torch."""
    if isinstance(config, CompareConfig):
        from snnfw.comparing import compare_methods

        return 0 if compare_methods(config, console, registry).complete else 1
    if isinstance(config, TuneConfig):
        from snnfw.cheapest import tune

        return 0 if tune(config, registry, console) else 1
    if isinstance(config, DiagnosisConfig):
        from snnfw.diagnosing import diagnose

        diagnose(config, registry, console)
        return 0
    if isinstance(config, TrainConfig):
        from snnfw.train import train

        train(config, console, [name for name, task in registry.tasks.items() if getattr(task, "trains", False)])
        return 0
    if command == "plan" or isinstance(config, SketchConfig):
        from snnfw import preview

        forms = [form for form in FORMS if f"--{form}" in options]
        if len(forms) > 1:
            raise SnnfwError("--full and --json are two forms of a plan: give one of them.")
        preview.plan(config, console, *forms)
        return 0
    from snnfw import pipeline

    pipeline.run(config, registry, console)
    return 0


COMMANDS: Mapping[str, Command] = {
    command: Command("KEY=VALUE ...", purpose, partial(run_configured, command), partial(explain_configured, command))
    for command, purpose in PURPOSES.items()
}
