"""Every neuron that is shipped with a kernel, and a cache of compiled kernels that is nobody's."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

import pytest
import torch

from kernel_variants import Make, bodies, rounded, variants
from snnfw.kernels import choice, compiler, gpu, native

ROUNDED = {name: make for name, make in variants().items() if rounded(bodies()[name])}
"""Neurons whose kernel computes a transcendental function, of which torch has another approximation."""

FIRST = {body.code: name for name, body in reversed(list(bodies().items()))}

EXACT = {name: make for name, make in variants().items() if name in FIRST.values() and name not in ROUNDED}
"""Neurons whose kernel computes the very numbers that the reference computes; one where several compute the same."""


@pytest.fixture(scope="session", params=EXACT)
def make(request: pytest.FixtureRequest) -> Make:
    return EXACT[request.param]


@pytest.fixture(scope="session", params=zip(EXACT, itertools.cycle((torch.bfloat16, torch.float16))), ids=str)
def half(request: pytest.FixtureRequest) -> tuple[Make, torch.dtype]:
    """Return a neuron and one of the types of half precision: reading and writing them is the loop's own."""
    name, dtype = request.param
    return EXACT[name], dtype


@pytest.fixture(scope="session", params=ROUNDED)
def make_rounded(request: pytest.FixtureRequest) -> Make:
    return ROUNDED[request.param]


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what these tests compile out of the user's cache, and compile each kernel once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def c_compiler() -> tuple[str, ...]:
    """Return the C compiler's command; without one, what it would have compiled is not tested."""
    try:
        return compiler.find_compiler()[0]
    except compiler.CompilerMissing as error:
        pytest.skip(str(error))


@pytest.fixture
def forgetful() -> Iterator[None]:
    """Let a test change what this machine has: nothing that was found out before or in it is remembered."""
    remembered: list[functools._lru_cache_wrapper[object]] = [
        compiler.find_compiler, compiler.processor_name, compiler._say_once, choice.choose_backend, native.compile_function, gpu.compile_kernel,
    ]  # fmt: skip
    for function in remembered:
        function.cache_clear()
    yield
    for function in remembered:
        function.cache_clear()
