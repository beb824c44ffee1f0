from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from snnfw.checks.neurons import check_neuron
from snnfw.errors import SnnfwError
from snnfw.registry import Registry
from snnfw.scaffold import new_plugin

if TYPE_CHECKING:
    from pathlib import Path


def python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
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
    files = {file.name: file.read_text(encoding="utf-8") for file in written.iterdir()}
    assert files.keys() == {"README.md", "pyproject.toml", f"{module}.py", f"test_{module}.py"}
    assert f'[project.entry-points.snnfw]\n{name} = "{module}"\n' in files["pyproject.toml"]
    assert f"class {class_name}:\n" in files[f"{module}.py"]
    assert not [text for text in files.values() if "{{" in text or "{%" in text]


def test_what_is_written_works_as_it_is(tmp_path: Path) -> None:
    folder = new_plugin("leaky-burst", tmp_path)
    registry = Registry(entry_points=False)
    registry.load_file(folder / "snnfw_leaky_burst.py")
    assert check_neuron(registry.neurons["leaky-burst"]) == []
    assert registry.presets["leaky-burst"].layers[0].neuron == registry.neurons["leaky-burst"]()

    finished = python(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert "2 passed" in finished.stdout, finished.stdout + finished.stderr


def test_what_is_written_imports_no_torch_and_satisfies_a_linter(tmp_path: Path) -> None:
    folder = new_plugin("mine", tmp_path)
    program = "import snnfw_mine, sys; snnfw_mine.Mine(phi=2); sys.exit('torch' in sys.modules)"
    options = ["--isolated", "--no-cache", "--line-length=120"]
    lint = ["-m", "ruff", "check", *options, "--select=ANN,ARG,B,E,F,I,N,RET,SIM,UP,W"]
    for words in (["-c", program], lint, ["-m", "ruff", "format", "--check", *options]):
        finished = python(folder, *words)
        assert finished.returncode == 0, finished.stdout + finished.stderr


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
    (folder / "snnfw_mine.py").write_text("my work")
    sentence = f"'{folder}' exists already: choose another name, or remove it; nothing is ever overwritten."
    with pytest.raises(SnnfwError, match=f"^{re.escape(sentence)}$"):
        new_plugin("mine", tmp_path)
    assert (folder / "snnfw_mine.py").read_text() == "my work"
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
