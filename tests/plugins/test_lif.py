from __future__ import annotations

import math

import pytest
import torch
from spikingjelly.activation_based import neuron, surrogate
from torch import Tensor

from networks import noise
from snnfw.kernels.choice import choose_backend
from snnfw.kernels.learning import multi_step, register_body
from snnfw.values import Site, SiteStats
from snnfw_plugins.lif import LeakyIntegrateAndFire
from snnfw_plugins.lif.node import LeakyNeuron

ONE = torch.tensor(1.0, dtype=torch.float64)
BACKENDS = [
    "reference",
    pytest.param(
        "native", marks=pytest.mark.skipif(choose_backend("auto", "cpu").name != "native", reason="no compiler")
    ),
]


def leaky(backend: str, reset: str = "soft", threshold: Tensor = ONE, **stats: Tensor) -> LeakyNeuron:
    built = LeakyNeuron(SiteStats(threshold, **stats), 2.0, reset)
    built.backend, built.insists = backend, True
    return built


def gradients(module: torch.nn.Module, drive: Tensor, chunks: tuple[int, ...] = (9,)) -> tuple[Tensor, Tensor]:
    """Return the output and the gradient of a weighted sum of it with respect to the input."""
    x = drive.clone().requires_grad_()
    y = torch.cat([module(part) for part in x.split(chunks)])
    (y * torch.arange(y.numel(), dtype=y.dtype).view_as(y).sin()).sum().backward()
    assert x.grad is not None
    return y.detach(), x.grad


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reset", ["soft", "hard"])
def test_output_and_gradient_are_those_of_spikingjellys_neuron(backend: str, reset: str) -> None:
    drive = 2 * noise(9, 4, 6, 5)
    theirs = neuron.LIFNode(
        tau=2.0, v_reset=0.0 if reset == "hard" else None, surrogate_function=surrogate.ATan(2.0), step_mode="m"
    )
    wanted, wanted_gradient = gradients(theirs, drive)
    output, gradient = gradients(leaky(backend, reset), drive)
    assert torch.equal(output, wanted)
    torch.testing.assert_close(gradient, wanted_gradient, rtol=1e-13, atol=1e-13)
    assert 0.05 < float(output.mean()) < 0.95


@pytest.mark.parametrize("reset", ["soft", "hard"])
@pytest.mark.parametrize("chunks", [(9,), (4, 5), (1, 3, 5)])
@pytest.mark.parametrize("shape", [(4, 6), (2, 6, 3, 5)])
@pytest.mark.skipif(choose_backend("auto", "cpu").name != "native", reason="no compiler")
def test_the_kernels_gradient_is_autograds_through_the_reference(
    reset: str, chunks: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    drive = 2 * noise(9, *shape)
    per_channel = (noise(1, 6, *[1] * (len(shape) - 2), seed=1).abs() + 0.5).expand(1, 6, *[1] * (len(shape) - 2))
    stats = {"threshold": per_channel, "offset": 0.1 * per_channel, "initial": 0.2 * per_channel}
    results = [gradients(leaky(backend, reset, **stats), drive, chunks) for backend in ("reference", "native")]
    assert torch.equal(results[0][0], results[1][0])
    torch.testing.assert_close(results[0][1], results[1][1], rtol=1e-13, atol=1e-13)


@pytest.mark.skipif(choose_backend("auto", "cpu").name != "native", reason="no compiler")
def test_channels_last_and_static_inputs_have_the_same_gradient() -> None:
    drive = 2 * noise(9, 2, 6, 3, 5)
    last = drive.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, (9, 2))
    wanted, ours = gradients(leaky("reference"), drive), gradients(leaky("native"), last)
    assert torch.equal(wanted[0], ours[0])
    torch.testing.assert_close(wanted[1], ours[1], rtol=1e-13, atol=1e-13)
    grads = []
    for backend in ("reference", "native"):
        x = drive[0].clone().requires_grad_()
        leaky(backend)(x.expand(9, *x.shape)).cos().sum().backward()
        grads.append(x.grad)
    torch.testing.assert_close(*grads, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_surrogate_is_the_arc_tangents_derivative(backend: str) -> None:
    x = torch.linspace(-2, 6, 41, dtype=torch.float64).view(1, 1, -1).requires_grad_()
    leaky(backend)(x).sum().backward()
    distance = (x.detach() / 2 - 1)[0, 0]
    assert x.grad is not None
    torch.testing.assert_close(x.grad[0, 0], 0.5 / (1 + (math.pi * distance) ** 2))


@pytest.mark.skipif(choose_backend("auto", "cpu").name != "native", reason="no compiler")
def test_torch_knows_the_operators() -> None:
    built = leaky("native")
    kernel = built.kernel()
    parameters = [
        torch.ones(1, dtype=torch.float64),
        torch.zeros(1, dtype=torch.float64),
        torch.full((1,), 2.0).double(),
    ]
    arguments = (
        noise(5, 3, 4).requires_grad_(),
        [noise(3, 4).requires_grad_()],
        parameters,
        [1, 1, 1],
        0.0,
        register_body(kernel.body),
        "native",
    )
    torch.library.opcheck(multi_step, arguments)


@pytest.mark.skipif(choose_backend("auto", "cpu").name != "native", reason="no compiler")
def test_a_compiled_function_may_hold_the_neuron() -> None:
    built = leaky("native")
    kernel = built.kernel()
    parameters = [
        torch.ones(1, dtype=torch.float64),
        torch.zeros(1, dtype=torch.float64),
        torch.full((1,), 2.0).double(),
    ]

    name = register_body(kernel.body)

    def layer(x: Tensor) -> Tensor:
        output: Tensor = multi_step(2 * x, [torch.zeros_like(x[0])], parameters, [1, 1, 1], 0.0, name, "native")[0]
        return output + 1

    drive = noise(5, 3, 4)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(drive), layer(drive))


@pytest.mark.parametrize("backend", BACKENDS)
def test_earlier_chunks_learn_through_the_state(backend: str) -> None:
    built = leaky(backend)
    x = noise(4, 2, 3).requires_grad_()
    built(x[:2])
    built(x[2:]).sum().backward()
    assert x.grad is not None
    assert bool((x.grad[:2] != 0).any())


def test_the_threshold_is_given_or_found() -> None:
    site = Site("s", "s", "relu", torch.relu, (None, 3), channel=1)
    for neuron_, wanted in ((LeakyIntegrateAndFire(), 1.0), (LeakyIntegrateAndFire(threshold=None), 4.0)):
        observer = neuron_.observer(site)
        observer.update(torch.tensor([[1.0, 4.0, 2.0]]))
        assert observer.stats().threshold.item() == wanted
