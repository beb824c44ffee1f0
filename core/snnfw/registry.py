"""The registry: which neurons, stages, tasks, sources and presets there are, and who brought them."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any

import pluggy

from snnfw import builtin, contracts, hookspecs
from snnfw.errors import SnnfwError, unknown_name_error, wrong_kind_error
from snnfw.failures import failure_text
from snnfw.kinds import KINDS, require_offer

if TYPE_CHECKING:
    from pathlib import Path

    from snnfw.report.report import Report

STRANGE = (Exception, SystemExit)
"""Whatever a stranger's module raises; one that ends the program would else end every command, without a word."""


class Registry:
    """Everything that can be chosen by name.

    The core's own methods come first, then every installed package's entry points of the group ``snnfw``
    (unless ``entry_points`` is false), then ``plugins``: modules, or any objects with functions marked by
    ``hookimpl``. A plugin with a fault is listed in :attr:`quarantined` with the reason, offers nothing, and
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
        for entry in _entry_points() if entry_points else ():
            self._register_or_quarantine(entry.name, entry)
        for number, plugin in enumerate(plugins, start=1):
            full = getattr(plugin, "__name__", f"plugin {number}")
            name = full.rpartition(".")[2]
            self._register_or_quarantine(full if name in self.plugins else name, plugin)  # many are called task

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
            self._register(path.stem, _import_file(resolved))
        except STRANGE as error:
            raise SnnfwError(f"load={path} does not work: {failure_text(error)}") from error
        self._files.add(resolved)

    def after_run(self, report: Report) -> None:
        """Hand the report to every plugin that asked for it."""
        self._manager.hook.snnfw_after_run(report=report)

    def _register_or_quarantine(self, name: str, source: object) -> None:
        try:
            self._register(name, source.load() if isinstance(source, metadata.EntryPoint) else source)
        except STRANGE as error:
            package = source.dist.name if isinstance(source, metadata.EntryPoint) and source.dist else "plugins"
            taken = name in self.plugins or name in self._quarantined
            self._quarantined[f"{name} ({package})" if taken else name] = failure_text(error)

    def _register(self, name: str, plugin: object) -> None:
        if name in self.plugins:
            raise SnnfwError(f"another plugin is already named '{name}'.")
        offers: list[tuple[str, Any]] = []
        try:
            self._manager.register(plugin, name)
            offers.extend(_offers(self._manager, plugin))
            _check_hooks(self._manager, plugin)
            self._check_offers(name, offers)
        except STRANGE:
            self._withheld.update({(kind, getattr(offer, "name", "")): name for kind, offer in offers})
            if name in self.plugins:
                self._manager.unregister(name=name)
            raise
        for kind, offer in offers:
            self._found[kind][offer.name] = offer
            self._owners[kind, offer.name] = name

    def _check_offers(self, plugin: str, offers: list[tuple[str, Any]]) -> None:
        own: set[tuple[str, str]] = set()
        tasks = self._found["tasks"] | {getattr(offer, "name", ""): offer for kind, offer in offers if kind == "tasks"}
        for kind, offer in offers:
            require_offer(kind, offer, tasks)
            key = (kind, offer.name)
            owner = plugin if key in own else self._owners.get(key)
            if owner:
                raise SnnfwError(f"{KINDS[kind].word} '{offer.name}' is already registered by plugin '{owner}'.")
            own.add(key)


def _entry_points() -> list[metadata.EntryPoint]:
    """Return the entry points of the group, the ones bundled with the framework first, then by name."""
    found = metadata.entry_points(group=hookspecs.PROJECT)
    return sorted(found, key=lambda entry: (entry.dist is None or entry.dist.name != "snnfw", entry.name))


def _import_file(path: Path) -> ModuleType:
    """Import a Python file under a name of its own, where pydantic finds the types that its fields name."""
    if not path.is_file():
        raise SnnfwError("there is no such file.")
    name = f"snnfw_loaded_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SnnfwError("a plugin's file name ends in .py.")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _implementations(manager: pluggy.PluginManager, plugin: object) -> Iterator[tuple[str, pluggy.HookImpl]]:
    for caller in manager.get_hookcallers(plugin) or ():
        yield from ((caller.name, found) for found in caller.get_hookimpls() if found.plugin is plugin)


def _offers(manager: pluggy.PluginManager, plugin: object) -> Iterator[tuple[str, Any]]:
    """Ask one plugin for everything that it registers, each thing with its kind."""
    hooks = {f"snnfw_register_{kind}": kind for kind in KINDS}
    for hook, implementation in _implementations(manager, plugin):
        if hook in hooks:
            answer: Any = implementation.function()
            if not isinstance(answer, Iterable):
                raise SnnfwError(f"{hook} returns {answer!r}: it must return a list.")
            yield from ((hooks[hook], offer) for offer in answer)


def _check_hooks(manager: pluggy.PluginManager, plugin: object) -> None:
    """Refuse a plugin with a misspelt hook, or without any."""
    known = [name for name in vars(hookspecs) if name.startswith("snnfw_")]
    implementations = list(_implementations(manager, plugin))
    for hook, implementation in implementations:
        if hook not in known and not implementation.optionalhook:
            raise unknown_name_error("hook", hook, known, listing="Hooks")
    if not implementations:
        raise SnnfwError("it has no hook: mark its functions with @snnfw.hookimpl.")
