from __future__ import annotations

import io
from dataclasses import dataclass

from rich.console import Console

import toy_plugin
from snnfw.config.describe import describe
from snnfw.config.usage import usage
from snnfw.registry import Registry


def printed(force_terminal: bool = False) -> str:
    registry = Registry(plugins=[toy_plugin], entry_points=False)
    output = io.StringIO()
    console = Console(file=output, width=120, force_terminal=force_terminal)
    console.print(usage(registry, "run", "Convert a network."))
    return output.getvalue()


def test_the_help_lists_keys_names_types_defaults_and_descriptions() -> None:
    lines = [" ".join(line.split()) for line in printed().splitlines()]
    for line in (
        "Usage: snnfw run KEY=VALUE ... [--config]",
        "neuron burst, following, single",
        "plugin ann, bursting, plain",
        "recipe a YAML file that says which neuron goes where",
        "timesteps timesteps to simulate; a plugin may bring its own (int >= 1, default 8)",
        "backend how the neurons' time loop is computed (auto | reference | native | cupy, default auto)",
        "energy.mac_pj picojoules per multiply-accumulate (float >= 0, default 4.6)",
        "neuron=burst",
        "Fire up to phi spikes at once.",
        "neuron.phi spikes per timestep, at most (int >= 1, default 4)",
        "neuron.threshold where the threshold lies (max | percentile, default max)",
        "model.network which one (text, required)",
        "plugin=bursting",
        "Bursts where the network has ReLUs.",
    ):
        assert line in lines


def test_the_help_has_colours_on_a_terminal_only() -> None:
    assert "\x1b[" in printed(force_terminal=True)
    assert "\x1b[" not in printed()


@dataclass(frozen=True)
class Shared:
    size: int = 8


@dataclass(frozen=True, kw_only=True)
class Own(Shared):
    root: str


def test_what_has_to_be_given_comes_first() -> None:
    assert [(parameter.name, parameter.default) for parameter in describe(Own)] == [("root", None), ("size", "8")]
