"""What a plugin may use is exported, and the bundled plugins and tasks, the example and the scaffold use nothing else."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

ROOMS = (
    "snnfw",
    "snnfw.capture",
    "snnfw.checks",
    "snnfw.config",
    "snnfw.conversion",
    "snnfw.energy",
    "snnfw.errors",
    "snnfw.files",
    "snnfw.kernels",
    "snnfw.launching",
    "snnfw.neurons",
    "snnfw.planning",
    "snnfw.search",
    "snnfw.simulate",
    "snnfw.spiking",
)
"""The modules that are for everybody, each with its ``__all__``."""

PUBLIC = {(room, name) for room in ROOMS for name in importlib.import_module(room).__all__}


def imports_in(code: str) -> Iterator[tuple[str, str]]:
    """Yield every name that Python code imports from the framework, with its module."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "snnfw":
            yield from ((str(node.module), alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name.startswith("snnfw."))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "snnfw":
            yield "snnfw", node.attr


def imports_in_text(text: str) -> Iterator[tuple[str, str]]:
    """Yield the same of lines in a page or a template that is no Python yet."""
    for module, names in re.findall(r"^[ >]*from (snnfw[\w.]*) import ([\w, ]+)$", text, flags=re.MULTILINE):
        if module.partition(".")[0] == "snnfw":
            yield from ((module, name.split(" as ")[0].strip()) for name in names.split(","))
    yield from (("snnfw", name) for name in re.findall(r"\bsnnfw\.([A-Z]\w+)", text))


def users() -> list[Path]:
    """Return every file that shows a third party what to use."""
    folders = ["plugins", "tasks", "tools", "examples", "core/snnfw/scaffold/templates", "docs"]
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*"))]
    return [path for path in found if path.suffix in (".py", ".jinja", ".md") and "__pycache__" not in path.parts]


def foreign(path: Path) -> list[str]:
    """Return what a file takes from the framework that is not exported."""
    text = path.read_text(encoding="utf-8")
    used = imports_in(text) if path.suffix == ".py" else imports_in_text(text)
    return [f"{path.relative_to(ROOT)}: {module}.{name}" for module, name in used if (module, name) not in PUBLIC]


def test_what_is_shown_to_third_parties_uses_exported_names_alone() -> None:
    files = users()
    assert len(files) > 200
    assert not [fault for path in files for fault in foreign(path)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", "from snnfw.capture.graph import Graph"),
        ("a.py", "def f() -> None:\n    import snnfw.spiking.model"),
        ("a.py", "import snnfw\nsnnfw.Nothing"),
        ("a.jinja", "        from snnfw.capture import Nothing"),
        ("a.md", "    neuron: snnfw.Nothing"),
    ],
)
def test_a_name_that_is_not_exported_is_noticed(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / name).write_text(text)
    assert len(foreign(tmp_path / name)) == 1


@pytest.mark.parametrize("room", ROOMS)
def test_every_exported_name_is_there_and_none_is_hidden_by_a_module(room: str) -> None:
    module = importlib.import_module(room)
    modules = {found.name for found in pkgutil.iter_modules(getattr(module, "__path__", []))}
    assert module.__all__ == sorted(module.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    assert not modules & set(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = module.nothing


def test_rooms_say_what_may_come_in() -> None:
    rooms = sorted(path.parent for path in (ROOT / "core" / "snnfw").glob("*/__init__.py"))
    said = {
        room.name: ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8"))) for room in rooms
    }
    assert len(rooms) > 14
    assert not [name for name, text in said.items() if not text or "come" not in text.splitlines()[0]]


def test_the_reference_lists_every_exported_name() -> None:
    page = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    listed = {
        (module, name)
        for module, names in re.findall(r"^\| `(snnfw[\w.]*)` \|(.*)\|$", page, flags=re.MULTILINE)
        for name in re.findall(r"`(\w+)`", names.partition("|")[2] or names)
    }
    assert listed == PUBLIC


def test_the_design_has_every_room_of_the_core() -> None:
    page = (ROOT / "docs" / "explanation" / "design.md").read_text(encoding="utf-8")
    rooms = {path.parent.name for path in (ROOT / "core" / "snnfw").glob("*/__init__.py")}
    assert set(re.findall(r"^\| `(\w+)` \|.*\|.*\|$", page, flags=re.MULTILINE)) >= rooms
    drawn = page.partition("## Layout")[2].partition("| room")[0]
    assert not [room for room in rooms if not re.search(rf"\b{room}\b", drawn)]


@pytest.mark.parametrize("name", ["compare", "convert", "evaluate", "export", "load", "plan"])
def test_every_argument_of_what_is_done_with_a_network_is_described(name: str) -> None:
    function = getattr(importlib.import_module("snnfw"), name)
    _, _, described = (inspect.getdoc(function) or "").partition("Args:\n")
    names = re.findall(r"^    (\w+): .", described.split("\n\n")[0], flags=re.MULTILINE)
    assert names == list(inspect.signature(function).parameters)


def test_importing_the_framework_brings_no_torch() -> None:
    code = "import sys; import snnfw, snnfw.registry; [__import__(r) for r in sys.argv[1:]]; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code, *ROOMS], check=False).returncode == 0  # noqa: S603  # our own
