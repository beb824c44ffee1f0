"""A folder that somebody sent is data: nothing that it names runs unless the user says it again."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml

from snnfw.cli import main
from snnfw.config.comparison import resolve_comparison
from snnfw.config.resolution import resolve, resolve_mapping
from snnfw.config.training import resolve_training
from snnfw.config.trust import confirming_words
from snnfw.errors import SnnfwError
from snnfw.kinds import KINDS
from snnfw.registry import Registry
from snnfw_plugins.launchers.slurm import Submitit
from snnfw_tasks.detection.models.yolo import UltralyticsModel
from snnfw_tasks.networks.imported import CallableModel

EVIL = """
from pathlib import Path

import snnfw

Path("ran").touch()


@snnfw.hookimpl
def snnfw_register_presets():
    return []


def network(**args):
    Path("ran").touch()
"""
TRAINED: dict[str, Any] = {"task": "classification", "plugin": "ann", "timesteps": 1}
TAG = 'task: !!python/object/apply:os.system ["touch ran"]\n'


@pytest.fixture
def sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder that somebody sent, with Python that leaves a file where it runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    (tmp_path / "evil.py").write_text(EVIL)
    folder = tmp_path / "sent"
    folder.mkdir()
    (folder / "evil.py").write_text(EVIL)
    (folder / "recipe.yaml").write_text("layers: [{match: '*', neuron: if}]\nload: [evil.py]\n")
    (folder / "sub").mkdir()
    yield folder
    sys.modules.pop("evil", None)


def write(folder: Path, told: Mapping[str, Any] | str) -> None:
    text = told if isinstance(told, str) else yaml.safe_dump({**TRAINED, **told})
    (folder / "config.yaml").write_text(text)


HOSTILE: dict[str, tuple[Mapping[str, Any], str]] = {
    "a plugin file": ({"load": ["evil.py"]}, "'load=[sent/evil.py]'"),
    "a plugin file alone": ({"load": "evil.py"}, "'load=[sent/evil.py]'"),
    "a plugin file by a way round": ({"load": ["sub/../evil.py"]}, "'load=[sent/sub/../evil.py]'"),
    "a recipe's plugin file": ({"recipe": "recipe.yaml"}, "'load=[sent/evil.py]'"),
    "a function": ({"model": "evil:network"}, "model.target=evil:network"),
    "a function by name": ({"model": {"name": "callable", "target": "evil:network"}}, "model.target=evil:network"),
    "a function that is named elsewhere": (
        {"model": {"name": "callable", "target": "${data.root}"}, "data": {"name": "folder", "root": "evil:network"}},
        "model.target=evil:network",
    ),
    "a source that is named elsewhere": (
        {"model": {"name": "${data.root}", "target": "evil:network"}, "data": {"name": "folder", "root": "callable"}},
        "model.target=evil:network",
    ),
    "a function and what it gets": (
        {"model": {"name": "callable", "target": "evil:network", "args": {"a": 1}}},
        """model.target=evil:network 'model.args={"a": 1}'""",
    ),
    "a file to unpickle": (
        {"task": "detection", "model": {"name": "ultralytics", "weights": "evil.pt", "trust": True}},
        "model.trust=true model.weights=evil.pt",
    ),
}
DOORS = ("run checkpoint=sent", "plan checkpoint=sent", "compare checkpoint=sent methods=[if]", "train resume=sent")


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("attack", HOSTILE)
def test_what_a_folder_names_does_not_run(
    sent: Path, attack: str, door: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told, again = HOSTILE[attack]
    write(sent, told)
    assert main(door.split()) == 2
    word = "resume" if "train" in door else "checkpoint"
    assert capsys.readouterr().err == (
        f"snnfw: {word}=sent names Python to run, and a folder is data: if you trust it, say so yourself and add {again}\n"
    )
    assert not list(sent.parent.rglob("ran"))


@pytest.mark.parametrize("door", DOORS)
def test_a_tag_of_yaml_does_not_run(sent: Path, door: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(sent, TAG)
    assert main(door.split()) == 2
    assert capsys.readouterr().err.startswith(
        "snnfw: sent/config.yaml is not an experiment: line 1: could not determine"
    )
    assert not list(sent.parent.rglob("ran"))


def test_another_value_is_not_the_same_again(sent: Path) -> None:
    write(sent, {"load": ["evil.py"], "model": {"name": "callable", "target": "evil:network", "args": {"a": 1}}})
    (sent.parent / "mine.py").write_text(EVIL.replace("touch", "exists"))
    for words in (["load=[mine.py]"], ["load=[evil.py]"], ["load=[sent]"]):
        with pytest.raises(SnnfwError, match=r"add 'load=\[sent/evil\.py\]'$"):
            resolve(["checkpoint=sent", *words], Registry())
    write(sent, {"model": {"name": "callable", "target": "evil:network", "args": {"a": 1}}})
    with pytest.raises(SnnfwError, match=r"add 'model.args=\{\"a\": 1, \"b\": 2\}'$"):
        resolve(["checkpoint=sent", "model=evil:network", "model.args.b=2"], Registry())
    assert not (sent.parent / "ran").exists()


def test_what_is_said_again_runs(sent: Path) -> None:
    write(sent, {"load": ["evil.py"], "model": {"name": "callable", "target": "evil:network", "args": {"a": 1}}})
    words = ["load=[sent/evil.py]", "model=evil:network", "model.args.a=1"]
    config = resolve(["checkpoint=sent", *words], Registry())
    assert config.model == CallableModel("evil:network", args={"a": 1})
    assert (sent.parent / "ran").exists()
    assert resolve_training(["resume=sent", *words], Registry()).run.model == config.model
    mapping = {"checkpoint": "sent", "load": ["sent/evil.py"], "model": config.model}
    assert resolve_mapping(mapping, Registry()).model == config.model
    file = str((sent / "evil.py").resolve())
    again = [f"'load=[{file}]'", "model.target=evil:network", """'model.args={"a": 1}'"""]
    assert confirming_words(config) == again


def test_a_file_that_the_user_names_may_name_python(sent: Path) -> None:
    write(sent, {"load": ["evil.py"], "model": "evil:network"})
    assert resolve(["experiment=sent/config.yaml"], Registry()).model == CallableModel("evil:network")
    assert (sent.parent / "ran").exists()


STOPPED = {
    **{attack: told for attack, (told, _) in HOSTILE.items()},
    "the recipe of a method": {"methods": [{"name": "mine", "recipe": "recipe.yaml"}]},
    "a function that a method names": {"methods": [{"name": "mine", "model": "evil:network"}]},
    "no methods": {"methods": 5},
}


@pytest.mark.parametrize("command", ["run", "compare"])
@pytest.mark.parametrize("attack", STOPPED)
def test_what_a_folder_of_what_was_stopped_names_does_not_run(
    sent: Path, attack: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = {"methods": ["if"]} | dict(STOPPED[attack]) if command == "compare" else dict(STOPPED[attack])
    write(sent, told if command == "run" else {**told, "plugin": None, "timesteps": None})
    sent.rename("sent.partial")
    assert main([command, "resume=sent"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("snnfw: ")
    assert "Traceback" not in said
    if attack in HOSTILE:
        assert said.startswith("snnfw: resume=sent.partial names Python to run, and a folder is data: ")
    assert not list(sent.parent.rglob("ran"))


@pytest.mark.parametrize(("kind", "other"), [("run", "compare"), ("compare", "run")])
def test_what_one_command_began_the_other_one_does_not_go_on_with(sent: Path, kind: str, other: str) -> None:
    write(sent, {"methods": ["if"], "plugin": None, "timesteps": None} if kind == "compare" else {})
    sent.rename("sent.partial")
    resolving = {"run": resolve, "compare": resolve_comparison}[other]
    with pytest.raises(SnnfwError) as caught:
        resolving(["resume=sent"], Registry())
    assert str(caught.value) == f"resume=sent was begun by {kind}: 'snnfw {kind} resume=sent' goes on."


def test_resuming_says_the_same_and_nothing_else(sent: Path) -> None:
    write(sent, {"model": {"name": "callable", "target": "evil:network", "weights": None, "args": {}}})
    for word, key in {"model=evil:other": "model", "data=cifar10 data.root=x": "data", "seed=1": "seed"}.items():
        with pytest.raises(SnnfwError) as caught:
            resolve_training(["resume=sent", "model=evil:network", *word.split()], Registry())
        assert (
            str(caught.value) == f"resume=sent goes on with what its config.yaml says: leave {key} out, or begin anew."
        )


DATA = {
    *("arch", "file", "root", "weights"),  # files and names of networks, read as data
    *("field", "initial", "mode", "space", "training", "evaluation", "classes"),  # names of a method's own
    *("uri", "experiment", "project", "entity", "group", "folder"),  # where a run is logged
    *("train", "test", "calibration", "text", "label", "separator"),  # tables, and what their columns are called
}


def test_every_parameter_that_takes_text_is_known_for_data_or_as_running() -> None:
    registry = Registry()
    unknown = []
    for kind in set(KINDS) - {"presets"}:
        for name, method in registry.all(kind).items():
            types = get_type_hints(method)
            for field in fields(method):
                taking = re.search(r"\b(str|Path|Any)\b", str(types[field.name]))
                if taking and field.name not in DATA and (name, field.name) not in ALLOWED:
                    unknown.append((name, field.name))
    assert not unknown


ALLOWED = {("callable", name) for name in CallableModel.runs} | {
    ("timm", "args"),  # what would read files is refused
    ("torchvision", "args"),  # its builders read none
    ("ray", "address"),  # where work is sent, of this program's own
    *(("submitit", name) for name in ("folder", "partition")),  # where jobs lie, and wait
    *(("submitit", name) for name in Submitit.runs),
}


def test_a_detector_that_is_trusted_names_its_files() -> None:
    assert UltralyticsModel("a.yaml").runs == ()
    assert UltralyticsModel("a.yaml", trust=True).runs == ("trust", "arch", "weights")
