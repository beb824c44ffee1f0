"""What CuPy is handed, and, where there is a GPU, that what it computes is what the reference computes."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from snnfw.contracts import SiteStats
from snnfw.errors import SnnfwError
from snnfw.kernels import gpu
from snnfw.kernels.body import KernelBody
from snnfw.kernels.compiler import CompilerMissing
from snnfw.kernels.layout import Flat
from snnfw.kernels.source import cuda_source
from snnfw.spiking.neuron import SpikingNeuron
from snnfw_plugins.integrate_and_fire.node import SPIKE, SoftResetNeuron

Make = Callable[[SiteStats], SpikingNeuron]


class FakeCuPy:
    """Stand where CuPy stands, and write down what it is asked for; nothing is computed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entered: list[str] = []
        self.kernels: list[tuple[str, str, tuple[str, ...]]] = []
        self.launches: list[tuple[Any, ...]] = []
        self.error: Exception | None = None
        cupy: Any = ModuleType("cupy")
        cupy.RawKernel = self.kernel
        cupy.cuda = SimpleNamespace(
            Device=lambda index: self.noting(f"CuPy's device {index}"),
            ExternalStream=lambda pointer, index: self.noting(f"stream {pointer} of device {index}"),
        )
        monkeypatch.setitem(sys.modules, "cupy", cupy)
        monkeypatch.setattr(torch.cuda, "device", lambda index: self.noting(f"torch's device {index}"))
        monkeypatch.setattr(torch.cuda, "current_stream", lambda index: SimpleNamespace(cuda_stream=77 + index))

    @contextlib.contextmanager
    def noting(self, what: str) -> Iterator[None]:
        self.entered.append(what)
        yield

    def kernel(self, source: str, name: str, options: tuple[str, ...]) -> Any:
        self.kernels.append((source, name, options))
        return CallableKernel(self)


class CallableKernel:
    def __init__(self, cupy: FakeCuPy) -> None:
        self.cupy = cupy

    def compile(self) -> None:
        if self.cupy.error:
            raise self.cupy.error

    def __call__(self, grid: tuple[int, ...], block: tuple[int, ...], arguments: tuple[Any, ...]) -> None:
        self.cupy.launches.append((list(self.cupy.entered), grid, block, arguments))


@pytest.fixture
def cupy(forgetful: None, monkeypatch: pytest.MonkeyPatch) -> FakeCuPy:
    return FakeCuPy(monkeypatch)


def signature(source: str) -> dict[str, type]:
    """Return the arguments of the kernel, each with the type that CuPy passes as what C expects."""
    found = re.search(r"__global__ void run\((.*?)\) \{", source, re.DOTALL)
    assert found
    kinds: dict[str, type] = {}
    for argument in found[1].split(","):
        name = argument.split()[-1].lstrip("*").removeprefix("__restrict__")
        whole = "*" in argument or "long long" in argument
        assert whole or "double" in argument, argument
        kinds[name] = np.int64 if whole else np.float64
    return kinds


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16], ids=str)
def test_arguments_come_in_the_order_and_of_the_types_of_the_source(
    body: KernelBody, dtype: torch.dtype, cupy: FakeCuPy
) -> None:
    drive, output, events = torch.rand(3, 7, 100).to(dtype), torch.empty(3, 7, 100, dtype=dtype), torch.zeros(7, 100)
    states = {name: torch.zeros(7, 100) for name in body.states}
    parameters = {name: Flat(torch.rand(7 + k), 100 + k) for k, name in enumerate(body.parameters)}
    gpu.launch(body, drive, output, list(states.values()), list(parameters.values()), 5.0, events)
    ((source, name, options),) = cupy.kernels
    ((_, _, _, arguments),) = cupy.launches
    kinds = signature(source)
    assert (name, options) == ("run", ("--fmad=false",))
    assert [type(argument) for argument in arguments] == list(kinds.values())
    assert dict(zip(kinds, arguments, strict=True)) == {
        "x_all": drive.data_ptr(), "x_step": 700, "y_all": output.data_ptr(), "y_step": 700,
        "steps": 3, "count": 700, "clock": 5.0, "events_all": events.data_ptr(),
        **{f"{name}_all": state.data_ptr() for name, state in states.items()},
        **{f"{name}_all": flat.values.data_ptr() for name, flat in parameters.items()},
        **{f"{name}_inner": 100 + k for k, name in enumerate(parameters)},
        **{f"{name}_size": 7 + k for k, name in enumerate(parameters)},
    }  # fmt: skip


def run_spike(drive: Tensor, events: Tensor | None = None) -> None:
    state, one = torch.zeros(drive.shape[1:]), Flat(torch.ones(1), 1)
    gpu.launch(SPIKE, drive, drive.clone(), [state], [one] * 3, 0.0, events)


def test_without_events_to_count_their_pointer_is_null(cupy: FakeCuPy) -> None:
    run_spike(torch.rand(3, 7))
    arguments = dict(zip(signature(cupy.kernels[0][0]), cupy.launches[0][3], strict=True))
    assert arguments["events_all"] == 0


@pytest.mark.parametrize(("elements", "blocks"), [(1, 1), (256, 1), (257, 2), (1000, 4)])
def test_there_is_a_thread_for_each_element(elements: int, blocks: int, cupy: FakeCuPy) -> None:
    run_spike(torch.rand(3, elements))
    ((_, grid, block, _),) = cupy.launches
    assert (grid, block) == ((blocks,), (256,))


def test_kernels_are_queued_on_the_stream_and_the_device_that_torch_works_on(cupy: FakeCuPy) -> None:
    run_spike(torch.rand(3, 7))
    ((entered, _, _, _),) = cupy.launches
    assert (entered[0], entered[-1]) == ("torch's device 0", "stream 77 of device 0")
    assert set(entered[1:-1]) == {"CuPy's device 0"}


def test_a_kernel_is_compiled_once_for_each_source(cupy: FakeCuPy) -> None:
    for dtype in (torch.float32, torch.float16, torch.float32):
        run_spike(torch.rand(3, 7).to(dtype))
    assert [source for source, _, _ in cupy.kernels] == [cuda_source(SPIKE, dtype) for dtype in ("float32", "float16")]
    assert len(cupy.launches) == 3


def test_what_does_not_compile_is_an_error_that_says_why(cupy: FakeCuPy) -> None:
    cupy.error = RuntimeError('neuron.cu(12): error: identifier "missing" is undefined\n\n1 error detected.')
    message = (
        'CuPy does not compile a neuron (identifier "missing" is undefined): mend it, or choose backend=reference.'
    )
    with pytest.raises(SnnfwError, match=f"^{re.escape(message)}$") as raised:
        run_spike(torch.rand(3, 7))
    assert isinstance(raised.value, CompilerMissing), "so that a neuron falls back where the choice was automatic"


def test_tensors_on_another_device_than_the_backend_s_take_the_reference(cupy: FakeCuPy) -> None:
    drive, stats = torch.rand(4, 5), SiteStats(torch.tensor(0.5))
    neuron = SoftResetNeuron(stats, 4)
    neuron.backend = "cupy"
    assert torch.equal(neuron(drive), SoftResetNeuron(stats, 4)(drive))
    assert not cupy.launches


needs_gpu = pytest.mark.skipif(
    not torch.cuda.is_available() or importlib.util.find_spec("cupy") is None, reason="needs a GPU and CuPy"
)

# On GPUs torch divides by a constant by multiplying with its reciprocal, which rounds differently.
DIVIDES = ("lif", "hardswish", "msat")


def compare(make: Make, drive: Tensor, stats: SiteStats, exact: bool) -> None:
    ours, theirs = make(stats).cuda(), make(stats).cuda()
    ours.backend, ours.insists = "cupy", True
    for chunk in drive.split([3, 1, len(drive) - 4]):
        output, expected = ours(chunk), theirs(chunk)
        assert output.stride() == expected.stride()
        difference = (output.double() - expected.double()).abs()
        if exact:
            assert torch.equal(output, expected)
            assert torch.equal(ours.emitted, theirs.emitted)
        assert difference.max() <= 1.01 * stats.threshold.max()
        assert (difference > 0).double().mean() < 1e-4


def inputs(dtype: torch.dtype) -> Iterator[tuple[Tensor, SiteStats]]:
    """Yield inputs in several layouts with thresholds of several shapes."""
    real = torch.float64 if dtype is torch.float64 else torch.float32
    image = (torch.randn(12, 4, 6, 33, 17, generator=torch.Generator().manual_seed(0)) * 2).to("cuda", dtype)
    layouts = (image, image.movedim(2, -1).contiguous().movedim(-1, 2), image[:1].expand_as(image), image[..., ::2])
    for drive in layouts:
        for shape in ((), (6, 1, 1), tuple(drive.shape[2:])):
            yield drive, SiteStats(torch.rand(shape, dtype=real) + 0.2, offset=torch.full(shape, 0.1, dtype=real))


@needs_gpu
def test_cupy_is_the_reference_on_the_gpu(make: Make, request: pytest.FixtureRequest) -> None:
    exact = not any(word in request.node.callspec.id for word in DIVIDES)
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
        for drive, stats in inputs(dtype):
            compare(make, drive, stats, exact)


@needs_gpu
def test_cupy_is_near_the_reference_where_functions_are_transcendental(make_rounded: Make) -> None:
    for dtype in (torch.float32, torch.float64):
        for drive, stats in inputs(dtype):
            compare(make_rounded, drive, stats, exact=False)


@needs_gpu
def test_kernels_wait_for_what_their_stream_computes_before() -> None:
    stats, drive = SiteStats(torch.tensor(0.5)), torch.rand(8, 1 << 20, device="cuda")
    expected = SoftResetNeuron(stats, 8).cuda()(drive * 3)
    neuron = SoftResetNeuron(stats, 8).cuda()
    neuron.backend, neuron.insists = "cupy", True
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        torch.cuda._sleep(50_000_000)
        output = neuron(drive * 3)
    stream.synchronize()
    assert torch.equal(output, expected)


@needs_gpu
def test_a_body_that_does_not_compile_on_the_gpu_is_an_error() -> None:
    body = KernelBody((), (), "y = missing; events = 0;")
    drive = torch.rand(2, 3, device="cuda")
    with pytest.raises(CompilerMissing, match=r'^CuPy does not compile a neuron \(identifier "missing" is undefined\)'):
        gpu.launch(body, drive, drive.clone(), [], [], 0.0, None)
