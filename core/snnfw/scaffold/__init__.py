"""Scaffold: the beginnings of a plugin, as a package that works; what new packages are written from comes in here."""

from __future__ import annotations

import keyword
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

from snnfw.errors import SnnfwError, unknown_name_error
from snnfw.files import write_folder
from snnfw.values import Keep

NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
IMPORTED = frozenset(
    {
        *("Accuracy", "AdaFire", "Ahead", "Annotated", "Any", "Bars", "BrokenProcessPool", "Callable", "ClassVar"),
        *("Direct", "Field", "Given", "Iterable", "Iterator", "LabelledData", "Mapping", "Operation", "Parts"),
        *("Path", "Population", "Preprocess", "ProcessPoolExecutor", "Returned", "Sequence", "Static", "Tensor"),
        *("ThreadPoolExecutor", "Tracking", "TypeVar"),
    }
)
"""What the written modules call by name, and no class in them may be called."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is written for one kind: in which words, which ``code`` module, and what to run it with.

    ``kinds`` are those of which something is registered under the plugin's name.
    """

    word: str
    code: str | None
    kinds: tuple[str, ...]
    runs: tuple[str, ...]


BEGINNINGS: Mapping[str, Beginning] = MappingProxyType(
    {
        "neuron": Beginning(
            "neuron",
            "node",
            ("neurons", "presets"),
            ("task=classification neuron={name}", "task=classification plugin={name} neuron.phi=4 timesteps=16"),
        ),
        "converter": Beginning(
            "converter",
            "conversion",
            ("converters",),
            ("task=classification plugin=burst converter={name} converter.share=0.8",),
        ),
        "search": Beginning(
            "search", "trying", ("searches",), ("task=classification plugin=burst search={name} search.tolerance=0.5",)
        ),
        "exit": Beginning(
            "early exit", "rule", ("exit_policies",), ("task=classification plugin=burst exit={name} exit.margin=0.9",)
        ),
        "energy": Beginning(
            "energy model",
            None,
            ("energy_models",),
            ("task=classification plugin=burst energy={name} energy.ac_pj=0.5",),
        ),
        "launcher": Beginning(
            "launcher",
            None,
            ("launchers",),
            ("task=classification plugin=burst search=pareto launcher={name} launcher.workers=2",),
        ),
        "model": Beginning("network", "network", ("models",), ("task=classification plugin=burst model={name}",)),
        "data": Beginning("data set", "samples", ("data",), ("task=classification plugin=burst data={name}",)),
        "task": Beginning("task", "bundle", ("tasks",), ("task={name} plugin=burst",)),
        "tracker": Beginning(
            "tracker", None, ("trackers",), ("task=classification plugin=burst tracker={name} tracker.file=runs.jsonl",)
        ),
        "preset": Beginning("method", None, ("presets",), ("task=classification plugin={name}",)),
    }
)
"""The kinds of plugins that can be begun, by what a user calls them."""


def new_plugin(name: str, into: Path, taken: Collection[str] = (), kind: str = "neuron") -> Path:
    """Write a package with something of one kind and that name; return its folder: complete, or not there at all.

    ``taken`` are the names that are registered already.
    """
    if kind not in BEGINNINGS:
        raise unknown_name_error("kind of plugin", kind, BEGINNINGS, listing="Kinds")
    words = re.split("[-_]", name)
    module = "snnfw_" + "_".join(words)
    _check_name(name, module, _class_name(words), taken)
    folder = into / module.replace("_", "-")
    if not into.is_dir() or not os.access(into, os.W_OK):
        raise SnnfwError(f"cannot write into '{into}': it has to be a folder that exists and may be written to.")
    if folder.exists():
        raise SnnfwError(f"'{folder}' exists already: choose another name, or remove it; nothing is ever overwritten.")
    begun = BEGINNINGS[kind]
    values = {
        "name": name,
        "module": module,
        "package": folder.name,
        "class": _class_name(words),
        "word": begun.word,
        "kind": kind,
        "code": begun.code,
        "runs": [run.format(name=name) for run in begun.runs],
    }
    return write_folder(folder, _files(kind, module, values))


def _check_name(name: str, module: str, class_name: str, taken: Collection[str]) -> None:
    if not NAME.fullmatch(name):
        raise SnnfwError(
            f"'{name}' cannot name a plugin: small letters and digits, in words joined by '-' or '_', the first one "
            "beginning with a letter, such as 'leaky-burst'."
        )
    if name in taken or name == Keep.name:
        raise SnnfwError(f"'{name}' is taken already, see 'snnfw plugins list': choose another name.")
    if keyword.iskeyword(class_name) or class_name in IMPORTED:
        raise SnnfwError(
            f"'{name}' cannot name a plugin: its class would be called {class_name}, which means something else. "
            f"Choose another name, such as 'my-{name}'."
        )
    if find_spec(module):
        raise SnnfwError(f"'{name}' cannot name a plugin: there is a module {module} already. Choose another name.")


def _class_name(words: list[str]) -> str:
    return "".join(word.capitalize() for word in words)


def _files(kind: str, module: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Return the text of every file by its name."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    templates = Environment(
        loader=PackageLoader("snnfw.scaffold"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # Python, TOML and Markdown are no HTML
    )
    code = BEGINNINGS[kind].code
    files = {
        "pyproject.toml": "pyproject.toml.jinja",
        "README.md": "README.md.jinja",
        f"{module}/__init__.py": f"{kind}/init.py.jinja",
        **({f"{module}/{code}.py": f"{kind}/{code}.py.jinja"} if code else {}),
        f"test_{module}.py": f"{kind}/test.py.jinja",
    }
    return {file: templates.get_template(template).render(values) for file, template in files.items()}
