"""The commands that there are, in the order in which they are listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw.cli import checkups, configured, experiments, networks, plugins, reports
from snnfw.cli.command import Command

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMANDS: Mapping[str, Command] = {
    **configured.COMMANDS,
    "report": Command(
        "RUN ... [--full] [out=FOLDER]",
        "Show runs that are done: one's page rebuilt, or several side by side.",
        reports.report,
    ),
    "show": Command("FILE", "Print what a network's file holds.", networks.show),
    "export": Command(
        "NET.snn format=FORMAT out=FILE",
        "Write a spiking network as onnx, torch or nir.",
        networks.export,
    ),
    "experiments list": Command("", "List the experiments of papers, with what is published.", experiments.list_all),
    "reproduce": Command(
        "NAME KEY=VALUE ...",
        "Run an experiment or a table of them: ours beside the published.",
        experiments.reproduce,
    ),
    "plugins list": Command("", "List the plugins and what they offer.", plugins.list_all),
    "plugins info": Command("NAME", "Describe a method, a data set, a network, a plugin.", plugins.info),
    "plugins check": Command(
        "NAME KEY=VALUE ...",
        "Hold a method, a plugin or everything against its contract.",
        checkups.check,
    ),
    "plugins new": Command(
        "NAME kind=KIND",
        "Write the beginnings of a plugin into this folder.",
        plugins.new,
    ),
    "doctor": Command("", "Say what this machine can run, and how to mend the rest.", checkups.doctor),
}
"""A command is an entry here: its name (two words where it belongs to a group), and what it is."""
