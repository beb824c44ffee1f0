"""The commands that there are, in the order in which they are listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw.cli import checkups, configured, experiments, networks, plugins
from snnfw.cli.command import Command

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMANDS: Mapping[str, Command] = {
    **configured.COMMANDS,
    "show": Command("FILE", "Print what a network's file holds: provenance, scores and plan.", networks.show),
    "export": Command(
        "NET.snn format=FORMAT out=FILE",
        "Write a spiking network as onnx, torch or nir, compared with itself.",
        networks.export,
    ),
    "experiments list": Command(
        "", "Say which experiments of papers are shipped, what is published and what they need.", experiments.list_all
    ),
    "reproduce": Command(
        "NAME KEY=VALUE ...",
        "Run an experiment, or a table of them, and print ours beside the published.",
        experiments.reproduce,
    ),
    "plugins list": Command("", "Say which plugins are installed and what they offer.", plugins.list_all),
    "plugins info": Command("NAME", "Describe a method or a plugin, with its parameters.", plugins.info),
    "plugins check": Command(
        "NAME KEY=VALUE ...",
        "Hold a method, a plugin, or without a name everything, against its contract.",
        checkups.check,
    ),
    "plugins new": Command(
        "NAME kind=KIND",
        "Write the beginnings of a plugin of your own into this folder: a neuron, or a KIND.",
        plugins.new,
    ),
    "doctor": Command("", "Say what this machine can run, and how to mend the rest.", checkups.doctor),
}
"""A command is an entry here: its name (two words where it belongs to a group), and what it is."""
