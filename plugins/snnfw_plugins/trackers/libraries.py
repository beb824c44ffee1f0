"""Use a library for tracking and leave nothing of it behind: no chatter, no telemetry, no setting."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from snnfw import SnnfwError


def import_library(module: str, tracker: str) -> Any:
    """Import what a tracker is made with, or say how it is installed; its extra goes by the tracker's name."""
    try:
        return import_module(module)
    except ImportError as error:
        raise SnnfwError(
            f"tracker={tracker} needs the library {tracker} ({error}): pip install 'snnfw[{tracker}]'."
        ) from error


@contextmanager
def variables(**values: str) -> Iterator[None]:
    """Set variables of the environment that the user has not set, and take them back."""
    ours = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


@contextmanager
def silence(*loggers: str) -> Iterator[None]:
    """Leave out what libraries tell below a warning, and what they warn of."""
    found = [logging.getLogger(name) for name in loggers]
    levels = [each.level for each in found]
    for each in found:
        each.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for each, level in zip(found, levels, strict=True):
            each.setLevel(level)


def first_line(error: BaseException) -> str:
    """Return what an error says in its first line, of a network's what was its cause, without a full stop."""
    lines = str(error).strip().splitlines()
    said = (lines[0] if lines else type(error).__name__).rstrip(".")
    cause = re.search(r"Caused by (\w+)\((.*)", said)
    return cause[2].rpartition(": ")[2].strip("\"')") if cause else said
