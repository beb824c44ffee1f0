"""What a GPU computes is the reference: run by CuPy where there is a GPU, and anywhere by the CPU, thread by thread."""

from __future__ import annotations

import importlib.util
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

import activation_calls
from cupy_on_cpu import CuPyOnCPU, compile_together, needs_host_compiler, on_any_device, stand_in
from kernel_inputs import LAYOUTS, bits, noise, same
from kernel_variants import TIMESTEPS, Make, bodies, rounded, variants
from snnfw.errors import SnnfwError
from snnfw.kernels import gpu, learning
from snnfw.kernels.body import KernelBody
from snnfw.kernels.compiler import CompilerMissing
from snnfw.kernels.gradient_source import IN_REGISTERS, cuda_gradient
from snnfw.kernels.layout import FlatParameter
from snnfw.kernels.multistep import compute_dtype
from snnfw.kernels.source import cuda_source
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.values import SiteStats
from snnfw_plugins.integrate_and_fire.node import SPIKE, SoftResetNeuron
from snnfw_plugins.tracking import Tracking
from snnfw_plugins.tracking.node import TrackingNeuron

needs_gpu = pytest.mark.skipif(
    not torch.cuda.is_available() or importlib.util.find_spec("cupy") is None, reason="needs a GPU and CuPy"
)

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)

SHAPE = (2, 3, 7, 13)
"""546 elements: two blocks of threads and a part of one."""

CHUNKS = [3, 4]
"""Timesteps of each chunk that gradients are taken through."""

PARAMETERS = ((), (3, 1, 1), (7, 13), (2, 1, 1, 1), (3, 1, 13), SHAPE)


@pytest.fixture(
    params=[
        pytest.param("cpu", marks=needs_host_compiler),
        pytest.param("cuda", marks=[pytest.mark.gpu, needs_gpu]),
    ]
)
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return where kernels run: on a GPU, or on the CPU, through everything but CuPy itself."""
    if request.param == "cpu":
        stand_in(monkeypatch)
        on_any_device(monkeypatch)
    return str(request.param)


def compile_all(device: str, dtype: torch.dtype) -> None:
    """Compile every neuron's kernels for a type of tensor at once, where the host does."""
    if device == "cpu":
        name, found = str(dtype).removeprefix("torch."), bodies().values()
        gradients = [
            cuda_gradient(body, name, steps) for body in found if body.backward for steps in (0, *CHUNKS, TIMESTEPS)
        ]
        compile_together([*(cuda_source(body, name) for body in found), *gradients])


def inputs(dtype: torch.dtype, device: str, special: bool = True) -> Iterator[tuple[Tensor, Tensor, SiteStats]]:
    """Yield an input for the reference, the same on the device, and statistics: every layout and shape of parameters."""
    real = compute_dtype(dtype)
    for number, (layout, shape) in enumerate(zip(LAYOUTS, itertools.cycle(PARAMETERS), strict=False)):
        drive = 2 * noise((TIMESTEPS, *SHAPE), dtype, number, special=special and number % 2 == 1)
        if device == "cuda":  # where CuPy has numbers below the normal ones be zero
            drive = torch.where(drive.abs() < 2e-38, 0.0, drive)
        threshold, offset, initial = (noise(shape, real, seed) for seed in (1, 2, 3))
        yield layout(drive), layout(drive.to(device)), SiteStats(threshold.abs() + 0.2, 0.3 * initial, 0.1 * offset)


def pair(make: Make, stats: SiteStats, device: str) -> tuple[SpikingNeuron, SpikingNeuron]:
    """Return a neuron on the device, run by its kernel, and one on the CPU, run by its step."""
    ours, theirs = make(stats).to(device), make(stats)
    ours.backend, ours.insists = "cupy", True
    return ours, theirs


def remembered(neuron: SpikingNeuron) -> dict[str, Tensor]:
    return {name: getattr(neuron, name).cpu() for name in (*neuron.states, "emitted")}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_kernel_is_the_reference_bit_for_bit(make: Make, dtype: torch.dtype, device: str) -> None:
    compile_all(device, dtype)
    for given, drive, stats in inputs(dtype, device):
        ours, theirs = pair(make, stats, device)
        for chunk, part in zip(given.split([3, 1, 3]), drive.split([3, 1, 3]), strict=True):
            output, expected = ours(part), theirs(chunk)
            assert same(output.cpu(), expected)
            before = remembered(theirs)
            assert all(same(value, before[name]) for name, value in remembered(ours).items())
    assert before["emitted"].nan_to_num().sum() > 0


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_where_functions_are_transcendental_a_spike_moves_here_and_there(
    make_rounded: Make, dtype: torch.dtype, device: str
) -> None:
    compile_all(device, dtype)
    for given, drive, stats in inputs(dtype, device, special=False):  # torch's gelu of infinity is NaN in 32 bits
        ours, theirs = pair(make_rounded, stats, device)
        output, expected = ours(drive).cpu(), theirs(given)
        difference = (output.double() - expected.double()).abs()
        assert (difference > 0).sum() <= (0 if dtype is torch.float64 and device == "cpu" else 2)
        assert difference.max() <= 1.01 * stats.threshold.max()


TOLERANCE = {torch.float64: 1e-13, torch.float32: 1e-5, torch.float16: 1e-2, torch.bfloat16: 1e-1}
LEARNING = [name for name, body in bodies().items() if body.backward]


def gradients(neuron: SpikingNeuron, drive: Tensor) -> list[Tensor]:
    """Return the output in two chunks, and the gradient of a weighted sum of it and of the last state."""
    x = drive.clone().requires_grad_()
    output = torch.cat([neuron(chunk) for chunk in x.split(CHUNKS)])
    weights = torch.arange(output.numel()).sin().view(output.shape).to(output)
    ((output * weights).sum() + neuron.potential.square().sum()).backward()
    assert x.grad is not None
    return [output.detach().cpu(), x.grad.cpu()]


@pytest.mark.parametrize("kept", [0, IN_REGISTERS], ids=["in memory", "in registers"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", LEARNING)
def test_a_kernel_takes_gradients_back_as_autograd_does(
    name: str, dtype: torch.dtype, kept: int, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "IN_REGISTERS", kept)
    compile_all(device, dtype)
    for number, shape in enumerate(PARAMETERS):
        drive = noise((TIMESTEPS, *SHAPE), dtype, number)
        stats = SiteStats(noise(shape, compute_dtype(dtype), 1).abs() + 0.2)
        ours, theirs = pair(variants()[name], stats, device)
        (output, gradient), (expected, wanted) = gradients(ours, drive.to(device)), gradients(theirs, drive)
        assert same(output, expected)
        torch.testing.assert_close(gradient, wanted, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
        assert wanted.abs().sum() > 0


@pytest.mark.parametrize("name", LEARNING)
@needs_host_compiler
@pytest.mark.usefixtures("c_compiler")
def test_gradients_on_both_targets_are_the_same_bits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch)
    drive, stats = noise((TIMESTEPS, *SHAPE), torch.float64, 0), SiteStats(torch.tensor(0.7, dtype=torch.float64))
    native, emulated = variants()[name](stats), variants()[name](stats)
    native.backend, native.insists, emulated.backend, emulated.insists = "native", True, "cupy", True
    expected = gradients(native, drive)
    on_any_device(monkeypatch)
    assert all(map(same, gradients(emulated, drive), expected))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_activations_are_computed_with_the_arguments_they_are_called_with(dtype: torch.dtype, device: str) -> None:
    stats = SiteStats(torch.tensor(0.2, dtype=dtype))
    drive = 2 * noise((TIMESTEPS, 1000), dtype, 0)
    for name in activation_calls.EXACT:
        site = activation_calls.sites()[name]
        ours, theirs = pair(lambda stats, site=site: Tracking(phi=8).build(site, stats, 1), stats, device)  # type: ignore[misc]
        assert isinstance(ours, TrackingNeuron)
        assert ours.code is not None
        assert same(ours(drive.to(device)).cpu(), theirs(drive)), name


@dataclass(frozen=True, slots=True)
class Guarded:
    """A tensor inside a larger one: what lies around it, and between its rows, is NaN and has to stay so."""

    whole: Tensor
    inside: Tensor
    before: Tensor

    @classmethod
    def around(cls, values: Tensor, gap: int = 0, margin: int = 300) -> Guarded:
        *rows, width = values.shape
        count = rows[0] if rows else 1
        whole = torch.full((2 * margin + count * (width + gap),), torch.nan, dtype=values.dtype)
        inside = whole[margin:].as_strided(values.shape, (width + gap, 1) if rows else (1,)).copy_(values)
        return cls(whole, inside, whole.clone())

    def check(self) -> None:
        """See that nothing but the tensor itself has changed."""
        place = (self.inside.shape, self.inside.stride(), self.inside.storage_offset())
        self.before.as_strided(*place).copy_(self.inside)
        assert torch.equal(bits(self.whole), bits(self.before))


ELEMENTS = 700


def guarded_run(make: Make, dtype: torch.dtype) -> tuple[SpikingNeuron, Tensor, Any]:
    """Return a neuron, an input, and what to launch its kernel with, all of it guarded."""
    real = compute_dtype(dtype)
    neuron = make(SiteStats(noise((ELEMENTS,), real, 1).abs() + 0.2, offset=torch.tensor(0.1, dtype=real)))
    drive, kernel = 2 * noise((TIMESTEPS, ELEMENTS), dtype, 0), neuron.kernel()
    assert kernel is not None
    begun = dict(zip(neuron.states, neuron.begin(drive[:1].to(real) + neuron.offset), strict=True))
    states = [Guarded.around(begun[name].flatten().expand(ELEMENTS)) for name in kernel.body.states]
    flats = kernel.flat(drive[:1], real)
    return neuron, drive, (kernel.body, states, [(Guarded.around(flat.values), flat.inner) for flat in flats])


@needs_host_compiler
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", bodies())
def test_threads_keep_to_their_own_elements_in_any_order(
    name: str, dtype: torch.dtype, backwards: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    cupy = stand_in(monkeypatch)
    cupy.backwards, cupy.extra_blocks = backwards, 2
    compile_all("cpu", dtype)
    neuron, drive, (body, states, parameters) = guarded_run(variants()[name], dtype)
    given, output = Guarded.around(drive, gap=5), Guarded.around(torch.zeros_like(drive), gap=9)
    events = Guarded.around(torch.zeros(ELEMENTS, dtype=compute_dtype(dtype)))
    flats = [FlatParameter(values.inside, inner) for values, inner in parameters]
    gpu.launch(body, given.inside, output.inside, [s.inside for s in states], flats, 0.0, events.inside)
    for guarded in (given, output, events, *states, *(values for values, _ in parameters)):
        guarded.check()
    expected = neuron(drive[:, None])  # a neuron may know that there are samples and channels
    if dtype is torch.float64 or not rounded(body):
        assert same(output.inside, expected[:, 0])
        assert neuron.emitted is not None
        assert same(events.inside, neuron.emitted[0])


@needs_host_compiler
@pytest.mark.parametrize("kept", [0, IN_REGISTERS], ids=["in memory", "in registers"])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("name", LEARNING)
def test_threads_keep_to_their_own_elements_on_the_way_back(
    name: str, backwards: bool, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cupy = stand_in(monkeypatch)
    monkeypatch.setattr(learning, "IN_REGISTERS", kept)
    compile_all("cpu", torch.float64)
    _, drive, (body, states, parameters) = guarded_run(variants()[name], torch.float64)
    flats = [FlatParameter(values.inside, inner) for values, inner in parameters]
    sequences = [Guarded.around(values, gap=5) for values in (drive.cos(), drive, torch.zeros_like(drive))]
    carried, histories = [Guarded.around(noise((ELEMENTS,), torch.float64, 3)) for _ in states], []

    def guarded_history(tensor: Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        histories.append(Guarded.around(torch.zeros(shape, dtype=dtype).flatten()))
        return histories[-1].inside

    monkeypatch.setattr(Tensor, "new_empty", guarded_history)
    found = []
    for cupy.backwards, cupy.extra_blocks in ((backwards, 2), (False, 0)):
        start = [guarded.inside.clone() for guarded in carried]
        gradient, x, gx = (guarded.inside for guarded in sequences)
        before, after = [guarded.inside for guarded in states], [guarded.inside for guarded in carried]
        learning.gpu_gradient(body, gradient, x, gx, before, after, flats, 0.0)
        found.append([sequences[2].inside.clone(), *(guarded.inside.clone() for guarded in carried)])
        for guarded in (*sequences, *states, *carried, *histories, *(values for values, _ in parameters)):
            guarded.check()
        for guarded, values in zip(carried, start, strict=True):
            guarded.inside.copy_(values)
    assert all(map(same, *found)), "in any order, with threads to spare"
    assert len(histories) == 2
    assert not torch.isnan(found[0][0]).any()


@pytest.fixture
def cupy(forgetful: None, monkeypatch: pytest.MonkeyPatch) -> CuPyOnCPU:
    return stand_in(monkeypatch)


def run_spike(drive: Tensor, events: Tensor | None = None) -> Tensor:
    """Run a neuron that fires once in each timestep in which it gets 1 or more."""
    output, one, zero = drive.clone(), FlatParameter(torch.ones(1), 1), FlatParameter(torch.zeros(1), 1)
    gpu.launch(SPIKE, drive, output, [torch.zeros(drive.shape[1:])], [one, zero, zero], 0.0, events)
    return output


@needs_host_compiler
def test_without_events_to_count_there_are_none_to_write(cupy: CuPyOnCPU) -> None:
    drive, events = torch.tensor([[1.0, 0.5], [1.0, 0.75]]), torch.full((2,), 5.0)
    assert run_spike(drive).tolist() == [[1.0, 0.0], [1.0, 1.0]]
    assert torch.equal(run_spike(drive, events), run_spike(drive))
    assert events.tolist() == [7.0, 6.0], "events are added to those before"


@needs_host_compiler
@pytest.mark.parametrize(("elements", "blocks"), [(1, 1), (256, 1), (257, 2), (1000, 4)])
def test_there_is_a_thread_for_each_element(elements: int, blocks: int, cupy: CuPyOnCPU) -> None:
    assert run_spike(torch.ones(3, elements)).all()
    ((_, grid, block),) = cupy.launches
    assert (grid, block) == ((blocks,), (256,))


def test_nothing_is_launched_for_no_elements(cupy: CuPyOnCPU) -> None:
    assert run_spike(torch.ones(3, 0)).shape == (3, 0)
    assert not cupy.launches


@needs_host_compiler
def test_kernels_are_queued_on_the_stream_and_the_device_that_torch_works_on(cupy: CuPyOnCPU) -> None:
    run_spike(torch.rand(3, 7))
    ((entered, _, _),) = cupy.launches
    assert entered == ["torch's device 0", "CuPy's device 0", "stream 77 of device 0"]
    assert not cupy.entered


@needs_host_compiler
def test_a_kernel_is_compiled_once_for_each_source(cupy: CuPyOnCPU) -> None:
    for dtype in (torch.float32, torch.float16, torch.float32):
        run_spike(torch.rand(3, 7).to(dtype))
    sources = [cuda_source(SPIKE, dtype) for dtype in ("float32", "float16")]
    assert cupy.kernels == [(source, "run", ("--fmad=false",)) for source in sources]
    assert len(cupy.launches) == 3


def test_what_does_not_compile_is_an_error_that_says_why(cupy: CuPyOnCPU) -> None:
    cupy.error = RuntimeError('neuron.cu(12): error: identifier "missing" is undefined\n\n1 error detected.')
    message = (
        'CuPy does not compile a neuron (identifier "missing" is undefined): mend it, or choose backend=reference.'
    )
    with pytest.raises(SnnfwError, match=f"^{re.escape(message)}$") as raised:
        run_spike(torch.rand(3, 7))
    assert isinstance(raised.value, CompilerMissing), "so that a neuron falls back where the choice was automatic"


def test_tensors_on_another_device_than_the_backend_s_take_the_reference(cupy: CuPyOnCPU) -> None:
    drive, stats = torch.rand(4, 5), SiteStats(torch.tensor(0.5))
    neuron = SoftResetNeuron(stats, 4)
    neuron.backend = "cupy"
    assert torch.equal(neuron(drive), SoftResetNeuron(stats, 4)(drive))
    assert not cupy.launches


@pytest.mark.gpu
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


@pytest.mark.gpu
@needs_gpu
def test_a_body_that_does_not_compile_on_the_gpu_is_an_error() -> None:
    body = KernelBody((), (), "y = missing; events = 0;")
    drive = torch.rand(2, 3, device="cuda")
    with pytest.raises(CompilerMissing, match=r'^CuPy does not compile a neuron \(identifier "missing" is undefined\)'):
        gpu.launch(body, drive, drive.clone(), [], [], 0.0, None)
