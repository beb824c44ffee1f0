"""Write the beginnings of a plugin: a package with a neuron that works, to be changed into one's own."""

from __future__ import annotations

import keyword
import os
import re
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path

from snnfw.errors import SnnfwError
from snnfw.files import write_folder
from snnfw.values import Keep

NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
IMPORTED = ("Annotated", "Callable", "ClassVar", "Field", "Iterable", "Tensor")
"""What the written module imports by name, and no class in it may be called."""


def new_plugin(name: str, into: Path, taken: Collection[str] = ()) -> Path:
    """Write a package with a neuron and a preset of that name, and return its folder: complete, or not there at all.

    ``taken`` are the names that are registered already.
    """
    words = re.split("[-_]", name)
    module = "snnfw_" + "_".join(words)
    _check_name(name, module, _class_name(words), taken)
    folder = into / module.replace("_", "-")
    if not into.is_dir() or not os.access(into, os.W_OK):
        raise SnnfwError(f"cannot write into '{into}': it has to be a folder that exists and may be written to.")
    if folder.exists():
        raise SnnfwError(f"'{folder}' exists already: choose another name, or remove it; nothing is ever overwritten.")
    values = {"name": name, "module": module, "package": folder.name, "class": _class_name(words)}
    return write_folder(folder, _files(module, values))


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


def _files(module: str, values: dict[str, str]) -> dict[str, str]:
    """Return the text of every file by its name."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    templates = Environment(
        loader=PackageLoader("snnfw.scaffold"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  # Python, TOML and Markdown are no HTML
    )
    files = {
        "pyproject.toml": "pyproject.toml.jinja",
        "README.md": "README.md.jinja",
        f"{module}.py": "module.py.jinja",
        f"test_{module}.py": "test.py.jinja",
    }
    return {file: templates.get_template(template).render(values) for file, template in files.items()}
