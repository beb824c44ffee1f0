"""What Weights & Biases keeps offline holds what was logged."""

from __future__ import annotations

import json
import os
import struct
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from made_tracked import made_methods, made_tracked
from snnfw.errors import SnnfwError
from snnfw_plugins.trackers.wandb import WandB

BLOCK = 32768
HEADER = 7
"""Bytes of a block of the file, and in front of the file and of each piece: a checksum, a length and a kind."""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("WANDB_API_KEY", "WANDB_MODE", "NETRC"):
        monkeypatch.delenv(name, raising=False)


def records(file: Path) -> Iterator[Any]:
    """Yield what a .wandb file holds, a log of records in blocks, those that are long in pieces."""
    new = import_module("wandb.proto.wandb_internal_pb2").Record
    content, at, whole = file.read_bytes(), HEADER, b""
    while at + HEADER <= len(content):
        if BLOCK - at % BLOCK < HEADER:
            at += BLOCK - at % BLOCK
        _, size, kind = struct.unpack("<IHB", content[at : at + HEADER])
        whole += content[at + HEADER : at + HEADER + size]
        at += HEADER + size
        if kind in (1, 4):  # whole, or the last piece
            record = new()
            record.ParseFromString(whole)
            yield record
            whole = b""


def kept(folder: Path) -> dict[str, list[Any]]:
    """Return the records of every run in a folder, by the run's name."""
    found = {}
    for file in folder.rglob("*.wandb"):
        read = list(records(file))
        [run] = [record.run for record in read if record.WhichOneof("record_type") == "run"]
        found[run.display_name] = read
    return found


def parts(read: list[Any], kind: str) -> list[Any]:
    return [getattr(record, kind) for record in read if record.WhichOneof("record_type") == kind]


def steps(read: list[Any]) -> list[dict[str, Any]]:
    lines = [
        {"/".join(item.nested_key) or item.key: item.value_json for item in each.item}
        for each in parts(read, "history")
    ]
    return [{key: json.loads(value) for key, value in line.items() if not key.startswith("_")} for line in lines]


def test_a_run_is_read_back(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    threads, variables = set(threading.enumerate()), dict(os.environ)
    said = WandB(mode="offline", folder=tmp_path).log(made_tracked(tmp_path), ())
    assert [thread for thread in threading.enumerate() if thread not in threads] == []
    assert dict(os.environ) == variables
    assert capfd.readouterr() == ("", "")
    [(name, read)] = kept(tmp_path).items()
    assert name == "first"
    assert said.startswith(f"'{tmp_path / 'wandb' / 'offline-run-'}")
    assert said.endswith("', which 'wandb sync' sends")
    assert steps(read) == [
        {"accuracy": 0.25, "energy_mj": 0.5, "IoU/chair": 0.5, "timestep": 1},
        {"accuracy": 0.75, "energy_mj": 2.0, "timestep": 4},
    ]
    [run] = parts(read, "run")
    assert (run.project, run.run_group, run.job_type) == ("snnfw", "", "run")
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    assert (config["neuron.phi"], config["search"], config["tags"]["version.torch"]) == (4, None, "2.0")
    [artifact] = [each.log_artifact.artifact for each in parts(read, "request") if each.HasField("log_artifact")] + [
        *parts(read, "artifact")
    ]
    assert {entry.path for entry in artifact.manifest.contents} == {"report.html", "pictures/one.png"}


def test_methods_are_a_group_and_one_that_failed_says_so(tmp_path: Path) -> None:
    WandB(mode="offline", folder=tmp_path, artifacts=False).log(made_tracked(tmp_path), made_methods())
    found = kept(tmp_path)
    assert found.keys() == {"first", "good", "bad/one"}
    assert {parts(read, "run")[0].run_group for read in found.values()} == {"first"}
    assert {name: parts(read, "exit")[0].exit_code for name, read in found.items()} == {
        "first": 0,
        "good": 0,
        "bad/one": 1,
    }


def test_a_run_of_the_programs_own_goes_on(tmp_path: Path) -> None:
    import wandb

    settings = wandb.Settings(silent=True, console="off")
    with wandb.init(mode="offline", dir=tmp_path / "own", name="own", settings=settings) as own:
        WandB(mode="offline", folder=tmp_path / "ours", artifacts=False).log(made_tracked(tmp_path), ())
        own.log({"mine": 1})
    wandb.teardown()
    assert kept(tmp_path / "ours").keys() == {"first"}
    assert steps(kept(tmp_path / "own")["own"]) == [{"mine": 1}]


def test_nobody_is_asked_for_an_account() -> None:
    with pytest.raises(SnnfwError) as refused:
        WandB().require()
    assert str(refused.value) == (
        "tracker=wandb has no account to log to: say 'wandb login' once, or tracker.mode=offline, which 'wandb sync' "
        "sends later."
    )
    WandB(mode="offline").require()


def test_the_key_that_a_login_left_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".netrc").write_text(f"machine api.wandb.ai\n  login user\n  password {'0' * 40}\n")
    (tmp_path / "home" / ".netrc").chmod(0o600)
    WandB().require()
