"""A key is another one as soon as what it is of does something else, and the same as long as it does not."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial, wraps
from importlib import import_module, reload
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from snnfw.store import sources
from snnfw.store.fingerprint import Fingerprints, fingerprint
from snnfw.store.parts import FingerprintError
from snnfw_plugins.adafire import AdaFire


@dataclass(frozen=True)
class Scale:
    """A factor."""

    by: float

    def times(self, value: float) -> float:
        return self.by * value


class Plain:
    """An object that no dataclass describes."""

    kinds: ClassVar[tuple[str, ...]] = ("a",)

    def __init__(self, by: int) -> None:
        self.by = by


class Slotted:
    """An object without a dictionary."""

    __slots__ = ("by",)

    def __init__(self, by: int) -> None:
        self.by = by


def linear(weight: float) -> nn.Module:
    layer = nn.Linear(1, 1)
    nn.init.constant_(layer.weight, weight)
    nn.init.zeros_(layer.bias)
    return layer


def scaled(by: float) -> Callable[[float], float]:
    return lambda value: by * value


DIFFERENT: dict[str, tuple[Any, Any]] = {
    "a float by one bit": (0.3, 0.1 + 0.2),
    "zero's sign": (0.0, -0.0),
    "one and true": (1, True),
    "a number and its text": (1, "1"),
    "a tensor's type": (torch.zeros(2), torch.zeros(1, dtype=torch.float64)),
    "a tensor's shape": (torch.zeros(2, 3), torch.zeros(3, 2)),
    "a tensor by one bit": (torch.tensor(0.3), torch.tensor(0.3).nextafter(torch.tensor(1.0))),
    "nesting": ([[1], 2], [[1, 2]]),
    "the end of a word": (["ab", "c"], ["a", "bc"]),
    "a method's parameter": (AdaFire(phi=1), AdaFire(phi=2)),
    "a name": ({"a": 1}, {"b": 1}),
    "a bound argument": (partial(int, base=2), partial(int, base=3)),
    "functions": (fingerprint, scaled),
    "functions without a name": (
        lambda x: x,
        lambda x: -x,
    ),
    "what a function has captured": (scaled(1.0), scaled(2.0)),
    "whose method": (Scale(1.0).times, Scale(2.0).times),
    "an object's field": (Plain(1), Plain(2)),
    "an array's element": (np.arange(3), np.arange(1, 4)),
    "a module's weights": (linear(1.0), linear(2.0)),
    "a slot": (Slotted(1), Slotted(2)),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_values_have_different_fingerprints(name: str) -> None:
    one, other = DIFFERENT[name]
    assert fingerprint(one) != fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2.5}, {"b": 2.5, "a": 1}),
        (AdaFire(phi=3), AdaFire(phi=3)),
        (scaled(2.0), scaled(2.0)),
        (Plain(3), Plain(3)),
        (Slotted(3), Slotted(3)),
        (np.arange(3), np.arange(3)),
        (linear(1.0), linear(1.0)),
        ({"b", "a"}, {"a", "b"}),
        (Scale(2.0).times, Scale(2.0).times),
        (torch.arange(6.0).reshape(2, 3), torch.arange(6.0).reshape(3, 2).reshape(2, 3)),
        (torch.ones(2, 3, 4, 4), torch.ones(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)),
        (torch.tensor([1.5], dtype=torch.bfloat16), torch.tensor([1.5], dtype=torch.bfloat16)),
    ],
)
def test_equal_values_have_equal_fingerprints(one: Any, other: Any) -> None:
    assert fingerprint(one) == fingerprint(other)


NOTEBOOK = """
import math
from dataclasses import dataclass
from typing import ClassVar

GAIN = 2.0

def helper(x):
    return x + 1

class Base:
    def offset(self):
        return 0

@dataclass(frozen=True)
class Method(Base):
    phi: int = 1
    activations: ClassVar[tuple] = ("relu",)
    def step(self, x, by=1, *, power=2):
        return GAIN * helper(x) * by ** power + self.offset()
    def late(self):
        def inner(y):
            return y * 3
        return inner(self.phi)
    @property
    def burst(self):
        return 4
    @staticmethod
    def free(x):
        return abs(x)

def score(output, target, scale=1.0):
    return scale * helper(output) - target

def make(weight):
    return lambda output: weight * output
"""

EDITS = {
    "a global": ("GAIN = 2.0", "GAIN = 2.5"),
    "a function that is called": ("return x + 1", "return x + 2"),
    "a method": ("* by **", "/ by **"),
    "a default argument": ("by=1", "by=2"),
    "a default of a keyword": ("power=2", "power=3"),
    "a function inside": ("return y * 3", "return y * 4"),
    "a base class": ("return 0", "return 1"),
    "a class variable": ('("relu",)', '("relu", "silu")'),
    "a property": ("return 4", "return 5"),
    "a static method": ("return abs(x)", "return -x"),
}


def run_cell(source: str) -> dict[str, Any]:
    """Run a notebook's cell: what it defines has no file."""
    cell: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, "<cell>", "exec"), cell)  # noqa: S102  # as notebooks do
    return cell


@pytest.mark.parametrize("edit", EDITS)
def test_what_is_defined_in_a_notebook_has_another_key_after_any_edit(edit: str) -> None:
    before, after = run_cell(NOTEBOOK), run_cell(NOTEBOOK.replace(*EDITS[edit]))
    assert NOTEBOOK.count(EDITS[edit][0]) == 1
    assert fingerprint(before["Method"]()) != fingerprint(after["Method"]())
    assert fingerprint(before["Method"]()) == fingerprint(run_cell("# moved down\n" + NOTEBOOK)["Method"]())


@pytest.mark.parametrize(
    "edit", [("scale=1.0", "scale=2.0"), ("- target", "+ target"), ("return x + 1", "return x + 2")]
)
def test_a_scorer_in_a_notebook_has_another_key_after_any_edit(edit: tuple[str, str]) -> None:
    before, after = run_cell(NOTEBOOK)["score"], run_cell(NOTEBOOK.replace(*edit))["score"]
    assert fingerprint(before) != fingerprint(after)
    assert fingerprint(before) == fingerprint(run_cell(NOTEBOOK)["score"])


def test_what_a_closure_holds_counts() -> None:
    make = run_cell(NOTEBOOK)["make"]
    assert fingerprint(make(torch.ones(2))) != fingerprint(make(torch.zeros(2)))
    assert fingerprint(make(torch.ones(2))) == fingerprint(make(torch.ones(2)))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a package of a user, who writes on it."""
    folder = tmp_path / "written"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "method.py").write_text(NOTEBOOK + "\ndef build():\n    from written.late import node\n    return node\n")
    (folder / "late.py").write_text("import besides\nnode = 1\n")
    (tmp_path / "besides.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] in ("written", "besides")]:
        del sys.modules[name]


def key_of(module: ModuleType) -> str:
    return fingerprint(module.Method(), module.score)


@pytest.mark.parametrize("edit", EDITS)
def test_a_module_that_was_edited_and_loaded_again_has_another_key(package: Path, edit: str) -> None:
    module = import_module("written.method")
    before = key_of(module)
    assert key_of(module) == before
    path = package / "method.py"
    path.write_text(path.read_text().replace(*EDITS[edit]) + "# so that its size is another\n")
    reload(module)
    assert key_of(module) != before


def test_a_file_that_was_edited_and_not_loaded_again_is_told_by_what_runs(package: Path) -> None:
    module = import_module("written.method")
    before = key_of(module)
    path = package / "method.py"
    path.write_text(path.read_text().replace("return x + 1", "return x + 2"))
    assert key_of(module) == before


@pytest.mark.parametrize("name", ["written/late.py", "besides.py"])
def test_a_file_that_is_only_imported_later_counts(package: Path, name: str) -> None:
    module = import_module("written.method")
    before = key_of(module)
    (package.parent / name).write_text("node = value = 2\n")
    assert key_of(module) != before


def test_a_module_that_is_loaded_as_the_program_runs_changes_nothing(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "STARTED", float("inf"))
    (package / "__init__.py").write_text(
        "class Method:\n"
        "    late = 3\n"
        "    def build(self):\n"
        "        from written.late import node\n"
        "        return node, self.late\n"
    )
    method = import_module("written").Method()
    before = fingerprint(method)
    method.build()
    assert fingerprint(method) == before


CHANGES: dict[str, Callable[[ModuleType], None]] = {
    "a class variable": lambda module: setattr(module.Method, "activations", ("silu",)),
    "a method": lambda module: setattr(module.Method, "late", lambda self: 5),
    "a base's method": lambda module: setattr(module.Base, "offset", lambda self: 5),
    "a global": lambda module: setattr(module, "GAIN", 7.0),
    "a function": lambda module: setattr(module, "helper", abs),
    "a default": lambda module: setattr(module.score, "__defaults__", (3.0,)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_program_changes_in_a_module_counts(package: Path, name: str) -> None:
    module = import_module("written.method")
    before = key_of(module)
    CHANGES[name](module)
    assert key_of(module) != before


PROGRAM = """
import functools, sys
import torch
sys.path.insert(0, sys.argv[1])
from snnfw.registry import Registry
from snnfw.store import sources
from snnfw.store.fingerprint import fingerprint
from snnfw.simulate.accuracy import Accuracy
from written.method import Method, score

here = {"__name__": "__main__"}
exec(compile(sys.argv[2], "<cell>", "exec"), here)
values = [Method(), score, here["Method"](), here["make"](2.0), {"b", "a", "c"}, functools.partial(Accuracy, 5)]
keys = [fingerprint(value) for value in values]
registry = Registry()
keys += [fingerprint(*(kind() for kind in kinds.values())) for kinds in (registry.neurons, registry.converters)]
"""


def test_another_process_finds_the_same_keys(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "STARTED", float("inf"))  # what was just written is old there
    arguments = ["-c", str(package.parent), NOTEBOOK]
    monkeypatch.setattr(sys, "argv", arguments)
    here: dict[str, Any] = {}
    exec(compile(PROGRAM, "<program>", "exec", dont_inherit=True), here)  # noqa: S102  # our own program
    command = [sys.executable, "-c", PROGRAM + "print(*keys)", *arguments[1:]]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()  # noqa: S603  # our own program
    assert found == here["keys"]
    assert len(set(found)) == len(found)


def test_wrapping_a_library_s_function_makes_another_one() -> None:
    def doubled(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def run(*args: Any) -> Any:
            return 2 * function(*args)

        return run

    relu = torch.nn.functional.relu
    assert fingerprint(doubled(relu)) != fingerprint(relu)


UNKNOWN: dict[str, Any] = {
    "an object": object(),
    "a lock": threading.Lock(),
    "a generator": (number for number in range(3)),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_cannot_be_told_from_others_has_no_fingerprint(name: str) -> None:
    kind = type(UNKNOWN[name]).__qualname__
    with pytest.raises(FingerprintError, match=rf"^a {kind} has no fields to tell it by$"):
        fingerprint({"value": UNKNOWN[name]})


def test_a_failure_leaves_nothing_half_known() -> None:
    lock = threading.Lock()
    fingerprints = Fingerprints()
    for _ in range(2):
        with pytest.raises(FingerprintError):
            fingerprints.key(lambda: lock)
