"""Every neuron that is shipped with a kernel, and a cache of compiled kernels that is nobody's."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from snnfw.contracts import SiteStats
from snnfw.kernels import choice, compiler, gpu, native
from snnfw.kernels.body import KernelBody
from snnfw.spiking.neuron import SpikingNeuron
from snnfw_plugins.ibra.node import BinaryNeuron, IntegerNeuron
from snnfw_plugins.inflor.node import RectifiedNeuron
from snnfw_plugins.integrate_and_fire.node import BurstNeuron, SignedBurstNeuron, SoftResetNeuron
from snnfw_plugins.lif.node import LeakyNeuron
from snnfw_plugins.msat import MSAT
from snnfw_plugins.msat.node import MSATNeuron
from snnfw_plugins.tracking.functions import c_code
from snnfw_plugins.tracking.node import TrackingNeuron

Make = Callable[[SiteStats], SpikingNeuron]


def tracking(activation: str, function: Callable[..., Tensor], *arguments: float) -> Make:
    def make(stats: SiteStats) -> SpikingNeuron:
        return TrackingNeuron(stats, lambda x: function(x, *arguments), 4, c_code(activation, arguments))

    return make


def filtered(stats: SiteStats) -> SpikingNeuron:
    neuron = MSATNeuron(stats, MSAT(phi=2))
    neuron.filter_early(0.5, 3, torch.tensor(12345))
    return neuron


EXACT: dict[str, Make] = {
    "if": lambda stats: SoftResetNeuron(stats, 7),
    "if-shift": lambda stats: SoftResetNeuron(stats, 7, shift=True),
    "burst": lambda stats: BurstNeuron(stats, 7, 3),
    "burst-shift": lambda stats: BurstNeuron(stats, 7, 3, shift=True),
    "lif-soft": lambda stats: LeakyNeuron(stats, 1.7, "soft"),
    "lif-hard": lambda stats: LeakyNeuron(stats, 1.7, "hard"),
    "signed": lambda stats: SignedBurstNeuron(stats, 3),
    "srif-soft": lambda stats: RectifiedNeuron(stats),
    "srif-hard": lambda stats: RectifiedNeuron(stats, 0.7, "hard", False),
    "ibra": lambda stats: BinaryNeuron(stats, 100, 511, 0.25),
    "ilif": lambda stats: IntegerNeuron(stats, 1, 4, 0.25),
    "msat": lambda stats: MSATNeuron(stats, MSAT()),
    "msat-exact": lambda stats: MSATNeuron(stats, MSAT(units="raw", depolarisation="exact", phi=3)),
    "msat-filtered": filtered,
    "tracking-relu": tracking("relu", torch.relu),
    "tracking-relu6": tracking("relu6", F.relu6),
    "tracking-hardswish": tracking("hardswish", F.hardswish),
    "tracking-hardtanh": tracking("hardtanh", F.hardtanh, -0.5, 0.7),
    "tracking-leaky-relu": tracking("leaky_relu", F.leaky_relu, 0.1),
    "tracking-hardsigmoid": tracking("hardsigmoid", F.hardsigmoid),
}
"""Neurons whose kernel computes the very numbers that the reference computes."""

ROUNDED: dict[str, Make] = {
    "tracking-silu": tracking("silu", F.silu),
    "tracking-gelu": tracking("gelu", F.gelu),
    "tracking-sigmoid": tracking("sigmoid", torch.sigmoid),
    "tracking-tanh": tracking("tanh", torch.tanh),
}
"""Neurons whose kernel computes a transcendental function, of which torch has another approximation."""


@pytest.fixture(scope="session", params=EXACT)
def make(request: pytest.FixtureRequest) -> Make:
    return EXACT[request.param]


@pytest.fixture(scope="session", params=ROUNDED)
def make_rounded(request: pytest.FixtureRequest) -> Make:
    return ROUNDED[request.param]


def body_of(make: Make) -> KernelBody:
    kernel = make(SiteStats(torch.tensor(0.5))).kernel()
    assert kernel is not None
    return kernel.body


BODIES = {name: body_of(make) for name, make in {**EXACT, **ROUNDED}.items()}
LEARNING = {name: body for name, body in BODIES.items() if body.backward}


@pytest.fixture(scope="session", params=BODIES)
def body(request: pytest.FixtureRequest) -> KernelBody:
    return BODIES[request.param]


@pytest.fixture(scope="session", params=LEARNING)
def learning_body(request: pytest.FixtureRequest) -> KernelBody:
    return LEARNING[request.param]


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
        compiler.find_compiler, compiler.machine, compiler._say_once, choice.choose, native.compiled, gpu.compiled,
    ]  # fmt: skip
    for function in remembered:
        function.cache_clear()
    yield
    for function in remembered:
        function.cache_clear()
