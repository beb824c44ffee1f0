from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from snnfw.errors import SnnfwError
from snnfw.registry import Registry
from snnfw.scaffold import BEGINNINGS, new_plugin

if TYPE_CHECKING:
    from pathlib import Path


def python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((*map(str, folder.glob("snnfw-*")), os.environ.get("PYTHONPATH", "")))
    env = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    return subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, *words], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("name", "folder", "module", "class_name"),
    [
        ("mine", "snnfw-mine", "snnfw_mine", "Mine"),
        ("leaky-burst", "snnfw-leaky-burst", "snnfw_leaky_burst", "LeakyBurst"),
        ("lif_2", "snnfw-lif-2", "snnfw_lif_2", "Lif2"),
    ],
)
def test_everything_is_called_after_the_neuron(
    name: str, folder: str, module: str, class_name: str, tmp_path: Path
) -> None:
    written = new_plugin(name, tmp_path)
    assert written == tmp_path / folder
    files = {
        file.relative_to(written).as_posix(): file.read_text(encoding="utf-8")
        for file in written.rglob("*")
        if file.is_file()
    }
    code = {f"{module}/__init__.py", f"{module}/node.py"}
    assert files.keys() == {"README.md", "pyproject.toml", *code, f"test_{module}.py"}
    assert f'[project.entry-points.snnfw]\n{name} = "{module}"\n' in files["pyproject.toml"]
    assert f"class {class_name}:\n" in files[f"{module}/__init__.py"]
    assert f"class {class_name}Neuron(" in files[f"{module}/node.py"]
    assert not [text for text in files.values() if "{{" in text or "{%" in text]


CHECKED = """
import sys
from snnfw.cli import main
sys.exit(max(main(["plugins", "check", name]) for name in sys.argv[1:]))
"""
PLAIN = """
import pickle, sys
import snnfw
registry = snnfw.Registry()
assert not dict(registry.quarantined), dict(registry.quarantined)
for word in sys.argv[1:]:
    name, kinds = word.split("=")
    for kind in kinds.split(","):
        method = registry.find(kind, name)
        method = method() if isinstance(method, type) else method
        assert pickle.loads(pickle.dumps(method)) == method
sys.exit("torch" in sys.modules)
"""
LINT = ["check", "--select=ANN,ARG,B,E,F,I,N,RET,SIM,UP,W"]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Begin a plugin of each kind, and leave beside it what pip would: its entry point."""
    into = tmp_path_factory.mktemp("begun")
    for kind in BEGINNINGS:
        folder, module = new_plugin(f"my-{kind}", into, kind=kind), f"snnfw_my_{kind}"
        metadata = folder / f"{module}-0.1.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 0.1\n")
        (metadata / "entry_points.txt").write_text(f"[snnfw]\nmy-{kind} = {module}\n")
    return into


def test_the_tests_that_are_written_pass(begun: Path) -> None:
    finished = python(begun, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:dash")
    assert f"{2 * len(BEGINNINGS)} passed" in finished.stdout, finished.stdout + finished.stderr


def test_what_is_written_fulfils_its_contract(begun: Path) -> None:
    finished = python(begun, "-c", CHECKED, *(f"my-{kind}" for kind in BEGINNINGS))
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert finished.stdout.splitlines() == [
        *("neuron my-neuron: ok", "plugin my-neuron: ok"),
        "converter my-converter: ok",
        "search my-search: ok",
        "exit policy my-exit: ok",
        "energy model my-energy: ok",
        "launcher my-launcher: ok",
        "model my-model (task classification): ok",
        "data set my-data (task classification): ok",
        *("task my-task: ok", "model my-task-network (task my-task): ok", "data set my-task-points (task my-task): ok"),
        "tracker my-tracker: ok",
        "plugin my-preset: ok",
    ]


def test_what_is_written_is_plain_and_imports_no_torch(begun: Path) -> None:
    finished = python(begun, "-c", PLAIN, *(f"my-{kind}={','.join(BEGINNINGS[kind].kinds)}" for kind in BEGINNINGS))
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.mark.parametrize("kind", BEGINNINGS)
def test_what_is_written_satisfies_a_linter(kind: str, begun: Path) -> None:
    for words in (LINT, ["format", "--check"]):
        options = [*words, "--isolated", "--no-cache", "--line-length=120"]
        finished = python(begun / f"snnfw-my-{kind}", "-m", "ruff", *options)
        assert finished.returncode == 0, finished.stdout + finished.stderr


def test_no_class_is_made_inside_a_function(tmp_path: Path) -> None:
    for kind in BEGINNINGS:
        for module in new_plugin(f"my-{kind}", tmp_path, kind=kind).rglob("*.py"):
            tree = ast.parse(module.read_text(encoding="utf-8"))
            functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
            inside = [node for function in functions for node in ast.walk(function) if isinstance(node, ast.ClassDef)]
            assert not inside, module


def test_a_kind_that_there_is_not_is_refused(tmp_path: Path) -> None:
    sentence = (
        "no kind of plugin named 'serch'. Did you mean 'search'? Kinds: converter, data, energy, exit, launcher, model, neuron, preset, "
        "search, task, tracker."
    )
    with pytest.raises(SnnfwError, match=f"^{re.escape(sentence)}$"):
        new_plugin("mine", tmp_path, kind="serch")
    assert list(tmp_path.iterdir()) == []


SHAPE = (
    "cannot name a plugin: small letters and digits, in words joined by '-' or '_', the first one beginning with a "
    "letter, such as 'leaky-burst'."
)
REFUSALS = {
    "": f"'' {SHAPE}",
    "Mine": f"'Mine' {SHAPE}",
    "2lif": f"'2lif' {SHAPE}",
    "-x": f"'-x' {SHAPE}",
    "mine-": f"'mine-' {SHAPE}",
    "../mine": f"'../mine' {SHAPE}",
    "mein größtes": f"'mein größtes' {SHAPE}",
    "mine\n": f"'mine\n' {SHAPE}",
    "adafire": "'adafire' is taken already, see 'snnfw plugins list': choose another name.",
    "keep": "'keep' is taken already, see 'snnfw plugins list': choose another name.",
    "none": "'none' cannot name a plugin: its class would be called None, which means something else. "
    "Choose another name, such as 'my-none'.",
    "class-var": "'class-var' cannot name a plugin: its class would be called ClassVar, which means something else. "
    "Choose another name, such as 'my-class-var'.",
    "tasks": "'tasks' cannot name a plugin: there is a module snnfw_tasks already. Choose another name.",
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_name_that_cannot_be_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SnnfwError, match=f"^{re.escape(REFUSALS[name])}$"):
        new_plugin(name, tmp_path, taken=Registry().neurons)
    assert list(tmp_path.iterdir()) == []


def test_what_exists_is_left_alone(tmp_path: Path) -> None:
    folder = new_plugin("mine", tmp_path)
    (folder / "snnfw_mine" / "node.py").write_text("my work")
    sentence = f"'{folder}' exists already: choose another name, or remove it; nothing is ever overwritten."
    with pytest.raises(SnnfwError, match=f"^{re.escape(sentence)}$"):
        new_plugin("mine", tmp_path)
    assert (folder / "snnfw_mine" / "node.py").read_text() == "my work"
    assert list(tmp_path.iterdir()) == [folder]


def test_a_place_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path / "nowhere", tmp_path / "file"):
        (tmp_path / "file").touch()
        sentence = f"cannot write into '{place}': it has to be a folder that exists and may be written to."
        with pytest.raises(SnnfwError, match=f"^{re.escape(sentence)}$"):
            new_plugin("mine", place)


def test_an_interruption_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Path, *_: object, **__: object) -> None:
        self.touch()
        raise KeyboardInterrupt

    monkeypatch.setattr("pathlib.Path.write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        new_plugin("mine", tmp_path)
    assert list(tmp_path.iterdir()) == []
