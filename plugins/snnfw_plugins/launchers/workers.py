"""What runs on a worker before anything of the framework is there: it travels by value, and says what is lacking."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from snnfw import SnnfwError
from snnfw.launching import UnreachableError

EXTRAS = {"joblib": "local", "ray": "ray", "submitit": "submitit"}
"""The launcher that needs a library, which is its extra too."""

ABSENT = "snnfw-absent"
"""What stands first in the answer of a worker that cannot read what it was sent."""


def import_library(module: str) -> Any:
    """Import an optional library, or say how it is installed."""
    name = EXTRAS[module]
    try:
        return import_module(module)
    except ImportError as error:
        raise UnreachableError(f"launcher={name} needs {module} ({error}): pip install 'snnfw[{name}]'.") from error


def make_worker(fetch: Callable[..., bytes], threads: int) -> Callable[..., Any]:
    """Return a function for workers of a cluster, of an item and of what ``fetch`` finds the function by, once."""
    absent, read = ABSENT, list[Any]()

    # A function inside another one is pickled by its code: it needs nothing of ours where it arrives.
    def work(item: Any, *place: Any) -> Any:
        import pickle
        import platform
        import sys

        try:
            if not read:
                from snnfw.launching import limit_threads

                limit_threads(threads)
                read.append(pickle.loads(fetch(*place)))  # noqa: S301  # of our own caller
                limit_threads(threads)  # of what that has imported
        except ImportError as error:
            return absent, f"{platform.node()} ({sys.executable})", str(error)
        return read[0](item)

    return work


def require_fit(launcher: str, answer: Any) -> Any:
    """Return what a worker answers, or raise what it lacks as an SnnfwError."""
    if isinstance(answer, tuple) and answer and answer[0] == ABSENT:
        _, where, lack = answer
        raise SnnfwError(
            f"launcher={launcher}: the worker on {where} cannot read its work ({lack}): install snnfw and the plugins "
            "there, in the same versions as here."
        )
    return answer
