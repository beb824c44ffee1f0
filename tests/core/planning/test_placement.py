from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from networks import ConvNet, SmallPointNet, captured, noise, small_vit
from snnfw.capture.graph import Graph
from snnfw.errors import SnnfwError
from snnfw.planning.kinds import Kind
from snnfw.planning.placement import Plan, place
from snnfw.planning.rules import Rule
from snnfw.values import Keep


@dataclass(frozen=True)
class Anything:
    name: ClassVar[str] = "anything"
    activations: ClassVar[tuple[str, ...]] = ()
    level: int = 0

    def observer(self, site: Any) -> Any: ...

    def build(self, site: Any, stats: Any, timesteps: int) -> Any: ...


@dataclass(frozen=True)
class ReluOnly(Anything):
    name: ClassVar[str] = "relu-only"
    activations: ClassVar[tuple[str, ...]] = ("relu",)


@cache
def convnet() -> Graph:
    return captured(ConvNet, noise(2, 3, 8, 8))


def kinds(plan: Plan, *operators: str) -> list[Kind]:
    return [fate.kind for fate in plan.fates.values() if fate.operator in operators]


def test_everything_before_the_first_neuron_is_static_and_everything_after_the_last_is_readout() -> None:
    plan = place(convnet(), (Rule("*", Anything()),))
    assert kinds(plan, "conv2d") == [Kind.STATIC, Kind.LINEAR]
    assert kinds(plan, "linear", "max_pool2d", "mean") == [Kind.READOUT] * 3


def test_layers_that_read_spikes_accumulate_and_the_first_layer_multiplies() -> None:
    plan = place(convnet(), (Rule("*", Anything()),))
    layers = [fate for fate in plan.fates.values() if fate.macs]
    assert [fate.events for fate in layers] == [False, True, True]
    macs = [3 * 8 * 9 * 64, 8 * 8 * 9 * 64, 8 * 5]
    assert plan.spiking_share == pytest.approx((macs[1] + macs[2]) / sum(macs))


def test_the_first_rule_that_matches_wins() -> None:
    plan = place(convnet(), (Rule("relu#2", Anything(level=2)), Rule("*", Anything())))
    assert [placement.neuron for placement in plan.placements] == [Anything(), Anything(level=2)]


def test_a_kept_site_stays_analog_and_is_named_as_such() -> None:
    plan = place(convnet(), (Rule("relu#2", Keep()), Rule("*", Anything())))
    assert plan.placements[1].neuron == Keep()
    assert [fate.node for fate in plan.analog] == [plan.placements[1].site.node]


def test_a_network_kept_whole_does_not_vary_in_time() -> None:
    plan = place(convnet(), (Rule("*", Keep()),))
    assert plan.spiking_share == 0.0
    assert kinds(plan, "conv2d", "linear") == [Kind.STATIC] * 3


def test_attention_and_norms_between_neurons_are_analog() -> None:
    plan = place(captured(small_vit, noise(2, 3, 32, 32)), (Rule("*", Anything()),))
    assert {fate.operator for fate in plan.analog} == {"layer_norm", "matmul", "softmax"}


def test_one_stream_times_a_constant_is_linear_and_two_streams_are_analog() -> None:
    class Products(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(3, 9), nn.Linear(9, 9)

        def forward(self, x: Tensor) -> Tensor:
            matrix = torch.relu(self.a(x)).view(-1, 3, 3)
            once = torch.bmm(x.unsqueeze(1), matrix)
            twice = torch.bmm(once, matrix)
            return torch.relu(self.b(twice.flatten(1).repeat(1, 3)))

    plan = place(captured(Products, noise(2, 3)), (Rule("*", Anything()),))
    assert kinds(plan, "bmm") == [Kind.LINEAR, Kind.ANALOG]


def test_maxima_over_points_are_maximum_nodes() -> None:
    plan = place(captured(SmallPointNet, noise(2, 3, 12)), (Rule("*", Anything()),))
    assert kinds(plan, "max") == [Kind.MAXIMUM, Kind.MAXIMUM]


def test_layers_that_read_currents_multiply_at_every_timestep() -> None:
    class TwoLayers(nn.Sequential):
        def __init__(self) -> None:
            super().__init__(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 5), nn.Linear(5, 6), nn.ReLU())

    plan = place(captured(TwoLayers, noise(2, 3)), (Rule("*", Anything()),))
    assert [(fate.kind, fate.events) for fate in plan.fates.values() if fate.macs] == [
        (Kind.STATIC, False),
        (Kind.LINEAR, True),
        (Kind.LINEAR, False),
    ]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            (Rule("backbone.*", Anything()), Rule("*", Anything())),
            "rule 'backbone.*' places nothing: it matches none of the 2 sites (relu, relu#2 ...). Correct it, remove it, or "
            "say optional: true.",
        ),
        (
            (Rule("*", Anything()), Rule("relu#2", Anything())),
            "rule 'relu#2' places nothing: every site it matches (relu#2) is taken by a rule before it. Correct it, remove "
            "it, or say optional: true.",
        ),
        (
            (Rule("*", Anything(), activation="silu"), Rule("*", Anything())),
            "rule '* (silu)' places nothing: it matches none of the 2 sites (relu, relu#2 ...), whose activation is "
            "relu, not silu. Correct it, remove it, or say optional: true.",
        ),
        (
            (Rule("relu", Anything()),),
            "no rule covers site 'relu#2' (relu): add a rule that matches it, such as {match: \"relu#2\", neuron: keep}.",
        ),
    ],
)
def test_a_recipe_that_does_not_fit_is_refused(layers: tuple[Rule, ...], message: str) -> None:
    with pytest.raises(SnnfwError) as caught:
        place(convnet(), layers)
    assert str(caught.value) == message


def test_an_optional_rule_may_place_nothing() -> None:
    plan = place(convnet(), (Rule("*", Anything(1), activation="silu", optional=True), Rule("*", Anything())))
    assert {placement.neuron for placement in plan.placements} == {Anything()}


def test_a_neuron_is_not_placed_on_an_activation_it_does_not_stand_in_for() -> None:
    graph = captured(lambda: nn.Sequential(nn.Linear(3, 4), nn.SiLU()), noise(2, 3))
    with pytest.raises(SnnfwError) as caught:
        place(graph, (Rule("*", ReluOnly()),))
    assert str(caught.value) == (
        "neuron 'relu-only' stands in for relu and not for the silu at '1': give that site a rule of its own, with neuron "
        "tracking or keep."
    )


def test_a_network_without_activations_is_refused() -> None:
    graph = captured(lambda: nn.Linear(3, 4), noise(2, 3))
    with pytest.raises(SnnfwError, match="^the network has no activation function that a neuron could stand in for.$"):
        place(graph, (Rule("*", Anything()),))


def test_an_operator_without_a_meaning_over_time_is_refused_between_neurons_and_allowed_behind_them() -> None:
    class Multiplies(nn.Module):
        def __init__(self, after: bool) -> None:
            super().__init__()
            self.a, self.b, self.after = nn.Linear(3, 4), nn.Linear(4, 4), after

        def forward(self, x: Tensor) -> Tensor:
            y = torch.relu(self.a(x))
            y = torch.relu(self.b(torch.i0(y) if not self.after else y))
            return torch.i0(y) if self.after else y

    behind = place(captured(lambda: Multiplies(True), noise(2, 3)), (Rule("*", Anything()),))
    assert kinds(behind, "i0") == [Kind.READOUT]
    with pytest.raises(SnnfwError) as caught:
        place(captured(lambda: Multiplies(False), noise(2, 3)), (Rule("*", Anything()),))
    assert str(caught.value) == (
        "operator 'i0' at 'the top of the network' reads a stream of spikes and has no meaning over time there: keep the "
        "sites before it analog, or move it behind the last activation."
    )


class Gated(nn.Module):
    """Scale channels by a squeeze-and-excitation gate, and the output by a second one."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 2)
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.a(x))
        return torch.sigmoid(self.c(torch.relu(x * self.gate(self.b(x)))))


@cache
def gated() -> Graph:
    return captured(Gated, noise(2, 3))


def test_gates_stay_analog_unless_a_rule_names_their_function() -> None:
    plan = place(gated(), (Rule("*", Anything()),))
    assert [placement.site.name for placement in plan.placements] == ["relu", "relu#2"]
    assert [fate.operator for fate in plan.analog] == ["sigmoid", "mul"]
    assert kinds(plan, "sigmoid") == [Kind.ANALOG, Kind.READOUT]


def test_a_rule_that_names_a_gate_takes_it_and_other_rules_before_it_do_not() -> None:
    rules = (Rule("*", Anything(1)), Rule("gate", Anything(2), activation="sigmoid"))
    placements = place(gated(), rules).placements
    names = [(placement.site.name, placement.site.activation, placement.neuron) for placement in placements]
    assert names == [
        ("relu", "relu", Anything(1)),
        ("gate", "sigmoid", Anything(2)),
        ("relu#2", "relu", Anything(1)),
    ]
    assert [fate.operator for fate in place(gated(), rules).analog] == ["mul"]


def test_a_gate_that_no_rule_could_place_is_named_like_any_other_site() -> None:
    rules = (Rule("*", Anything()), Rule("gate", Anything(), activation="tanh"))
    with pytest.raises(SnnfwError) as caught:
        place(gated(), rules)
    assert str(caught.value) == (
        "rule 'gate (tanh)' places nothing: it matches none of the 2 sites (relu, relu#2 ...). Correct it, remove it, or "
        "say optional: true."
    )


def test_a_gate_that_a_rule_for_anything_names_is_not_said_to_have_another_activation() -> None:
    with pytest.raises(SnnfwError, match=r"it matches none of the 2 sites \(relu, relu#2 \.\.\.\)\. Correct"):
        place(gated(), (Rule("*", Anything()), Rule("gate", Anything())))


def test_a_gate_does_not_take_a_neuron_that_does_not_stand_in_for_it() -> None:
    with pytest.raises(SnnfwError) as caught:
        place(gated(), (Rule("*", ReluOnly(), activation="sigmoid"), Rule("*", ReluOnly())))
    assert str(caught.value) == (
        "neuron 'relu-only' stands in for relu and not for the sigmoid at 'gate': give that site a rule of its own, with "
        "neuron tracking or keep."
    )


def test_a_gate_can_be_kept_by_name() -> None:
    plan = place(gated(), (Rule("*", Keep(), activation="sigmoid"), Rule("*", Anything())))
    assert [fate.path for fate in plan.analog if fate.operator == "sigmoid"] == ["gate", ""]


@pytest.mark.parametrize(
    ("choose", "expected"),
    [
        (lambda y: y.gather(1, y.topk(2, 1).indices), {"topk": Kind.ANALOG, "gather": Kind.ANALOG}),
        (lambda y: y * (y > 0.1), {"gt": Kind.ANALOG, "mul": Kind.ANALOG}),
        (lambda y: y.max(1, keepdim=True).indices.float() + y, {"max": Kind.MAXIMUM, "_to_copy": Kind.ANALOG}),
        (
            lambda y: torch.eye(4).to(y)[y.argmax(1) + 0],
            {"argmax": Kind.ANALOG, "add": Kind.LINEAR, "index": Kind.ANALOG},
        ),
    ],
)
def test_choices_are_made_anew_at_every_timestep_and_what_reads_them_is_analog(
    choose: Any, expected: dict[str, Kind]
) -> None:
    class Chooses(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(3, 4), nn.LazyLinear(4)

        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(self.b(choose(torch.relu(self.a(x)))))

    plan = place(captured(Chooses, noise(2, 3)), (Rule("*", Anything()),))
    found = {fate.operator: fate.kind for fate in plan.fates.values()}
    assert {name: found[name] for name in expected} == expected


def test_a_plan_can_have_one_neuron_exchanged() -> None:
    plan = place(convnet(), (Rule("*", Anything()),)).with_neuron("relu#2", Anything(7))
    assert [placement.neuron for placement in plan.placements] == [Anything(0), Anything(7)]
