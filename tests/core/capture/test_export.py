from __future__ import annotations

from copy import deepcopy
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from networks import ConvNet, InnerBatch, InPlaceReuse, MixesSamples, captured, estimated, noise, seeded
from snnfw.capture.export import _export, capture
from snnfw.capture.graph import BatchDim
from snnfw.capture.survey import operator_name
from snnfw.errors import SnnfwError


def test_graph_computes_what_the_network_computes_at_other_batch_sizes() -> None:
    x = noise(2, 3, 8, 8)
    model = estimated(seeded(ConvNet), x).double()
    graph = capture(model, (x,))
    for samples in (1, 3, 7):
        other = noise(samples, 3, 8, 8, seed=samples)
        torch.testing.assert_close(graph(other), model(other), rtol=1e-10, atol=1e-10)


def test_nodes_are_found_once_and_anew_in_a_copy() -> None:
    x = noise(2, 3, 8, 8)
    graph = captured(ConvNet, x)
    copy = deepcopy(graph)
    assert graph.nodes is graph.nodes
    assert copy.nodes == tuple(copy.module.graph.nodes)
    assert set(copy.nodes).isdisjoint(graph.nodes)
    torch.testing.assert_close(copy(x), graph(x), rtol=0, atol=0)


def test_batch_norms_are_folded_into_the_layer_before_them() -> None:
    graph = captured(ConvNet, noise(2, 3, 8, 8))
    assert "norm" not in " ".join(operator_name(node) for node in graph.nodes)
    constants = [node for node in graph.nodes if node.op == "get_attr"]
    held = {node.name: getattr(graph.module, str(node.target), None) for node in constants if "folded" in node.name}
    assert set(held) == {f"conv2d{number}_folded_{part}" for number in ("", "_1") for part in ("bias", "weight")}
    for node in constants:  # who adds a constant is told by what is known of it
        value: Any = held.get(node.name, node.meta["val"])
        assert (node.meta["val"].shape, node.meta["val"].dtype) == (value.shape, torch.float64)


def test_a_batch_norm_without_a_layer_of_its_own_stays_one_affine_operator() -> None:
    class PreActivation(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.bn = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.conv(x)
            return torch.relu(self.bn(y)) + y

    x = noise(2, 3, 4, 4)
    model = estimated(seeded(PreActivation), x).double()
    graph = capture(model, (x,))
    assert [operator_name(node) for node in graph.nodes].count("batch_norm") == 1
    torch.testing.assert_close(graph(x), model(x))


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("layer", ["linear", "conv1d", "conv_transpose2d"])
def test_every_kind_of_layer_folds(layer: str, affine: bool) -> None:
    built: dict[str, tuple[nn.Sequential, Tensor]] = {
        "linear": (nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4, affine=affine), nn.ReLU()), noise(2, 6)),
        "conv1d": (nn.Sequential(nn.Conv1d(3, 4, 3), nn.BatchNorm1d(4, affine=affine), nn.ReLU()), noise(2, 3, 9)),
        "conv_transpose2d": (
            nn.Sequential(nn.ConvTranspose2d(3, 4, 2, bias=False), nn.BatchNorm2d(4, affine=affine), nn.ReLU()),
            noise(2, 3, 5, 5),
        ),
    }
    network, x = built[layer]
    for parameter in network[1].parameters():  # gain and shift
        nn.init.uniform_(parameter, 0.5, 2, generator=torch.Generator().manual_seed(1))
    model = estimated(network, x).double()
    graph = capture(model, (x,))
    assert "batch_norm" not in [operator_name(node) for node in graph.nodes]
    torch.testing.assert_close(graph(x), model(x))


def test_sites_have_the_users_module_paths_and_calls_of_one_module_are_numbered() -> None:
    graph = captured(ConvNet, noise(2, 3, 8, 8))
    assert [site.name for site in graph.sites] == ["relu", "relu#2"]
    assert graph.sites[0].shape == (None, 8, 8, 8)
    assert graph.sites[0].channel == 1


def test_functional_activations_are_named_after_the_module_that_calls_them() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            return torch.nn.functional.silu(self.fc(x))

    graph = captured(lambda: nn.Sequential(Block(), Block()), noise(2, 4))
    assert [site.name for site in graph.sites] == ["0.silu", "1.silu"]


def test_channels_of_a_linear_layer_are_its_last_dimension() -> None:
    graph = captured(lambda: nn.Sequential(nn.Linear(4, 6), nn.ReLU()), noise(2, 7, 4))
    assert graph.sites[0].channel == 2


def test_in_place_activation_means_the_same_after_capture() -> None:
    x = noise(3, 3, 6, 6)
    model = seeded(InPlaceReuse).double().eval()
    torch.testing.assert_close(capture(model, (x,))(x), model(x))


def test_fold_check_finds_a_batch_merged_as_the_inner_factor() -> None:
    graph = captured(InnerBatch, noise(2, 5, 6))
    merged = [place for place in graph.where.values() if isinstance(place, BatchDim) and place.outer == 5]
    assert merged
    assert all(place == BatchDim(0, outer=5, inner=1) for place in merged)


def test_where_several_ways_to_split_a_dimension_fit_the_values_others_tell() -> None:
    class Dead(InnerBatch):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(torch.relu(x - 100))

    graph = capture(seeded(Dead).double().eval(), (noise(2, 5, 6),))
    alive = captured(InnerBatch, noise(2, 5, 6))
    merged = [
        [place for place in found.where.values() if isinstance(place, BatchDim) and place.outer * place.inner > 1]
        for found in (graph, alive)
    ]
    assert merged[0] == merged[1]


def test_a_network_that_mixes_samples_is_refused() -> None:
    with pytest.raises(SnnfwError) as caught:
        captured(MixesSamples, noise(2, 4))
    assert str(caught.value) == (
        "operator 'mean' at 'the top of the network' mixes the samples of a batch: its result has no batch dimension and "
        "yet depends on the samples. A spiking network needs every sample computed alone."
    )


class Picks(nn.Module):
    """Reads one place of each sample by two lists of positions, as networks for text read their last token."""

    def __init__(self, counts: bool) -> None:
        super().__init__()
        self.layer, self.counts = nn.Linear(6, 4), counts

    def forward(self, x: Tensor) -> Tensor:
        samples = torch.arange(x.shape[0])
        picked = torch.relu(self.layer(x))[samples, torch.full_like(samples, 2)]
        return picked + samples.unsqueeze(1) if self.counts else picked


def test_samples_may_be_numbered_to_be_read_and_not_to_be_told_apart() -> None:
    model = seeded(partial(Picks, False)).double().eval()
    other = noise(7, 5, 6, seed=1)
    torch.testing.assert_close(capture(model, (noise(2, 5, 6),))(other), model(other))
    with pytest.raises(
        SnnfwError, match=r"^operator 'add' .* mixes the samples of a batch: its result for some samples"
    ):
        captured(partial(Picks, True), noise(2, 5, 6))


class FixedBatch(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x.view(2, 12) * 2)


def _with_nan() -> nn.Module:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    with torch.no_grad():
        model.get_parameter("0.weight")[0, 0] = float("nan")
    return model


@pytest.mark.parametrize(
    ("model", "example", "message"),
    [
        (
            FixedBatch().eval(),
            (torch.zeros(2, 3, 4),),
            "the network's batch cannot be dynamic: its forward fixes the number of samples to 2. Derive sizes from "
            "x.shape[0] (or use -1 in view and reshape), so that it runs on any number of samples.",
        ),
        (
            _with_nan().eval(),
            (torch.zeros(2, 4),),
            "the network's '0.weight' holds NaN or infinite values: load weights that are finite everywhere.",
        ),
        (
            nn.Sequential(nn.Linear(4, 4), nn.ReLU()).train(),
            (torch.zeros(2, 4),),
            "the network is in training mode: call its eval() before it is captured.",
        ),
        (
            nn.Sequential(nn.Linear(4, 4), nn.ReLU()).eval(),
            (torch.zeros(1, 4),),
            "the example inputs hold [1] samples: give every input the same number, at least 2, so that the batch can be "
            "told from other dimensions.",
        ),
    ],
)
def test_a_network_that_cannot_be_captured_is_refused_in_a_sentence(
    model: nn.Module, example: tuple[Tensor, ...], message: str
) -> None:
    with pytest.raises(SnnfwError) as caught:
        capture(model, example)
    assert str(caught.value) == message


def test_macs_are_those_of_the_formula() -> None:
    graph = captured(ConvNet, noise(2, 3, 8, 8))
    by_operator = {operator_name(node) + str(i): graph.macs.get(node.name, 0) for i, node in enumerate(graph.nodes)}
    found = sorted(macs for macs in by_operator.values() if macs)
    assert found == sorted([3 * 8 * 9 * 64, 8 * 8 * 9 * 64, 8 * 5])


def test_a_network_with_two_inputs_is_captured() -> None:
    class TwoInputs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(3, 4), nn.Linear(2, 4)

        def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
            h = torch.relu(self.a(x) + self.b(y))
            return h, h.sum(1)

    model = seeded(TwoInputs).double().eval()
    x, y = noise(3, 3), noise(3, 2, seed=1)
    graph = capture(model, (x, y))
    torch.testing.assert_close(graph(x, y), model(x, y))


def test_a_network_on_a_gpu_is_exported_for_any_number_of_samples() -> None:
    with FakeTensorMode(), torch.device("cuda"):  # shapes and devices alone, so that it takes no GPU
        model = nn.Sequential(nn.Conv2d(3, 4, 3, groups=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)).eval()
        graph = _export(model, (torch.randn(2, 3, 8, 8),), trainable=False).graph
    (image,) = (node for node in graph.nodes if node.name.startswith("input"))
    assert image.meta["val"].device.type == "cuda"
    assert isinstance(image.meta["val"].shape[0], torch.SymInt)


def test_a_gpu_computes_in_all_digits_while_a_network_is_checked_and_as_before_afterwards() -> None:
    backends: Any = torch.backends
    convolutions, products = backends.cudnn.conv, backends.cuda.matmul
    seen: list[tuple[str, str]] = []

    class Notes(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            seen.append((convolutions.fp32_precision, products.fp32_precision))
            return super().forward(x)

    before = convolutions.fp32_precision
    capture(Notes(3, 4).eval(), (torch.randn(2, 3),))
    assert seen[-1] == ("ieee", "ieee"), "the network as it is checked; before that it is exported"
    assert convolutions.fp32_precision == before != "ieee"
    assert torch.backends.cudnn.allow_tf32, "torch's older name can still be read"
