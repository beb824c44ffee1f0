"""The repository keeps its own rules: who imports whom, how long things are, what files may say."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

import grimp
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = [ROOT / folder for folder in PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]]
CONTRACTS: dict[str, Any] = PYPROJECT["tool"]["importlinter"]
ACYCLIC = next(contract for contract in CONTRACTS["contracts"] if contract["type"] == "acyclic_siblings")
DOORS = PYPROJECT["project"]["entry-points"]["snnfw"] | PYPROJECT["project"]["scripts"]

# Read for forbidden words, besides the files at the root. Data that a user keeps beside them is not ours.
FOLDERS = [".ci", ".github", "benchmarks", "core", "docs", "examples", "plugins", "tasks", "tests", "tools"]

MADE_CIRCLES = {
    "of types": {
        "options.py": "from made.inner import worker",
        "inner/__init__.py": "",
        "inner/worker.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from made.options import Options",
    },
    "within a function": {"one.py": "import made.two", "two.py": "def later():\n    import made.one"},
}
"""Circles that the contract finds; of those through an __init__.py it knows nothing."""

MADE_THROUGH_INIT = {
    "inner/__init__.py": "def search():\n    from made.inner import worker",
    "inner/worker.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from made.inner import Options",
}

MODULE_LINES = 300
FUNCTION_LINES = 60

# In pieces, so that this file does not hold what it looks for.
FORBIDDEN = {
    "a path of one machine": re.compile("/wo" + "rk/|/far" + "m/"),
    "an open end": re.compile(r"\bTO" + r"DO\b|\bFIX" + r"ME\b"),
}


def _relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _modules() -> list[Path]:
    """Return every module of the three import roots."""
    return [path for package in PACKAGES for path in sorted(package.rglob("*.py"))]


def _functions(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _texts() -> Iterator[tuple[str, str]]:
    """Yield the name and the content of every text file of the repository."""
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    ignored = [".git", *(line.strip("/") for line in lines)]
    inside = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*"))]
    for path in [*sorted(ROOT.glob("*")), *inside]:
        name = path.relative_to(ROOT)
        if path.is_dir() or any(fnmatch(part, pattern) for part in name.parts for pattern in ignored):
            continue
        content = path.read_bytes()
        if b"\0" not in content:
            yield name.as_posix(), content.decode("utf-8", errors="replace")


def _lint_imports(config: Path) -> subprocess.CompletedProcess[str]:
    """Check a file's contracts in a process of its own: it switches off the loggers of the one that it runs in."""
    code = (
        f"import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports({str(config)!r}, no_cache=True))"
    )
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=config.parent, capture_output=True, text=True, check=False)  # noqa: S603  # our own


def _circle(*roots: str) -> list[str]:
    """Return modules that import each other in a circle, empty where none do."""
    graph = grimp.build_graph(*roots, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def _inline(value: object) -> str:
    """Return a value as TOML writes it in a line."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {_inline(held)}' for key, held in value.items())}}}"
    return f"[{', '.join(map(_inline, value))}]" if isinstance(value, list) else json.dumps(value)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make an empty package ``made`` that can be imported."""
    folder = tmp_path / "made"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    sys.modules.pop("made", None)


def test_imports_keep_their_contracts() -> None:
    ran = _lint_imports(ROOT / "pyproject.toml")
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("circle", MADE_CIRCLES)
def test_the_contract_breaks_on_a_circle(circle: str, made: Path) -> None:
    options = {
        **CONTRACTS,
        "root_packages": ["made"],
        "contracts": [{**ACYCLIC, "name": "none", "ancestors": ["made"]}],
    }
    config = made.parent / "made.toml"
    config.write_text(f"tool.importlinter = {_inline(options)}\n", encoding="utf-8")
    for name in MADE_CIRCLES[circle]:
        (made / name).touch()
    ran = _lint_imports(config)
    assert "none KEPT" in ran.stdout, ran.stdout + ran.stderr
    for name, content in MADE_CIRCLES[circle].items():
        (made / name).write_text(content, encoding="utf-8")
    ran = _lint_imports(config)
    assert "none BROKEN" in ran.stdout, ran.stdout + ran.stderr


def test_circles_are_found_that_lead_through_an_init(made: Path) -> None:
    for name, content in MADE_THROUGH_INIT.items():
        (made / name).write_text(content, encoding="utf-8")
    assert sorted(set(_circle("made"))) == ["made.inner", "made.inner.worker"]
    (made / "inner" / "worker.py").write_text("", encoding="utf-8")
    assert not _circle("made")


def test_modules_import_each_other_in_no_circle() -> None:
    assert set(ACYCLIC["ancestors"]) == set(CONTRACTS["root_packages"])
    circle = _circle(*CONTRACTS["root_packages"])
    assert not circle, f"a circle of imports: {' -> '.join(circle)}"


def test_modules_are_short() -> None:
    lengths = {_relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in _modules()}
    assert lengths
    long = {name: lines for name, lines in lengths.items() if lines > MODULE_LINES}
    assert not long, f"modules of more than {MODULE_LINES} lines: {long}"


def test_functions_are_short() -> None:
    lengths = {
        f"{_relative(path)}:{node.lineno} {node.name}": (node.end_lineno or node.lineno)
        - node.lineno
        + 1
        - (ast.get_docstring(node, clean=False) or "").count("\n")  # arguments of public ones have a line each
        for path in _modules()
        for node in _functions(path)
    }
    assert lengths
    long = {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES}
    assert not long, f"functions of more than {FUNCTION_LINES} lines: {long}"


def test_modules_and_functions_are_short_in_the_middle_too() -> None:
    modules = [len(path.read_text(encoding="utf-8").splitlines()) for path in _modules()]
    functions = [(node.end_lineno or node.lineno) - node.lineno + 1 for path in _modules() for node in _functions(path)]
    assert median(modules) <= 110
    assert median(functions) <= 10
    assert quantiles(functions, n=10)[-1] <= 28


def test_values_are_frozen_and_have_slots() -> None:
    """What grows while one function runs is private to its module, and need not be frozen."""
    decorators = [
        (f"{_relative(path)}: {node.name}", ast.unparse(decorator))
        for path in _modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        for decorator in node.decorator_list
    ]
    classes = [(name, text) for name, text in decorators if text.startswith("dataclass")]
    assert classes
    assert not [name for name, text in classes if "slots=True" not in text]
    assert not [name for name, text in classes if "frozen=True" not in text and ": _" not in name]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_packages_of_the_wheel_exist_and_are_typed(package: Path) -> None:
    missing = [name for name in ("__init__.py", "py.typed") if not (package / name).is_file()]
    assert not missing, f"{_relative(package)} lacks {missing}"


@pytest.mark.parametrize("name", DOORS)
def test_entry_points_lead_to_modules_that_exist(name: str) -> None:
    module = DOORS[name].partition(":")[0]
    inside = Path(*module.split("."))
    candidates = [
        package.parent / path for package in PACKAGES for path in (inside.with_suffix(".py"), inside / "__init__.py")
    ]
    assert any(path.is_file() for path in candidates), f"{name} = {module}: no such module"


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    missing = [folder for folder in FOLDERS if not (ROOT / folder).is_dir()]
    assert not missing, f"no such folders: {missing}"
    found = [
        f"{name}:{number} {line.strip()}"
        for name, content in _texts()
        for number, line in enumerate(content.splitlines(), 1)
        if FORBIDDEN[what].search(line)
    ]
    assert not found, f"{what}: {found}"
