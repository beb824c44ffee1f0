"""Libraries for tracking are used where they are, and leave nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from snnfw.errors import SnnfwError
from snnfw_plugins.trackers.libraries import first_line, import_library, variables

IMPORTS = """
import socket, sys, threading
def refuse(*_, **__):
    raise AssertionError("asked the network")
socket.socket.connect = socket.getaddrinfo = refuse
import snnfw_plugins.trackers
heavy = {"torch", "mlflow", "wandb", "tensorboard"} & set(sys.modules)
import mlflow.tracking, wandb, tensorboard.summary
print(heavy, [thread.name for thread in threading.enumerate()])
"""


def test_a_library_that_is_missing_is_named_with_its_extra() -> None:
    with pytest.raises(SnnfwError) as refused:
        import_library("no_such_library", "mlflow")
    assert str(refused.value) == (
        "tracker=mlflow needs the library mlflow (No module named 'no_such_library'): pip install 'snnfw[mlflow]'."
    )


def test_variables_of_the_users_own_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNNFW_OWN", "mine")
    with variables(SNNFW_OWN="ours", SNNFW_NEW="ours"):
        assert (os.environ["SNNFW_OWN"], os.environ["SNNFW_NEW"]) == ("mine", "ours")
    assert "SNNFW_NEW" not in os.environ


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("it broke.\nand more", "it broke"),
        ("", "ValueError"),
        ("url /a (Caused by NewError('x: [Errno 111] Connection refused'))", "[Errno 111] Connection refused"),
    ],
)
def test_errors_are_told_in_a_line(said: str, told: str) -> None:
    assert first_line(ValueError(said)) == told


def test_importing_them_asks_nobody_and_starts_nothing() -> None:
    finished = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=False)  # noqa: S603
    assert (finished.stdout, finished.stderr) == ("set() ['MainThread']\n", "")
