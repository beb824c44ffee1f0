from __future__ import annotations

import pytest
import torch
import torchvision
from torch import Tensor, nn

from networks import ConvNet, captured, noise, small_vit
from snnfw.errors import SnnfwError
from snnfw.planning.placement import Plan, place
from snnfw.planning.rules import Rule
from snnfw.planning.strict import require_all_spiking
from snnfw.values import Keep
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.tracking import Tracking

EVERYWHERE = (Rule("*", Tracking()),)
HELP = (
    "Give kept sites a neuron, and let a layer read a neuron's spikes instead of another layer's output, or leave strict "
    "out to run and charge them as they are."
)


class Attends(nn.Module):
    """A neuron, an attention over its spikes, and a second neuron."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 6), nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.first(x).relu()
        return torch.relu(self.second((spikes @ spikes.transpose(1, 2)).softmax(-1) @ spikes))


def refusal(plan: Plan) -> str:
    with pytest.raises(SnnfwError) as caught:
        require_all_spiking(plan)
    return str(caught.value)


def test_a_network_of_events_alone_passes() -> None:
    plan = place(captured(ConvNet, noise(3, 3, 8, 8)), (Rule("*", AdaFire()),))
    require_all_spiking(plan)
    assert (plan.multiplied, plan.multiplied_share) == ((), 0.0)


def test_a_kept_site_is_refused() -> None:
    plan = place(captured(ConvNet, noise(3, 3, 8, 8)), (Rule("relu#2", Keep()), Rule("*", AdaFire())))
    assert refusal(plan) == f"strict=true and 1 operator stays analog: relu at 'relu'. {HELP}"


def test_layers_that_read_currents_are_refused_although_nothing_is_called_analog() -> None:
    """Blocks of a MobileNetV2 end without an activation: what follows multiplies at every timestep."""
    net = torchvision.models.MobileNetV2(
        num_classes=5, width_mult=0.25, inverted_residual_setting=[[1, 8, 1, 1], [2, 8, 2, 1], [2, 16, 1, 2]]
    )
    plan = place(captured(lambda: net, noise(2, 3, 32, 32)), EVERYWHERE)
    assert plan.analog == ()
    paths = ["features.2.conv.0.0", "features.3.conv.0.0", "features.4.conv.0.0", "features.5.0"]
    assert [fate.path for fate in plan.multiplied] == paths
    assert plan.multiplied_share == sum(fate.macs for fate in plan.multiplied) / plan.macs
    named = ", ".join(f"conv2d at '{path}'" for path in paths)
    assert refusal(plan) == f"strict=true and 4 layers multiply at every timestep: {named}. {HELP}"


def test_products_of_two_streams_are_counted_once_as_analog() -> None:
    plan = place(captured(Attends, noise(3, 5, 4)), EVERYWHERE)
    said = refusal(plan)
    assert said.startswith("strict=true and 3 operators stay analog and 1 layer multiplies at every timestep: ")
    assert said.count(" at ") == 5  # the four of them, and "at every timestep"
    assert [fate.operator for fate in plan.multiplied] == ["matmul", "matmul", "linear"]


def test_of_many_the_first_five_are_named() -> None:
    vit = small_vit()
    plan = place(captured(lambda: vit, noise(2, 3, 32, 32)), EVERYWHERE)
    faults = len({fate.node for fate in (*plan.analog, *plan.multiplied)})
    assert f" and {faults - 5} more. {HELP}" in refusal(plan)
