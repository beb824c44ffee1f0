"""The registry: which neurons, stages, tasks, sources and presets there are, and who brought them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pluggy

from snnfw import builtin, contracts, hookspecs
from snnfw.errors import SnnfwError, unknown_name_error, wrong_kind_error
from snnfw.failures import failure_text
from snnfw.kinds import KINDS, offer_name, require_offer
from snnfw.offers import check_hooks, find_entry_points, import_file, read_offers

if TYPE_CHECKING:
    from pathlib import Path

    from snnfw.report.report import Report

STRANGE = (Exception, SystemExit)
"""Whatever a stranger's module raises; one that ends the program would else end every command, without a word."""


class Registry:
    """Everything that can be chosen by name.

    The core's own methods come first, then every installed package's entry points of the group ``snnfw``
    (unless ``entry_points`` is false), then ``plugins``: modules, or any objects with functions marked by
    ``hookimpl``. A plugin with a fault is listed in ``quarantined`` with the reason, offers nothing, and
    stops nothing else.
    """

    def __init__(self, plugins: Iterable[object] = (), entry_points: bool = True) -> None:
        if not isinstance(plugins, Iterable) or isinstance(plugins, str):
            raise wrong_kind_error("Registry(plugins=...)", plugins, "a list of modules or of objects with hooks")
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._found: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
        self._owners: dict[tuple[str, str], str] = {}
        self._withheld: dict[tuple[str, str], str] = {}
        self._quarantined: dict[str, str] = {}
        self._files: set[Path] = set()
        self._register("snnfw", builtin)
        for entry in find_entry_points() if entry_points else ():
            self._register_or_quarantine(entry.name, entry=entry)
        for number, plugin in enumerate(plugins, start=1):
            full = getattr(plugin, "__name__", f"plugin {number}")
            name = full.rpartition(".")[2]
            free = full if name in self.plugins else name  # many are called task
            self._register_or_quarantine(free, plugin)

    @property
    def neurons(self) -> Mapping[str, type[contracts.Neuron]]:
        """Return the neurons by name."""
        return MappingProxyType(self._found["neurons"])

    @property
    def converters(self) -> Mapping[str, type[contracts.Converter]]:
        """Return the converters by name."""
        return MappingProxyType(self._found["converters"])

    @property
    def searches(self) -> Mapping[str, type[contracts.Search]]:
        """Return the searches by name."""
        return MappingProxyType(self._found["searches"])

    @property
    def exit_policies(self) -> Mapping[str, type[contracts.ExitPolicy]]:
        """Return the exit policies by name."""
        return MappingProxyType(self._found["exit_policies"])

    @property
    def energy_models(self) -> Mapping[str, type[contracts.EnergyModel]]:
        """Return the energy models by name."""
        return MappingProxyType(self._found["energy_models"])

    @property
    def launchers(self) -> Mapping[str, type[contracts.Launcher]]:
        """Return the launchers by name."""
        return MappingProxyType(self._found["launchers"])

    @property
    def tasks(self) -> Mapping[str, type[contracts.Task]]:
        """Return the tasks by name."""
        return MappingProxyType(self._found["tasks"])

    @property
    def models(self) -> Mapping[str, type[contracts.ModelSource]]:
        """Return the networks by name."""
        return MappingProxyType(self._found["models"])

    @property
    def data(self) -> Mapping[str, type[contracts.DataSource]]:
        """Return the data sets by name."""
        return MappingProxyType(self._found["data"])

    @property
    def trackers(self) -> Mapping[str, type[contracts.Tracker]]:
        """Return the trackers by name."""
        return MappingProxyType(self._found["trackers"])

    @property
    def presets(self) -> Mapping[str, contracts.Preset]:
        """Return the presets by name."""
        return MappingProxyType(self._found["presets"])

    @property
    def plugins(self) -> Mapping[str, object]:
        """Return every plugin that is in use, by name, in the order of registration."""
        return MappingProxyType(dict(self._manager.list_name_plugin()))

    @property
    def quarantined(self) -> Mapping[str, str]:
        """Return why a plugin is not in use, by the plugin's name."""
        return MappingProxyType(self._quarantined)

    @property
    def withheld(self) -> Mapping[tuple[str, str], str]:
        """Return the names that quarantined plugins would have registered: the plugin, by kind and name."""
        return MappingProxyType({key: plugin for key, plugin in self._withheld.items() if key not in self._owners})

    def all(self, kind: str) -> Mapping[str, Any]:
        """Return everything of one of the ``KINDS`` by name."""
        return MappingProxyType(self._found[kind])

    def owner(self, kind: str, name: str) -> str:
        """Return the name of the plugin that registered ``name``."""
        self.find(kind, name)
        return self._owners[kind, name]

    def find(self, kind: str, name: str) -> Any:
        """Return the offer registered under ``name``, or say which names are and which quarantine keeps back."""
        if name in self._found[kind]:
            return self._found[kind][name]
        word = KINDS[kind].word
        plugin = self.withheld.get((kind, name), name)
        if plugin in self._quarantined:
            subject = f"plugin '{plugin}'" if plugin == name else f"{word} '{name}' of plugin '{plugin}'"
            raise SnnfwError(f"{subject} is quarantined: {self._quarantined[plugin]}")
        silent = sorted(set(self._quarantined) - set(self._withheld.values()))
        note = f" Quarantined, see 'snnfw plugins list': {', '.join(silent)}." if silent else ""
        if not self._found[kind]:
            raise SnnfwError(f"no {word} named '{name}': none is registered.{note}")
        raise SnnfwError(f"{unknown_name_error(word, name, self._found[kind])}{note}")

    def load_file(self, path: Path) -> None:
        """Register a plugin that is a single Python file; loading the same file again changes nothing."""
        resolved = path.resolve()
        if resolved in self._files:
            return
        try:
            self._register(path.stem, import_file(resolved))
        except STRANGE as error:
            raise SnnfwError(f"load={path} does not work: {failure_text(error)}") from error
        self._files.add(resolved)

    def after_run(self, report: Report, folder: Path, tell: Callable[[str], None]) -> None:
        """Hand the report, and the folder that holds the results, to every plugin that asked for it.

        What one of them raises is told in a sentence: the results are there, and the others have their turn.
        """
        given: dict[str, Any] = {"report": report, "folder": folder}
        for each in reversed(self._manager.hook.snnfw_after_run.get_hookimpls()):
            try:
                each.function(*(given[name] for name in each.argnames))
            except STRANGE as error:
                reason = failure_text(error)
                tell(f"snnfw_after_run of '{each.plugin_name}' failed: {reason} The results in {folder} are whole.")

    def _register_or_quarantine(
        self, name: str, plugin: object = None, entry: metadata.EntryPoint | None = None
    ) -> None:
        """Take a plugin, or what an entry point loads, whose class may be of another library than importlib."""
        try:
            self._register(name, entry.load() if entry else plugin)
        except STRANGE as error:
            package = entry.dist.name if entry and entry.dist else "plugins"
            taken = name in self.plugins or name in self._quarantined
            self._quarantined[f"{name} ({package})" if taken else name] = failure_text(error)

    def _register(self, name: str, plugin: object) -> None:
        if name in self.plugins:
            raise SnnfwError(f"another plugin is already named '{name}'.")
        offers: list[tuple[str, Any]] = []
        try:
            self._manager.register(plugin, name)
            offers.extend(read_offers(self._manager, plugin))
            check_hooks(self._manager, plugin)
            self._check_offers(name, offers)
        except STRANGE:
            if name in self.plugins:
                self._manager.unregister(name=name)
            self._withheld.update({(kind, offer_name(offer)): name for kind, offer in offers})
            raise
        for kind, offer in offers:
            self._found[kind][offer.name] = offer
            self._owners[kind, offer.name] = name

    def _check_offers(self, plugin: str, offers: list[tuple[str, Any]]) -> None:
        own: set[tuple[str, str]] = set()
        tasks = self._found["tasks"] | {offer_name(offer): offer for kind, offer in offers if kind == "tasks"}
        for kind, offer in offers:
            require_offer(kind, offer, tasks)
            key = (kind, offer.name)
            owner = plugin if key in own else self._owners.get(key)
            if owner:
                raise SnnfwError(f"{KINDS[kind].word} '{offer.name}' is already registered by plugin '{owner}'.")
            own.add(key)
