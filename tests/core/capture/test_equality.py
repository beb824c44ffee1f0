"""The final comparison of graph and network."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from networks import noise, seeded
from snnfw.capture.equality import check_equal
from snnfw.capture.export import capture
from snnfw.errors import SnnfwError


class Detector(nn.Module):
    """Boxes in pixels beside class scores, in one tensor [N, 6, anchors]."""

    def __init__(self) -> None:
        super().__init__()
        self.boxes, self.scores = nn.Conv1d(3, 4, 1), nn.Conv1d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x)
        return torch.cat([self.boxes(x) * 640, self.scores(x).sigmoid()], 1)


@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 5e-3), (torch.float64, 5e-5)])
def test_wrong_class_scores_beside_boxes_in_pixels_are_noticed(dtype: torch.dtype, error: float) -> None:
    network, x = seeded(Detector).to(dtype).eval(), noise(3, 3, 20).to(dtype)
    graph = capture(network, (x,))
    other = copy.deepcopy(network)
    check_equal(other, graph, (x,), [graph(x)])
    with torch.no_grad():
        other.get_parameter("scores.bias").add_(error * 4)
    with pytest.raises(SnnfwError, match="does not compute what the network computes"):
        check_equal(other, graph, (x,), [graph(x)])


def refusal(network: nn.Module, x: Tensor, parameter: str) -> str:
    """Return what is said of the graph of a network of which a parameter has changed since."""
    graph = capture(network, (x,))
    check_equal(network, graph, (x,), [graph(x)])
    other = copy.deepcopy(network)
    with torch.no_grad():
        other.get_parameter(parameter).add_(0.1)
    with pytest.raises(SnnfwError) as caught:
        check_equal(other, graph, (x,), [graph(x)])
    return str(caught.value)


def test_a_channel_is_held_against_what_is_largest_in_the_batch() -> None:
    """In [N, C] no dimension but the batch's tells boxes from scores."""

    class Pooled(Detector):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).mean(2)

    said = refusal(seeded(Pooled).eval(), noise(3, 3, 20).float(), "scores.bias")
    assert said.startswith(
        "the captured graph does not compute what the network computes (output 0, a batch of 3 samples)"
    )


def test_a_network_that_no_other_precision_can_run_is_told_in_its_own() -> None:
    class Constant(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.constants = nn.Linear(4, 4), [torch.eye(4)]

        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(self.layer(x)) @ self.constants[0]

    said = refusal(seeded(Constant).eval(), noise(3, 4).float(), "layer.bias")
    assert said.startswith(
        "the captured graph does not compute what the network computes (output 0, a batch of 3 samples)"
    )


def test_a_channel_of_zeros_is_held_to_rounding_in_the_whole() -> None:
    class Dead(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = torch.relu(x)
            return torch.cat([y * 1e3, (y + 0.1) - y - 0.1], 1)

    network, x = Dead().eval(), noise(3, 4).float()
    capture(network, (x,))


def test_a_deep_network_whose_rounding_grows_is_told_by_double_precision() -> None:
    """Multiply differences of nearly equal numbers: float32 alone can't tell that graph and network are the same."""

    class Cancels(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(4)
            self.layer = nn.Linear(4, 4, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            y = self.norm(self.layer(torch.relu(x)))
            return (y + 3e5) - 3e5  # type: ignore[no-any-return]  # a module

    torch.manual_seed(0)
    network, x = Cancels().eval(), noise(3, 4).float()
    capture(network, (x,))


def test_a_network_whose_output_is_not_a_number_is_refused_for_that() -> None:
    class Roots(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.relu((x - 100).sqrt())

    with pytest.raises(SnnfwError) as caught:
        capture(Roots().eval(), (noise(3, 4),))
    assert str(caught.value) == "the network's output holds NaN for the example inputs: check its weights."
