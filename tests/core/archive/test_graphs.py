from __future__ import annotations

import json
import math
import operator
from typing import Any

import pytest
import sympy
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils import _pytree as pytree
from torch.utils._sympy.functions import FloorDiv, Mod

from networks import ConvNet, InnerBatch, MaskedAttention, captured, noise, seeded, small_vit
from snnfw.archive.arguments import decode, encode
from snnfw.archive.graphs import graph_to_plain, plain_to_graph
from snnfw.archive.operators import PYTHON, name_to_operator, operator_to_name
from snnfw.archive.sizes import SAMPLES, decode_size, encode_size
from snnfw.capture.export import capture
from snnfw.capture.graph import Graph
from snnfw.errors import SnnfwError
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.values import Keep

aten = torch.ops.aten


class Several(nn.Module):
    """Results of every kind, a maximum with its places, a size, and functions that take more than tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.slopes = nn.PReLU(4)
        self.register_buffer("mask", torch.arange(4.0) - 1.5)

    def forward(self, x: Tensor) -> tuple[Any, ...]:
        """Return [N, ...] in a tuple, a list and a mapping."""
        values, places = x.max(2)
        low, high = self.slopes(x).chunk(2, 1)
        ones = torch.ones(x.shape[0], 2, dtype=x.dtype)
        flat = x.flatten(1) * math.inf
        return values, [low.relu(), F.gelu(high, approximate="tanh")], {"at": places, 1: ones}, flat.clamp(max=3.0)


INNER = (5, 6)
NETWORKS: dict[str, Any] = {
    "convolutions": lambda: (seeded(ConvNet).double(), noise(3, 3, 8, 8)),
    "windows in the batch": lambda: (seeded(InnerBatch).double(), noise(3, *INNER)),
    "a transformer": lambda: (seeded(small_vit).double(), noise(2, 3, 32, 32)),
    "masks in attention": lambda: (seeded(MaskedAttention).double(), noise(3, *INNER)),
    "results of every kind": lambda: (Several().double(), noise(3, 4, 6)),
}


def equal(ours: Any, theirs: Any) -> bool:
    left, right = pytree.tree_leaves(ours), pytree.tree_leaves(theirs)
    return pytree.tree_structure(ours) == pytree.tree_structure(theirs) and all(map(torch.equal, left, right))


def there_and_back(graph: Graph) -> Graph:
    plain, tensors = graph_to_plain(graph)
    text = json.dumps(plain, allow_nan=False)
    return plain_to_graph(json.loads(text), {name: value.clone() for name, value in tensors.items()})


@pytest.mark.parametrize("name", NETWORKS)
def test_a_graph_comes_back_as_it_was(name: str) -> None:
    model, x = NETWORKS[name]()
    graph = capture(model.eval(), (x,))
    again = there_and_back(graph)
    for samples in (x, torch.cat([x, x.flip(0)])):
        assert equal(again(samples), graph(samples))
    assert again.where == graph.where
    assert (again.macs, again.elements, again.paths) == (graph.macs, graph.elements, graph.paths)
    assert (again.sites, again.gates) == (graph.sites, graph.gates)
    assert {key: size(7) for key, size in again.sizes.items()} == {key: size(7) for key, size in graph.sizes.items()}
    ours, theirs = (place(each, (Rule("*", Keep()),)) for each in (again, graph))
    assert ours.fates.keys() == theirs.fates.keys()
    assert [fate.kind for fate in ours.fates.values()] == [fate.kind for fate in theirs.fates.values()]
    assert (ours.carriers, ours.silent) == (theirs.carriers, theirs.silent)


def test_the_tensors_of_a_graph_that_was_read_are_its_own() -> None:
    graph = captured(ConvNet, noise(2, 3, 8, 8))
    plain, tensors = graph_to_plain(graph)
    again = plain_to_graph(plain, {name: value.clone() for name, value in tensors.items()})
    expected = again(noise(2, 3, 8, 8))
    with torch.no_grad():
        for value in tensors.values():
            value.zero_()
    assert torch.equal(again(noise(2, 3, 8, 8)), expected)


VALUES = [
    None, True, 3, -(2**62), "none", 0.1, math.inf, -math.inf, [1, [2.5, None]], (1, (2,)), slice(1, None, 2), Ellipsis,
    torch.float16, torch.int64, torch.strided, torch.channels_last, torch.preserve_format,
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_arguments_come_back(value: Any) -> None:
    found = decode(json.loads(json.dumps(encode(value), allow_nan=False)), {})
    assert found == value
    assert type(found) is type(value)


def test_what_is_no_argument_is_refused() -> None:
    assert math.isnan(decode(encode(math.nan), {}))
    assert decode(encode(torch.device("cuda:1")), {}) == torch.device("cpu"), "what is stored is stored on the CPU"
    with pytest.raises(SnnfwError, match="an argument of kind complex|of kind complex cannot be saved"):
        encode(1j)
    wrong: list[Any] = [{"code": "print()"}, {"float": "0x1p0", "list": []}, [], 1.5]
    for written in wrong:
        with pytest.raises(SnnfwError, match="is no argument of an operator|is not known"):
            decode(written, {})


N = sympy.Symbol("s77", integer=True, positive=True)
SIZES = [
    N,
    3 * N,
    N**2 + 1,
    FloorDiv(N + 1, 2),
    Mod(N, 3),
    sympy.Rational(1, 2) * N,
    sympy.Eq(N, 4),
    sympy.Max(N, 2),
    sympy.true,
]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_sizes_come_back(size: Any) -> None:
    found = decode_size(json.loads(json.dumps(encode_size(size))))
    for samples in (1, 2, 5):
        value = size.subs(N, samples) if hasattr(size, "subs") else size
        assert (found.subs(SAMPLES, samples) if hasattr(found, "subs") else found) == value


def test_sizes_are_never_text_that_is_evaluated() -> None:
    wrong: list[Any] = ["__import__('os')", ["sympify", "1"], ["Add", "x.y"], {}, [], None, nested(60)]
    for written in wrong:
        with pytest.raises(SnnfwError, match="is no size|is not known"):
            decode_size(written)


def nested(depth: int) -> Any:
    return ["Add", nested(depth - 1), 1] if depth else "N"


ALLOWED = [aten.conv2d.default, aten.max_pool2d.default, aten.arange.default, aten.einsum.default, operator.getitem]
FORBIDDEN = [
    aten.relu_.default, aten.from_file.default, aten.copy_.default, torch.ops.prims.rand.default
    if hasattr(torch.ops.prims, "rand") else aten.add_.Tensor, print, eval, torch.load, operator.methodcaller,
]  # fmt: skip


def test_a_file_may_name_what_computes_and_nothing_else() -> None:
    for target in [*ALLOWED, *PYTHON.values()]:
        assert name_to_operator(operator_to_name(target)) is target
    for target in FORBIDDEN:
        with pytest.raises(SnnfwError, match="cannot be saved"):
            operator_to_name(target)
    names = [
        "aten.relu_.default", "aten.from_file.default", "aten.__class__.mro", "aten.conv2d.__call__", "aten.conv2d",
        "prims.rand.default", "python.eval", "os.system", "torch.load", "aten.conv2d.default.x", "", 3, None, ["aten"],
    ]  # fmt: skip
    for name in names:
        with pytest.raises(SnnfwError, match="is not allowed"):
            name_to_operator(name)


@torch.library.custom_op("archive_tests::twice", mutates_args=())
def twice(x: Tensor) -> Tensor:
    """Return twice the input."""
    return x * 2


@twice.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


class Custom(nn.Module):
    """A network with an operator of its own."""

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, 3]."""
        result: Tensor = twice(x).relu()
        return result


def test_a_network_with_operators_of_its_own_says_which() -> None:
    with pytest.raises(SnnfwError, match=r"operator 'archive_tests.twice.default' cannot be saved"):
        graph_to_plain(capture(Custom().eval(), (noise(2, 3),)))
