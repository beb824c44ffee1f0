from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import MISSING, fields
from itertools import product
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

import snnfw_plugins
from kernel_variants import bodies
from snnfw.checks.neurons import check_neuron
from snnfw.kernels.body import KernelBody
from snnfw.registry import Registry

NEURONS: dict[str, type[Any]] = dict(Registry().neurons)
PARAMETERS = [(name, field.name) for name, neuron in NEURONS.items() for field in fields(neuron)]

EQUATION = re.compile(r"\(t\) *=")
SOURCE = re.compile(r"\(\d{4}\)|Eqs?\. \d")

DESCRIBE = """
import sys
from snnfw.config.usage import parameters
from snnfw.registry import Registry
for neuron in Registry().neurons.values():
    neuron()
    parameters(neuron)
sys.exit("torch" in sys.modules)
"""


def test_the_bundled_neurons_are_among_them() -> None:
    assert {"adafire", "if", "tracking"} <= NEURONS.keys()


@pytest.mark.parametrize("name", NEURONS)
def test_it_fulfils_the_contract(name: str) -> None:
    assert check_neuron(NEURONS[name]) == []


def kernels_of(value: object) -> Iterator[KernelBody]:
    """Yield the kernels among a module's values, also those that a function makes of choices between two."""
    if isinstance(value, KernelBody):
        yield value
    elif isinstance(value, dict):
        for held in value.values():
            yield from kernels_of(held)
    elif inspect.isroutine(value) or hasattr(value, "cache_info"):
        hints = inspect.get_annotations(value, eval_str=False)  # type: ignore[arg-type]  # a function
        if hints.pop("return", None) == "KernelBody" and set(hints.values()) == {"bool"}:
            yield from (value(*chosen) for chosen in product((False, True), repeat=len(hints)))  # type: ignore[operator]


def test_every_kernel_of_the_bundled_plugins_is_tried() -> None:
    names = (module.name for module in pkgutil.walk_packages(snnfw_plugins.__path__, "snnfw_plugins."))
    modules = map(importlib.import_module, names)
    found = {body for module in modules for value in vars(module).values() for body in kernels_of(value)}
    assert len(found) > 8
    assert found <= set(bodies().values())


def test_describing_neurons_imports_no_torch() -> None:
    finished = subprocess.run([sys.executable, "-c", DESCRIBE], capture_output=True, text=True, check=False)  # noqa: S603  # our own program
    assert finished.returncode == 0, finished.stderr or "torch was imported"


@pytest.mark.parametrize("name", NEURONS)
def test_it_gives_its_equation_or_its_source(name: str) -> None:
    said = inspect.getdoc(NEURONS[name]) or ""
    assert EQUATION.search(said) or SOURCE.search(said), said


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_every_parameter_is_described_and_has_a_default_within_its_bounds(name: str, parameter: str) -> None:
    hint = get_type_hints(NEURONS[name], include_extras=True)[parameter]
    default = next(field.default for field in fields(NEURONS[name]) if field.name == parameter)
    descriptions = [extra.description for extra in get_args(hint)[1:] if isinstance(extra, FieldInfo)]
    assert get_origin(hint) is Annotated
    assert descriptions
    assert all(descriptions)
    assert default is not MISSING
    TypeAdapter(hint).validate_python(default, strict=True)
