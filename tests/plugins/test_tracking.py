from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from activation_calls import EXACT, ROUNDED, WITHOUT, sites
from backends import needs_native
from kernel_inputs import same
from networks import noise, seeded
from snnfw.capture.export import capture
from snnfw.capture.sites import ACTIVATIONS, GATES
from snnfw.conversion.direct import Direct
from snnfw.kernels.body import Kernel, KernelBody
from snnfw.kernels.functions import CODE, activation_code
from snnfw.kernels.multistep import run_kernel
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.values import Resources, Site, SiteStats
from snnfw_plugins.tracking import Tracking
from snnfw_plugins.tracking.node import TrackingNeuron

HALF = torch.tensor(0.5, dtype=torch.float64)
FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    **{name: getattr(F, name) for name in ("silu", "hardswish", "relu6", "hardsigmoid", "elu", "mish", "softplus")},
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "gelu": F.gelu,
    "hardtanh": F.hardtanh,
    "leaky_relu": F.leaky_relu,
    "rrelu": F.rrelu,
    "identity": lambda x: x,
}
IN_C = {name for name in CODE if name in FUNCTIONS}
BACKENDS = [
    *((name, "reference") for name in FUNCTIONS),
    *(pytest.param(name, "native", marks=needs_native) for name in sorted(IN_C)),
]


@pytest.mark.parametrize(("name", "backend"), BACKENDS)
@pytest.mark.parametrize("scale", [0.3, 3.0])
def test_mean_output_is_within_half_a_threshold_over_t_of_the_function_of_the_mean_input(
    name: str, backend: str, scale: float
) -> None:
    drive, theta = scale * noise(40, 6, 5), torch.tensor(0.1, dtype=torch.float64)
    neuron = TrackingNeuron(SiteStats(theta), FUNCTIONS[name], 10**6, activation_code(name, ()))
    neuron.backend, neuron.insists = backend, True
    times = torch.arange(1, 41, dtype=torch.float64).view(-1, 1, 1)
    target = FUNCTIONS[name](drive.cumsum(0) / times)
    error = (neuron(drive).cumsum(0) / times - target).abs()
    assert bool((error <= theta / (2 * times) * (1 + 1e-9)).all())


def test_every_activation_is_called_with_every_argument_in_the_table() -> None:
    called = {site.activation for site in sites().values()}
    assert called == {*ACTIVATIONS.values(), *GATES.values()}
    assert {sites()[name].activation for name in (*EXACT, *ROUNDED)} == set(CODE)


@pytest.mark.parametrize("name", WITHOUT)
def test_what_is_not_known_in_c_runs_by_the_reference_step(name: str) -> None:
    neuron = Tracking().build(sites()[name], SiteStats(HALF), 8)
    assert neuron.kernel() is None


def in_c(drive: Tensor) -> dict[str, Tensor]:
    """Return what the C code of every call in the table computes, all of them in one kernel."""
    names = {name: f"out_{number}" for number, name in enumerate((*EXACT, *ROUNDED))}
    code = (
        f"{{ const real m = x; real f; {activation_code(sites()[name].activation, sites()[name].arguments)} {out} = f; }}"
        for name, out in names.items()
    )
    body = KernelBody(tuple(names.values()), (), "\n".join((*code, "y = x; events = 0;")))
    empty = {out: torch.zeros_like(drive) for out in names.values()}
    _, after, _ = run_kernel("native", Kernel(body, {}), drive[None], empty, None)
    return {name: after[out] for name, out in names.items()}


@needs_native
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_the_c_code_computes_what_torch_does_with_every_argument(dtype: torch.dtype) -> None:
    edges = torch.tensor([0.0, -0.0, -3.0, 3.0, 6.0, -0.5, 0.7, 1e-40, -1e-40, -torch.inf, torch.inf, torch.nan])
    drive = torch.cat([edges.to(dtype), 3 * noise(10_000).to(dtype)])
    finite = drive.nan_to_num(1.0, 9.0, -9.0)  # torch's gelu of infinity is NaN in 32 bits
    for name, output in in_c(drive).items():
        if name in EXACT:
            assert same(output, sites()[name].function(drive)), name
    for name, output in in_c(finite).items():
        torch.testing.assert_close(output, sites()[name].function(finite), msg=name)


@needs_native
def test_networks_with_rrelu_converge_on_every_backend() -> None:
    network = seeded(lambda: nn.Sequential(nn.Linear(6, 12), nn.RReLU(0.1, 0.9), nn.Linear(12, 3))).double().eval()
    inputs = noise(64, 6)
    graph = capture(network, (inputs[:2],))
    expected = graph(inputs)
    for backend in ("native", "reference"):
        plan, resources = place(graph, (Rule("*", Tracking()),)), Resources(backend=backend)
        output = Direct().convert(graph, plan, [(inputs,)], 256, resources)(inputs)
        assert (output - expected).norm() < 2e-3 * (expected - expected.mean(0)).norm(), backend


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "silu", "hardswish", "gelu", "elu", "mish", "softplus"])
def test_a_clipped_burst_is_made_up_for_by_later_timesteps(name: str) -> None:
    mean, theta = 2 * noise(6, 5), torch.tensor(0.1, dtype=torch.float64)
    early = torch.full((64, 1, 1), -36 / 62, dtype=torch.float64)
    early[:2] = 50  # far too much at first; over all timesteps the mean is the usual one
    neuron = TrackingNeuron(SiteStats(theta), FUNCTIONS[name], 80)
    sent = neuron(early * mean)
    assert neuron.events(sent).max() == 80
    assert bool(((sent.sum(0) - 64 * FUNCTIONS[name](mean)).abs() <= theta / 2 * (1 + 1e-9)).all())


@pytest.mark.parametrize("timesteps", [1, 2, 8])
@pytest.mark.parametrize("burst", [1, 4])
def test_constant_input_gives_the_closed_form(timesteps: int, burst: int) -> None:
    limit = burst * 32  # |a| <= φ·θ: no burst is clipped
    activation = torch.arange(-limit, limit + 1, dtype=torch.float64) / 64
    neuron = TrackingNeuron(SiteStats(HALF), lambda x: x, burst)
    mean = neuron(activation.expand(timesteps, 1, -1)).mean(0)[0]
    assert torch.equal(mean, Tracking(phi=burst).quantise(activation, HALF, timesteps))


def test_a_burst_holds_at_most_phi_spikes_of_either_sign() -> None:
    neuron = TrackingNeuron(SiteStats(HALF), lambda x: x, 3)
    output = neuron(100 * noise(10, 4, 4))
    assert neuron.events(output).max() == 3
    assert output.min() == -1.5


def test_negative_spikes_take_back_what_was_emitted_too_early() -> None:
    drive = torch.tensor([4.0, -4.0, 0.0, 0.0], dtype=torch.float64).view(4, 1, 1)
    output = TrackingNeuron(SiteStats(HALF), torch.relu, 8)(drive)
    assert output.flatten().tolist() == [4.0, -4.0, 0.0, 0.0]


def test_negative_spikes_are_events() -> None:
    neuron = TrackingNeuron(SiteStats(HALF), torch.relu, 8)
    drive = torch.tensor([4.0, -4.0], dtype=torch.float64).view(2, 1, 1)
    assert neuron.events(neuron(drive)).flatten().tolist() == [8, 8]


def test_threshold_is_the_largest_magnitude_over_phi() -> None:
    observer = Tracking(phi=8).observer(Site("s", "s", "relu", torch.relu, (None, 3), channel=1))
    observer.update(torch.tensor([[1.0, -4.0, 2.0]]))
    observer.update(torch.tensor([[1.0, -1.0, 2.0]]))
    assert observer.stats().threshold.tolist() == [[0.5]]


def test_samples_do_not_influence_each_other() -> None:
    drive = noise(8, 5, 3)
    whole, alone = TrackingNeuron(SiteStats(HALF), F.silu, 4), TrackingNeuron(SiteStats(HALF), F.silu, 4)
    assert torch.equal(whole(drive)[:, 2:3], alone(drive[:, 2:3]))
