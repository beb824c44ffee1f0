from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from networks import MaskedAttention, captured, converted, noise, seeded, small_swin, small_vit, unlike
from snnfw.capture import export
from snnfw.capture.export import capture
from snnfw.capture.graph import Graph
from snnfw.capture.sites import overload_packet
from snnfw.conversion.direct import Direct
from snnfw.errors import SnnfwError
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.spiking.model import SpikingModel
from snnfw.values import Resources
from snnfw_plugins.tracking import Tracking

aten = torch.ops.aten
sdpa = F.scaled_dot_product_attention

CAUSAL = torch.ones(5, 5, dtype=torch.bool).tril()
BLIND = CAUSAL.clone()
BLIND[2] = False
"""A mask by which the third query sees nothing."""
LINEAR_BIAS = -0.3 * torch.arange(5, dtype=torch.float64).expand(5, 5)
KEYS, WEIGHT = noise(1, 4, 7, 3), noise(2, 5, 3)


class Between(nn.Module):
    """Attention of three streams of four heads, [N, 4, 5, 3], between neurons."""

    def __init__(self, attend: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.project, self.last = nn.Linear(12, 12), nn.Linear(12, 36), nn.Linear(12, 4)
        self.attend = attend

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, 5, 4] from [N, 5, 12]."""
        q, k, v = self.project(F.relu(self.first(x))).unflatten(2, (3, 4, 3)).permute(2, 0, 3, 1, 4).unbind(0)
        return self.last(F.relu(self.attend(4 * q, k, v).transpose(1, 2).flatten(2)))  # type: ignore[no-any-return]


class Heads(nn.Module):
    """torch's own module between neurons; ``hide`` makes the keys of a sample that its input is small at invisible."""

    def __init__(self, weights: bool = False, hide: bool = False, mask: Tensor | None = None, **given: Any) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(12, 12), nn.Linear(12, 4)
        self.attention = nn.MultiheadAttention(12, 4, **{"batch_first": True, **given})
        self.weights, self.hide, self.mask = weights, hide, mask

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, 5, 4] from [N, 5, 12]."""
        tokens = F.relu(self.first(x))
        if not self.attention.batch_first:
            tokens = tokens.transpose(0, 1)
        hidden = x[:, :, 0] < -0.5 if self.hide else None
        attended, _ = self.attention(
            tokens, tokens, tokens, key_padding_mask=hidden, need_weights=self.weights, attn_mask=self.mask
        )
        return self.last(F.relu(attended if self.attention.batch_first else attended.transpose(0, 1)))  # type: ignore[no-any-return]


def by_hand(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return (q @ k.transpose(-2, -1) / math.sqrt(3) + LINEAR_BIAS).softmax(-1) @ v


def by_einsum(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return torch.einsum("nhls,nhse->nhle", torch.einsum("nhle,nhse->nhls", q, k).softmax(-1), v)


WAYS: dict[str, Callable[[], nn.Module]] = {
    "alone": lambda: Between(sdpa),
    "scale": lambda: Between(lambda q, k, v: sdpa(q, k, v, scale=0.7)),
    "named arguments": lambda: Between(lambda q, k, v: sdpa(query=q, key=k, value=v, dropout_p=0.0)),
    "causal": lambda: Between(lambda q, k, v: sdpa(q, k, v, is_causal=True)),
    "causal, more keys": lambda: Between(lambda q, k, v: sdpa(q[:, :, 1:], k, v, is_causal=True)),
    "boolean mask": lambda: Between(lambda q, k, v: sdpa(q, k, v, attn_mask=CAUSAL)),
    "boolean mask, a row hidden": lambda: Between(lambda q, k, v: sdpa(q, k, v, attn_mask=BLIND)),
    "float mask": lambda: Between(lambda q, k, v: sdpa(q, k, v, attn_mask=LINEAR_BIAS)),
    "float mask, a row hidden": lambda: Between(
        lambda q, k, v: sdpa(q, k, v, attn_mask=LINEAR_BIAS.masked_fill(~BLIND, -math.inf))
    ),
    "heads that share keys": lambda: Between(lambda q, k, v: sdpa(q, k[:, :2], v[:, 2:], enable_gqa=True)),
    "heads that share keys, masked": lambda: Between(
        lambda q, k, v: sdpa(q, k[:, :1], v[:, :1], enable_gqa=True, attn_mask=BLIND)
    ),
    "a mask repeated for each sample": lambda: Between(
        lambda q, k, v: sdpa(q, k, v, attn_mask=BLIND.expand(q.shape[0], 1, 5, 5))
    ),
    "a mask of each sample": lambda: Between(
        lambda q, k, v: sdpa(q, k, v, attn_mask=(q[..., :1] > 0) | (k[..., 0] > 0).unsqueeze(-2))
    ),
    "a mask of each sample, scores far apart": lambda: Between(
        lambda q, k, v: sdpa(500 * q, k, v, attn_mask=q @ k.transpose(2, 3) < 0)
    ),
    "a bias of each sample": lambda: Between(lambda q, k, v: sdpa(q, k, v, attn_mask=q @ v.transpose(2, 3))),
    "a bias of each sample, a row hidden": lambda: Between(
        lambda q, k, v: sdpa(q, k, v, attn_mask=(q @ v.transpose(2, 3)).masked_fill(~BLIND, -math.inf))
    ),
    "keys of all samples": lambda: Between(lambda q, k, v: sdpa(q, KEYS, KEYS[:, :1])),
    "queries of all samples": lambda: Between(lambda q, k, v: sdpa(KEYS[0, 0], k, v)),
    "by hand": lambda: Between(by_hand),
    "by einsum": lambda: Between(by_einsum),
    "module": Heads,
    "module, weights too": lambda: Heads(weights=True),
    "module, batch second": lambda: Heads(batch_first=False),
    "module, batch second, weights too": lambda: Heads(batch_first=False, weights=True),
    "module, more keys": lambda: Heads(add_bias_kv=True, add_zero_attn=True),
    "module, masked": lambda: Heads(mask=~CAUSAL),
    "module, masked, weights too": lambda: Heads(mask=~CAUSAL, weights=True),
    "module, keys hidden": lambda: Heads(hide=True),
    "module, keys hidden, weights too": lambda: Heads(hide=True, mask=~CAUSAL, weights=True, add_zero_attn=True),
}
TOKENS = noise(4, 5, 12)
IMAGES = {"ViT": (small_vit, unlike(3, 3, 32, 32)), "Swin": (small_swin, unlike(3, 3, 16, 16))}
NETWORKS = {name: (build, TOKENS) for name, build in WAYS.items()} | IMAGES


@pytest.fixture(scope="module", params=NETWORKS)
def pair(request: pytest.FixtureRequest) -> tuple[nn.Module, Graph, Tensor]:
    build, x = NETWORKS[request.param]
    network = seeded(build).eval().double()
    return network, capture(network, (x,)), x


Pair = tuple[nn.Module, Graph, Tensor]


def test_pieces_compute_what_the_network_does(pair: Pair) -> None:
    network, graph, x = pair
    other = x.flip(0)[:2] * 1.5
    with torch.no_grad():
        torch.testing.assert_close(graph(other), network(other), rtol=1e-10, atol=1e-10)


def test_pieces_have_the_macs_that_torch_counts(pair: Pair) -> None:
    network, graph, x = pair
    counter = FlopCounterMode(display=False)
    with counter, sdpa_kernel(SDPBackend.MATH):  # the only one that is counted on a CPU
        network(x)
    assert sum(graph.macs.values()) == counter.get_total_flops() // 2 // len(x)


def test_every_product_of_streams_is_an_operator_of_its_own(pair: Pair) -> None:
    _, graph, _ = pair
    operators = [overload_packet(node) for node in graph.nodes]
    assert aten.softmax in operators
    assert not {aten.scaled_dot_product_attention, aten.baddbmm} & set(operators)


def outputs(model: SpikingModel, x: Tensor, *chunks: int) -> list[Any]:
    model.begin((x,))
    found = []
    for steps in chunks:
        model.advance(steps)
        found.append(model.read())
    return found


def test_chunks_equal_a_whole_run(pair: Pair) -> None:
    _, graph, x = pair
    model = converted(graph, Tracking(), x, 5)
    parts, (whole,) = outputs(model, x, 1, 3, 1), outputs(model, x, 5)
    assert bool(whole.isfinite().all())
    torch.testing.assert_close(parts[-1], whole, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["alone", "boolean mask, a row hidden", "module, keys hidden", "ViT"])
def test_a_rate_coded_network_gives_the_same_with_pieces_and_without(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    build, x = NETWORKS[name]
    pieces = captured(build, x)
    monkeypatch.setattr(export, "unfuse", lambda _: None)
    whole = captured(build, x)
    assert aten.scaled_dot_product_attention in map(overload_packet, whole.nodes)
    assert sum(pieces.macs.values()) == sum(whole.macs.values())
    ours, theirs = (outputs(converted(graph, Tracking(), x, 6), x, 1, 1, 4) for graph in (pieces, whole))
    for mine, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, their, rtol=1e-9, atol=1e-9)


def test_pieces_are_found_at_the_module_of_what_they_are_pieces_of() -> None:
    graph = captured(small_vit, noise(2, 3, 32, 32))
    found = {graph.paths[node.name] for node in graph.nodes if overload_packet(node) in (aten.softmax, aten.matmul)}
    assert found == {f"encoder.layers.encoder_layer_{layer}.self_attention" for layer in range(2)}


def test_heads_share_a_key_that_nobody_has_copied() -> None:
    graph = captured(WAYS["heads that share keys"], TOKENS)
    products = [node for node in graph.nodes if overload_packet(node) is aten.matmul]
    keys = [product.args[1].meta["val"].shape[1:] for product in products]  # type: ignore[union-attr]
    assert [tuple(shape) for shape in keys] == [(2, 1, 3, 5), (2, 1, 5, 3)]


def test_a_mask_that_always_shows_something_costs_nothing_behind_the_softmax() -> None:
    graph = captured(WAYS["boolean mask"], TOKENS)
    (softmax,) = (node for node in graph.nodes if overload_packet(node) is aten.softmax)
    (encoder,) = softmax.users
    assert [overload_packet(user) for user in encoder.users] == [aten.matmul]


def test_attention_that_stays_whole_is_charged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "unfuse", lambda _: None)
    graph = captured(WAYS["heads that share keys"], TOKENS)
    (node,) = (node for node in graph.nodes if overload_packet(node) is aten.scaled_dot_product_attention)
    assert graph.macs[node.name] == 4 * 5 * 5 * (3 + 3)


def test_masks_may_change_with_every_frame() -> None:
    graph = captured(MaskedAttention, noise(3, 5, 6))
    still = noise(3, 5, 6, seed=1)
    frames = still.unsqueeze(1).repeat(1, 256, 1, 1)
    frames[2] = noise(256, 5, 6)
    plan = place(graph, (Rule("*", Tracking()),), temporal=True)
    model = Direct().convert(graph, plan, [(frames,)], 256, Resources())
    (found,) = outputs(model, frames, 256)
    assert bool(found.isfinite().all())
    torch.testing.assert_close(found[:2], graph(still)[:2], rtol=0, atol=0.01)


def test_attention_with_dropout_is_refused_by_its_own_name() -> None:
    with pytest.raises(SnnfwError, match="'scaled_dot_product_attention' at 'the top of the network' draws numbers"):
        captured(lambda: Between(lambda q, k, v: sdpa(q, k, v, dropout_p=0.5)), TOKENS)


def test_masks_follow_a_graph_to_half_precision() -> None:
    network = seeded(WAYS["boolean mask, a row hidden"]).eval()
    x = TOKENS.float()
    model = converted(capture(network, (x,)), Tracking(), x, 4).bfloat16()
    (found,) = outputs(model, x.bfloat16(), 4)
    assert found.dtype is torch.bfloat16
    assert bool(found.isfinite().all())


def product(alpha: float, beta: float) -> Callable[[Tensor], Tensor]:
    return lambda s: torch.baddbmm(s - 1, s, s.transpose(1, 2), alpha=alpha, beta=beta)


FUSED: dict[str, tuple[Callable[[Tensor], Tensor], list[Any], int]] = {
    "baddbmm": (product(1, 1), [aten.bmm, aten.add], 5 * 5 * 5),
    "baddbmm, weighted": (product(0.5, 2), [aten.bmm, aten.mul, aten.mul, aten.add], 5 * 5 * 5),
    "baddbmm, nothing added": (product(0.5, 0), [aten.bmm, aten.mul], 5 * 5 * 5),
    "bilinear": (
        lambda s: F.bilinear(s, s[..., :3], WEIGHT.to(s)),
        [aten.linear, aten.unflatten, aten.unsqueeze, aten.matmul, aten.squeeze],
        5 * (2 * 5 * 3 + 2 * 3),
    ),
    "bilinear with a bias": (
        lambda s: F.bilinear(s, s[..., :3], WEIGHT.to(s), WEIGHT[:, 0, 0].to(s)),
        [aten.linear, aten.matmul, aten.add],
        5 * (2 * 5 * 3 + 2 * 3),
    ),
    "einsum": (lambda s: torch.einsum("nij,nkj,nkl->nil", s, s, s[..., :3]), [aten.einsum] * 2, 5 * 5 * 5 + 5 * 5 * 3),
    "einsum of four": (
        lambda s: torch.einsum("nij, nkj, nkl, lm -> nim", s, s, s, WEIGHT[0].to(s)),
        [aten.einsum] * 3,
        5 * 5 * 5 + 5 * 5 * 5 + 5 * 5 * 3,
    ),
}


class Calls(nn.Module):
    def __init__(self, call: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.call = call

    def forward(self, x: Tensor) -> Tensor:
        """Return what the call makes of spikes, as spikes."""
        return F.relu(self.call(F.relu(x)))


@pytest.mark.parametrize("name", FUSED)
def test_other_operators_with_a_product_of_streams_are_taken_apart(name: str) -> None:
    call, pieces, macs = FUSED[name]
    x = noise(3, 5, 5)
    graph = captured(lambda: Calls(call), x)
    found = [overload_packet(node) for node in graph.nodes if node.op == "call_function"]
    assert [operator for operator in found if operator in {*pieces, aten.baddbmm, aten.bilinear}] == pieces
    assert all(len(node.all_input_nodes) <= 2 for node in graph.nodes if overload_packet(node) is aten.einsum)
    assert sum(graph.macs.values()) == macs
    torch.testing.assert_close(graph(2 * x), Calls(call)(2 * x), rtol=1e-12, atol=1e-12)
