"""Every activation that a neuron can stand in for, called with every argument that it takes, as capture finds it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.torch_version import TorchVersion

from snnfw.capture.export import capture
from snnfw.capture.sites import IDENTITY
from snnfw.values import Site

aten = torch.ops.aten

Call = Callable[[Tensor], Tensor]

EXACT: Mapping[str, Call] = {
    "relu": F.relu,
    "relu6": F.relu6,
    "hardtanh(0, 6)": lambda x: F.hardtanh(x, 0, 6),
    "hardtanh": F.hardtanh,
    "hardtanh(-0.5, 0.7)": lambda x: F.hardtanh(x, -0.5, 0.7),
    "hardtanh(max_val=2)": lambda x: aten.hardtanh(x, max_val=2),
    "hardtanh(max_val=2, min_val=0)": lambda x: aten.hardtanh(x, max_val=2.0, min_val=0.0),
    "leaky_relu": F.leaky_relu,
    "leaky_relu(0.3)": lambda x: F.leaky_relu(x, 0.3),
    "leaky_relu(negative_slope=-0.5)": lambda x: aten.leaky_relu(x, negative_slope=-0.5),
    "leaky_relu(0)": lambda x: F.leaky_relu(x, 0),
    "nn.LeakyReLU(2)": nn.LeakyReLU(2),
    "rrelu": F.rrelu,
    "rrelu(upper=0.5)": lambda x: aten.rrelu(x, upper=0.5),
    "nn.RReLU(0.1, 0.9)": nn.RReLU(0.1, 0.9),
    "hardswish": F.hardswish,
    "hardsigmoid": F.hardsigmoid,
    "identity": lambda x: x,
}
"""Those whose C code computes the very numbers that torch computes."""

ROUNDED: Mapping[str, Call] = {
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu(approximate='none')": lambda x: aten.gelu(x, approximate="none"),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}
"""Those whose C code computes a transcendental function, of which torch has another approximation."""

WITHOUT: Mapping[str, Call] = {
    "gelu(approximate='tanh')": lambda x: F.gelu(x, approximate="tanh"),
    **({"hardtanh(2, 1)": lambda x: aten.hardtanh(x, 2.0, 1.0)} if TorchVersion(torch.__version__) >= "2.12" else {}),
    "hardtanh(max_val=inf)": lambda x: F.hardtanh(x, 0.0, torch.inf),
    "elu": F.elu,
    "elu(0.3)": lambda x: F.elu(x, 0.3),
    "elu(scale=2)": lambda x: aten.elu(x, scale=2.0),
    "elu(input_scale=2)": lambda x: aten.elu(x, input_scale=2.0),
    "celu": F.celu,
    "celu(0.3)": lambda x: F.celu(x, 0.3),
    "selu": F.selu,
    "mish": F.mish,
    "softplus": F.softplus,
    "softplus(2, 3)": lambda x: F.softplus(x, 2, 3),
    "softplus(threshold=1)": lambda x: aten.softplus(x, threshold=1.0),
    "nn.PReLU()": nn.PReLU(),
    "nn.PReLU(6)": nn.PReLU(6),
}
"""Those that have no C code: the reference runs. Before 2.12, torch.export refuses bounds in the wrong order."""

CALLS: Mapping[str, Call] = {name: call for name, call in {**EXACT, **ROUNDED, **WITHOUT}.items() if name != "identity"}
"""Those that a network calls; an identity is offered in front of its layers, which read one input here."""


class All(nn.Module):
    """Call every activation on a tensor of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(6, 6) for _ in CALLS)
        self.modules_called = nn.ModuleList(call for call in CALLS.values() if isinstance(call, nn.Module))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return [N, 6] for each."""
        return [call(layer(x)) for call, layer in zip(CALLS.values(), self.layers, strict=True)]


@functools.cache
def sites() -> Mapping[str, Site]:
    """Return the site of each call."""
    graph = capture(All().double().eval(), (torch.randn(3, 6, dtype=torch.float64),))
    order = [node.name for node in graph.nodes]
    found = sorted((*graph.sites, *graph.gates), key=lambda site: order.index(site.node))
    encoder = next(site for site in found if site.activation == IDENTITY)
    return {IDENTITY: encoder, **dict(zip(CALLS, (site for site in found if site is not encoder), strict=True))}
