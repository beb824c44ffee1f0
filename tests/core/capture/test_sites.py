from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from networks import noise, seeded
from snnfw.capture.export import capture
from snnfw.conversion.direct import Direct
from snnfw.errors import SnnfwError
from snnfw.planning.kinds import Kind
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.values import Keep, Resources
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.tracking import Tracking


@torch.library.custom_op("snnfw_activation::clipped", mutates_args=())
def clipped(x: Tensor, limit: Tensor, slope: float) -> Tensor:
    """Multiply by the slope and cut off above the limit and below zero."""
    return torch.minimum((slope * x).clamp(min=0), limit)


@clipped.register_fake
def _(x: Tensor, limit: Tensor, slope: float) -> Tensor:
    del limit, slope
    return torch.empty_like(x)


@torch.library.custom_op("snnfw_activation::halved", mutates_args=())
def halved(x: Tensor) -> Tensor:
    """Leave out half of the elements, which no activation does."""
    return x[:, ::2].clone()


@halved.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x[:, ::2])


@torch.library.custom_op("snnfw_activation::silu", mutates_args=())
def silu(x: Tensor) -> Tensor:
    """Compute something else than torch's SiLU."""
    return x.clamp(0, 1)


@silu.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


class Clipped(nn.Module):
    """Learn the limit of each channel, through a function that keeps it positive."""

    def __init__(self) -> None:
        super().__init__()
        self.raw = nn.Parameter(torch.linspace(-0.5, 0.5, 6).view(6, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation."""
        limit: Tensor = F.softplus(self.raw)
        return clipped(x, limit, slope=0.75)  # type: ignore[no-any-return]  # custom_op erases the type


class Net(nn.Module):
    """Two of somebody's own activations, the second between operators that read streams."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(2, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.relu, self.act, self.act2 = nn.ReLU(), Clipped(), Clipped()
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, 3]."""
        x = self.relu(self.act2(self.conv2(self.act(self.conv1(x)))))
        return self.head(x.mean((2, 3)))  # type: ignore[no-any-return]  # Linear


def net() -> nn.Module:
    return seeded(Net).double().eval()


def test_a_custom_operator_of_the_namespace_is_a_site_named_after_the_operator_and_the_module() -> None:
    graph = capture(net(), (noise(3, 2, 5, 5),))
    assert [(site.name, site.activation, site.channel) for site in graph.sites] == [
        ("act", "clipped", 1),
        ("act2", "clipped", 1),
        ("relu", "relu", 1),
    ]
    assert [graph.macs[site.node] for site in graph.sites] == [0, 0, 0]


def test_its_parameters_are_bound_even_where_the_network_computes_them() -> None:
    model, x = net(), noise(3, 6, 5, 5)
    site = capture(model, (noise(3, 2, 5, 5),)).sites[0]
    limit, slope = site.arguments
    assert torch.equal(limit, F.softplus(model.get_parameter("act.raw")))
    assert slope == 0.75
    assert torch.equal(site.function(x), model.get_submodule("act")(x))


def test_parameters_of_torchs_own_activations_are_bound_too() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.PReLU(init=0.125), nn.Linear(4, 2)).eval()
    (site,) = capture(model, (noise(3, 4).float(),)).sites
    assert [tensor.tolist() for tensor in site.arguments] == [[0.125]]


def test_a_neuron_for_any_activation_stands_in_for_it() -> None:
    model, inputs = net(), noise(4, 2, 5, 5)
    graph = capture(model, (inputs,))
    output = Direct().convert(graph, place(graph, (Rule("*", Tracking()),)), [(inputs,)], 256, Resources())(inputs)
    wanted = model(inputs).detach()
    assert float((output - wanted).norm() / (wanted - wanted.mean(0)).norm()) < 0.05


def test_kept_in_the_middle_it_is_analog_and_exact_in_the_mean() -> None:
    inputs = noise(4, 2, 5, 5)
    graph = capture(net(), (inputs,))
    plan = place(graph, (Rule("act2", Keep()), Rule("*", Tracking())))
    kinds = [fate.kind for fate in plan.fates.values() if fate.operator == "clipped"]
    assert kinds == [Kind.SPIKING, Kind.ANALOG]


def test_a_neuron_for_another_activation_is_refused_by_its_name() -> None:
    with pytest.raises(SnnfwError) as raised:
        place(capture(net(), (noise(4, 2, 5, 5),)), (Rule("*", IntegrateAndFire()),))
    assert str(raised.value) == (
        "neuron 'if' stands in for relu and not for the clipped at 'act': give that site a rule of its own, with "
        "neuron tracking or keep."
    )


class Applied(nn.Module):
    """Apply a function of the input."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """Return whatever the function returns."""
        return self.function(x)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            halved,
            "operator 'snnfw_activation.halved' is no activation: its first argument must be a tensor, and its result "
            "one tensor of the same shape.",
        ),
        (
            lambda x: clipped(x, x.amax(1, keepdim=True), 1.0),
            "activation 'clipped' at 'the top of the network' has a parameter that depends on the input: only its "
            "first argument may.",
        ),
        (
            silu,
            "operator 'snnfw_activation.silu' has the name of torch's own 'silu', for which neurons know what to "
            "compute: give it another name.",
        ),
    ],
)
def test_operators_that_are_no_activations_are_refused(function: Callable[[Tensor], Tensor], message: str) -> None:
    with pytest.raises(SnnfwError) as raised:
        capture(Applied(function).eval(), (noise(3, 4),))
    assert str(raised.value) == message
