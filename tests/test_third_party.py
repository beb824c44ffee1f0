from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from snnfw import cli

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "third_party"
QUICK = ["timesteps=4", "task.limit=64", "task.calibration=64"]
BROKEN = "snnfw_broken"
REASON = "ModuleNotFoundError: No module named 'a_library_that_is_not_there'."


def python(folder: Path, *words: str, path: tuple[Path, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run this interpreter in a process of its own, with more folders to import from."""
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "200",
    }
    finished = subprocess.run(  # noqa: S603  # our own interpreter
        [sys.executable, *words], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished


def blocks(language: str, page: Path) -> list[str]:
    """Return the examples in one language that a page of the documentation gives."""
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def layers(run: Path) -> dict[str, dict[str, Any]]:
    """Return what a run's report says of each site."""
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    return {layer["site"]: layer for layer in report["layers"]}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the example package into a folder of its own."""
    target = tmp_path_factory.mktemp("site-packages")
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--disable-pip-version-check")
    python(target, "-m", "pip", "install", *offline, "--target", str(target), str(EXAMPLE))
    return target


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install a package whose module cannot be imported, as pip would leave it behind."""
    target = tmp_path_factory.mktemp("broken")
    (target / f"{BROKEN}.py").write_text("import a_library_that_is_not_there\n")
    metadata = target / f"{BROKEN}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {BROKEN}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[snnfw]\nbroken = {BROKEN}\n")
    return target


def test_an_installed_neuron_runs_by_name(installed: Path, tmp_path: Path) -> None:
    words = ["neuron=leaky", "neuron.leak=0.01", "out=run", *QUICK]
    python(tmp_path, "-m", "snnfw", "run", "task=classification", "model=digits-vgg", *words, path=(installed,))
    used = {(layer["neuron"], layer["parameters"]["leak"]) for layer in layers(tmp_path / "run").values()}
    assert used == {("leaky", 0.01)}


def test_the_list_has_what_works_and_says_why_the_rest_does_not(installed: Path, broken: Path, tmp_path: Path) -> None:
    listing = python(tmp_path, "-m", "snnfw", "plugins", "list", path=(installed, broken)).stdout
    lines = [" ".join(line.split()) for line in listing.splitlines()]
    assert "leaky neuron leaky; plugin leaky" in lines
    assert f"broken {REASON}" in lines
    assert lines.index("Quarantined") < lines.index(f"broken {REASON}")


def test_the_examples_own_tests_pass(installed: Path, tmp_path: Path) -> None:
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(EXAMPLE), str(EXAMPLE)]
    assert "3 passed" in python(tmp_path, *words, path=(installed,)).stdout


def test_three_methods_share_a_network(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(installed)
    [recipe] = blocks("yaml", EXAMPLE / "README.md")
    file, run = tmp_path / "mix.yaml", tmp_path / "run"
    file.write_text(recipe)
    words = ["run", "task=classification", f"recipe={file}", f"out={run}", *QUICK]
    assert cli.main(words) == 0, capsys.readouterr().err

    found = layers(run)
    wanted = {"layer1.": ("leaky", "layer1.*"), "layer2.": ("adafire", "layer2.*"), "": ("if", "*")}
    for site, layer in found.items():
        beginning = next(start for start in wanted if site.startswith(start))
        assert (layer["neuron"], layer["rule"]) == wanted[beginning], site
        assert layer["spikes"] > 0, site
    assert {layer["neuron"] for layer in found.values()} == {"leaky", "adafire", "if"}
    assert found["layer1.0.relu1"]["parameters"] == {"leak": 0.01, "phi": 4}


def test_a_broken_plugin_stops_nobody_else(
    broken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(broken)
    run = tmp_path / "run"
    words = ["run", "task=classification", "model=digits-vgg", f"out={run}", *QUICK]
    assert cli.main([*words, "plugin=adafire"]) == 0, capsys.readouterr().err
    assert {layer["neuron"] for layer in layers(run).values()} == {"adafire"}
    assert cli.main([*words, "plugin=broken"]) == 2
    assert capsys.readouterr().err == f"snnfw: plugin 'broken' is quarantined: {REASON}\n"


OWN = [
    "docs/tutorials/neuron.md",
    *(f"docs/howto/{page}.md" for page in ["converter", "search", "exit", "model", "data", "task", "preset"]),
]


@pytest.mark.parametrize("page", OWN)
def test_what_the_documentation_writes_is_sound(page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [written] = [block for block in blocks("python", ROOT / page) if "def snnfw_register_" in block]
    file = tmp_path / "documented.py"
    file.write_text(written)
    assert cli.main(["plugins", "check", str(file)]) == 0, capsys.readouterr()
    said = capsys.readouterr().out.splitlines()
    assert said
    assert all(line.endswith(": ok") for line in said)
