"""The hooks: every function that a plugin may define, what it returns and when it is called."""

# A specification has a docstring and no body.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from typing import TYPE_CHECKING

from pluggy import HookimplMarker, HookspecMarker

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from snnfw.contracts import DataSource, ExitPolicy, ModelSource, Preset, Search, Task, Tracker
    from snnfw.conversion.converter import Converter
    from snnfw.energy.model import EnergyModel
    from snnfw.launching.launcher import Launcher
    from snnfw.planning.rules import Neuron
    from snnfw.report.report import Report

PROJECT = "snnfw"

hookspec = HookspecMarker(PROJECT)
hookimpl = HookimplMarker(PROJECT)
"""Mark a function of a plugin as one of the hooks, by its name."""


@hookspec
def snnfw_register_neurons() -> Iterable[type[Neuron]]:
    """Offer neurons, for ``neuron=NAME`` and the layers of a recipe.

    :return: Frozen dataclasses that fulfil :class:`snnfw.Neuron`.

    Called once, when the plugin is registered.
    """


@hookspec
def snnfw_register_converters() -> Iterable[type[Converter]]:
    """Offer converters, for ``converter=NAME``.

    :return: Frozen dataclasses that fulfil :class:`snnfw.Converter`.

    Called once, when the plugin is registered.
    """


@hookspec
def snnfw_register_searches() -> Iterable[type[Search]]:
    """Offer searches for better plans, for ``search=NAME``.

    :return: Frozen dataclasses that fulfil :class:`snnfw.Search`.

    Called once, when the plugin is registered.
    """


@hookspec
def snnfw_register_exit_policies() -> Iterable[type[ExitPolicy]]:
    """Offer policies that let samples leave early, for ``exit=NAME``.

    :return: Frozen dataclasses that fulfil :class:`snnfw.ExitPolicy`.

    Called once, when the plugin is registered.
    """


@hookspec
def snnfw_register_energy_models() -> Iterable[type[EnergyModel]]:
    """Offer prices of operations, for ``energy=NAME``.

    :return: Frozen dataclasses that fulfil :class:`snnfw.EnergyModel`.

    Called once, when the plugin is registered.
    """


@hookspec
def snnfw_register_launchers() -> Iterable[type[Launcher]]:
    """Offer launchers, which run work on many workers, for ``launcher=NAME``.

    :return: Frozen dataclasses that fulfil :class:`snnfw.Launcher`.

    Called once, when the plugin is registered.
    """


@hookspec
def snnfw_register_tasks() -> Iterable[type[Task]]:
    """Offer tasks, for ``task=NAME``.

    :return: Frozen dataclasses that fulfil :class:`snnfw.Task`.

    Called once, when the plugin is registered.
    """


@hookspec
def snnfw_register_models() -> Iterable[type[ModelSource]]:
    """Offer networks, for ``model=NAME``.

    :return: Frozen dataclasses that fulfil :class:`snnfw.ModelSource`.

    Called once, when the plugin is registered.
    """


@hookspec
def snnfw_register_data() -> Iterable[type[DataSource]]:
    """Offer data sets, for ``data=NAME``.

    :return: Frozen dataclasses that fulfil :class:`snnfw.DataSource`.

    Called once, when the plugin is registered.
    """


@hookspec
def snnfw_register_presets() -> Iterable[Preset]:
    """Offer whole methods, for ``plugin=NAME``: a recipe and the stages that go with it.

    :return: Instances of :class:`snnfw.Preset`, whose neurons and stages may come from any plugin.

    Called once, when the plugin is registered.
    """


@hookspec
def snnfw_register_trackers() -> Iterable[type[Tracker]]:
    """Offer trackers, for ``tracker=NAME``.

    :return: Frozen dataclasses that fulfil :class:`snnfw.Tracker`.

    Called once, when the plugin is registered.
    """


@hookspec
def snnfw_after_run(report: Report, folder: Path) -> None:
    """Do something with the result of a run: log it, plot it, send it on.

    :param report: What the run measured.
    :param folder: The run's folder.

    Called after the run folder is complete, for every plugin that defines it.
    """
