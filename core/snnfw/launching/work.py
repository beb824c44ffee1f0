"""What travels to a worker: a function with the versions that it needs, packed so that any process can read it."""

from __future__ import annotations

import io
import pickle
import platform
import random
import sys
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from types import MappingProxyType
from typing import Any

import cloudpickle

from snnfw.launching.outcomes import as_raised
from snnfw.launching.versions import describe_difference, installed_versions

Reducers = Mapping[Any, Callable[[Any], tuple[Any, ...]]]
"""How values of some classes pickle: a function, and what it makes the value of where it arrives."""

LOADED = "snnfw_loaded_"
"""How the modules of files are called that only this process has imported, by ``load=``."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a worker cannot do the work at all, in a sentence: what it lacks, or has otherwise."""

    reason: str


@dataclass(frozen=True, slots=True)
class Work:
    """A function over packed items that returns packed outcomes; it refuses where versions differ, and never raises."""

    packed: bytes
    versions: Mapping[str, str]
    seed: int | None

    def __call__(self, item: bytes) -> bytes:
        """Return what comes of an item: what the function returns, ``Raised`` or ``Unfit``."""
        difference = describe_difference(self.versions, installed_versions())
        if difference:
            return pack(Unfit(f"the worker on {platform.node()} ({sys.executable}) has {difference}"))
        try:
            function = _unpack_once(self.packed)
        except ImportError as error:
            return pack(Unfit(f"the worker on {platform.node()} ({sys.executable}) lacks something: {error}"))
        return pack(attempt(function, pickle.loads(item), self.seed))  # noqa: S301  # of our own caller


def pack(value: Any, reducers: Reducers = MappingProxyType({})) -> bytes:
    """Return a value as bytes that a process reads which has not imported the files of ``load=``, nor this program."""
    loaded = [module for name, module in list(sys.modules.items()) if name.startswith(LOADED)]
    try:
        for module in loaded:
            cloudpickle.register_pickle_by_value(module)
        written = io.BytesIO()
        _pickler({**_operators(), **reducers})(written).dump(value)
        return written.getvalue()
    finally:
        for module in loaded:
            cloudpickle.unregister_pickle_by_value(module)


def _pickler(reducers: Reducers) -> Any:
    """Return a class that pickles as cloudpickle does, and what nothing pickles by itself as ``reducers`` say."""
    base: Any = cloudpickle.Pickler
    return type("_Pickler", (base,), {"dispatch_table": ChainMap(dict(reducers), base.dispatch_table)})


def _operators() -> Reducers:
    """Return how the operators of torch pickle, by their names; they are in the sites of every plan."""
    if "torch" not in sys.modules:
        return {}
    ops = sys.modules["torch._ops"]
    return {
        ops.OpOverload: lambda made: (_operator, (*str(made._schema.name).split("::"), made._overloadname)),
        ops.OpOverloadPacket: lambda made: (_operator, tuple(made._qualified_op_name.split("::"))),
    }


def _operator(*names: str) -> Any:
    import torch

    return reduce(getattr, names, torch.ops)


def attempt(function: Callable[[Any], Any], item: Any, seed: int | None) -> Any:
    """Return what a function returns on an item, or the exception that it raises; ``seed`` is what it draws with."""
    try:
        with seeded(seed):
            return function(item)
    except Exception as error:  # whatever it is, the caller is told
        return as_raised(error)


_UNPACKED: dict[bytes, Callable[[Any], Any]] = {}
"""The function that this worker had last, by its packed form."""


def _unpack_once(packed: bytes) -> Callable[[Any], Any]:
    if packed not in _UNPACKED:
        _UNPACKED.clear()
        _UNPACKED[packed] = pickle.loads(packed)  # noqa: S301  # of our own caller
    return _UNPACKED[packed]


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Seed every generator for one item, so that it draws the same wherever it runs, and leave them as they were."""
    if seed is None:
        yield
        return
    import numpy as np
    import torch

    before = random.getstate(), np.random.get_state()  # what a plugin may draw from
    with torch.random.fork_rng():
        try:
            torch.manual_seed(seed)
            random.seed(seed)
            np.random.seed(seed)
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])
