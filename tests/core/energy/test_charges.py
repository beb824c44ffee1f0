from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from networks import ConvNet, captured, converted, noise
from snnfw.conversion.direct import Direct
from snnfw.energy.break_even import break_even_rate, break_even_rates
from snnfw.energy.charges import event_energy, layer_energy, network_energy, spiking_energy, uncharged_operators
from snnfw.energy.events import accumulations, spikes
from snnfw.energy.horowitz import Horowitz
from snnfw.energy.information import information_bits
from snnfw.energy.inventory import Inventory, Operation, Population, take_inventory
from snnfw.energy.model import Parts
from snnfw.errors import SnnfwError
from snnfw.planning.kinds import Kind
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.simulate.trace import Point
from snnfw.spiking.model import SpikingModel
from snnfw.values import Keep, Resources
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.tracking import Tracking

COSTS = Horowitz()
T = 4


def at(added: Mapping[str, float] | None = None, spikes: float = 0.0, steps: float = T, reads: float = 1) -> Point:
    """Return a checkpoint after so many timesteps and readings of the output."""
    return Point(T, {}, steps, reads, {"all": spikes}, added or {})


def inventory_of(model: SpikingModel) -> Inventory:
    """Return what there is to charge in a model."""
    return take_inventory(model.graph, model.plan)


class Tail(nn.Module):
    """A neuron, something that moves or merges its spikes, and a layer that reads them, before another neuron."""

    def __init__(self, between: Callable[[Tensor], Tensor], channels: int) -> None:
        super().__init__()
        self.first, self.between = nn.Conv2d(2, 6, 3, padding=1), between
        self.second = nn.Conv2d(channels, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.second(self.between(torch.relu(self.first(x)))))


def emitted(model: SpikingModel) -> Tensor:
    """Return the events of the first site, element by element."""
    return next(neuron.emitted for _, neuron in model.site_neurons() if neuron.emitted is not None)


BETWEEN: dict[str, tuple[Callable[[Tensor], Tensor], int, Callable[[Tensor], Tensor]]] = {
    "nothing": (lambda s: s, 6, lambda n: n),
    "slice": (lambda s: s[:, :2], 2, lambda n: n[:, :2]),
    "chunk and add": (lambda s: s.chunk(2, 1)[0] + s.chunk(2, 1)[1], 3, lambda n: n[:, :3] + n[:, 3:]),
    "concatenate": (lambda s: torch.cat([s, s[:, :1]], 1), 7, lambda n: torch.cat([n, n[:, :1]], 1)),
    "average pool": (lambda s: F.avg_pool2d(s, 2), 6, lambda n: F.avg_pool2d(n, 2) * 4),
    "overlapping average pool": (lambda s: F.avg_pool2d(s, 3, 1), 6, lambda n: F.avg_pool2d(n, 3, 1) * 9),
    "adaptive pool": (lambda s: F.adaptive_avg_pool2d(s, 2), 6, lambda n: F.avg_pool2d(n, 4) * 16),
    "mean": (lambda s: s.mean((2, 3), keepdim=True), 6, lambda n: n.sum((2, 3), keepdim=True)),
    "max pool": (lambda s: F.max_pool2d(s, 2), 6, lambda n: F.max_pool2d(n, 2)),
    "upsample": (lambda s: F.interpolate(s, scale_factor=2), 6, lambda n: F.interpolate(n, scale_factor=2)),
    "shuffle": (lambda s: F.pixel_shuffle(s[:, :4], 2), 1, lambda n: F.pixel_shuffle(n[:, :4], 2)),
    "gain": (lambda s: s * 0.5, 6, lambda n: n),
    "subtract": (lambda s: s[:, :3] - s[:, 3:], 3, lambda n: n[:, :3] + n[:, 3:]),
}


@pytest.mark.parametrize("name", BETWEEN)
def test_a_layers_accumulations_are_the_events_that_reach_it_times_their_fan_out(name: str) -> None:
    between, channels, counted = BETWEEN[name]
    x = noise(3, 2, 8, 8)
    model = converted(captured(lambda: Tail(between, channels), x), AdaFire(phi=2), x, T)
    model(x)
    (found,) = accumulations(model).values()
    fan_out = 4  # a 1 by 1 convolution to four channels
    wanted = counted(emitted(model)).flatten(1).sum(1) * fan_out
    torch.testing.assert_close(found, wanted.double())


def test_spikes_are_counted_per_sample_and_site() -> None:
    x = noise(4, 3, 8, 8)
    model = converted(captured(ConvNet, x), AdaFire(phi=3), x, T)
    model(x)
    whole = spikes(model)
    assert list(whole) == ["relu", "relu#2"]
    model(x[1:2])
    for site, alone in spikes(model).items():
        assert torch.equal(alone, whole[site][1:2])


def test_energy_is_the_sum_of_what_runs_once_what_repeats_and_what_accumulates() -> None:
    class Net(nn.Sequential):
        def __init__(self) -> None:
            super().__init__(
                nn.Linear(3, 4),
                nn.ReLU(),
                nn.Linear(4, 5),
                nn.Linear(5, 6),
                nn.ReLU(),
                nn.Linear(6, 2),
                nn.Linear(2, 2),
            )

    x = noise(3, 3)
    model = converted(captured(Net, x), AdaFire(), x, T)
    model(x)
    added = {node: float(values.mean()) for node, values in accumulations(model).items()}
    inventory = inventory_of(model)
    energy = spiking_energy(inventory, COSTS, at(added, spikes=7.0))
    assert energy.once == 3 * 4 + 2 * 2  # the first layer, and the last, which reads the readout's currents
    assert energy.repeated == T * 5 * 6  # a layer that reads a layer
    assert energy.spikes == 7.0
    first, last = (float(values.mean()) for values in spikes(model).values())
    assert energy.accumulations == pytest.approx(5 * first + 2 * last)
    assert energy.total == pytest.approx((4.6 * (energy.once + energy.repeated) + 0.9 * energy.accumulations) * 1e-9)
    assert sum(layer_energy(inventory, COSTS, at(added)).values()) == pytest.approx(energy.total)
    macs = 12 + 20 + 30 + 12 + 4
    assert (model.plan.macs, model.plan.multiplied_share) == (macs, 30 / macs)
    assert network_energy(inventory, COSTS, passes=1) == pytest.approx(4.6e-9 * macs)
    assert network_energy(inventory, COSTS, passes=10) == pytest.approx(4.6e-8 * macs)
    again = spiking_energy(inventory, COSTS, at(added, steps=2.5, reads=2.25))
    assert again.once == energy.once
    assert again.repeated == pytest.approx(2.5 * 5 * 6 + 1.25 * 2 * 2)
    assert sum(layer_energy(inventory, COSTS, at(added, steps=2.5, reads=2.25)).values()) == pytest.approx(again.total)


def test_static_layers_can_be_charged_at_every_timestep() -> None:
    x = noise(3, 3, 8, 8)
    inventory = inventory_of(converted(captured(ConvNet, x), AdaFire(), x, T))
    once, per_step = (spiking_energy(inventory, replace(COSTS, static=s), at()) for s in ("once", "per_step"))
    static = 3 * 8 * 9 * 64
    assert (once.once, once.repeated) == (static, 0)
    assert (per_step.once, per_step.repeated) == (0, T * static)
    assert per_step.total == pytest.approx(T * once.total)
    assert sum(layer_energy(inventory, replace(COSTS, static="per_step"), at()).values()) == pytest.approx(
        per_step.total
    )


def test_spikes_alone_are_charged_when_asked_for() -> None:
    x = noise(3, 3, 8, 8)
    inventory = inventory_of(converted(captured(ConvNet, x), AdaFire(), x, T))
    energy = spiking_energy(inventory, replace(COSTS, joules_per_spike=77e-15), at(spikes=1000.0))
    assert energy.spikes_alone == pytest.approx(77e-15 * 1000 * 1e3)
    assert spiking_energy(inventory, COSTS, at(spikes=1000.0)).spikes_alone is None


def test_a_kept_network_costs_what_the_network_costs() -> None:
    x = noise(3, 3, 8, 8)
    graph = captured(ConvNet, x)
    plan = place(graph, (Rule("*", Keep()),))
    model = Direct().convert(graph, plan, [(x,)], T, Resources())
    model(x)
    assert accumulations(model) == {}
    inventory = take_inventory(graph, plan)
    assert spiking_energy(inventory, COSTS, at()).total == pytest.approx(network_energy(inventory, COSTS, passes=1))


def test_analog_operators_without_macs_are_named_as_uncharged() -> None:
    class Gate(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(3, 4), nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(self.b(torch.relu(self.a(x)).sigmoid()))

    x = noise(3, 3)
    assert uncharged_operators(converted(captured(Gate, x), Tracking(), x, T).plan) == ["sigmoid"]


@pytest.mark.parametrize(("timesteps", "burst", "bits"), [(1, 1, 1), (3, 1, 2), (8, 4, 6), (16, 1, 5), (1.6, 4, 3)])
def test_break_even_is_against_a_network_of_as_many_levels(timesteps: float, burst: int, bits: int) -> None:
    assert bits == math.ceil(math.log2(timesteps * burst + 1))
    x = noise(2, 3, 8, 8)
    inventory = inventory_of(converted(captured(ConvNet, x), AdaFire(phi=burst), x, T))
    assert information_bits(inventory.plan, timesteps) == bits
    rates = [break_even_rate(inventory, COSTS, timesteps), *break_even_rates(inventory, COSTS, timesteps).values()]
    assert rates == pytest.approx([4.6 * bits / 32 / 0.9 / timesteps] * 3)


@dataclass(frozen=True)
class Parted:
    """Charge so many picojoules for everything, in parts of its own."""

    name: ClassVar[str] = "parted"

    def multiply(self, operation: Operation, bits: int) -> Parts:
        return {"whole": float(bits), "each": 1.0}

    def accumulate(self, operation: Operation, accumulations: float, steps: float) -> Parts:
        return {"each": 2 * accumulations}

    def fire(self, population: Population, spikes: float, steps: float) -> Parts:
        return {"state": steps, "each": 3 * spikes}


def test_parts_and_layers_add_up_to_the_total() -> None:
    x = noise(3, 3, 8, 8)
    inventory = inventory_of(converted(captured(ConvNet, x), AdaFire(), x, T))
    reading = {each.node: 10.0 for each in inventory.operations if each.events}
    work = Point(T, {}, T, 1, {"relu": 5.0}, reading)
    energy = spiking_energy(inventory, Parted(), work)
    once = len(inventory.operations) - len(reading)
    parts = {"whole": 32 * once, "each": once + 20 * len(reading) + 15, "state": 2 * T}
    assert energy.parts == pytest.approx({part: value * 1e-9 for part, value in parts.items()})
    assert energy.total == pytest.approx(sum(parts.values()) * 1e-9)
    assert sum(layer_energy(inventory, Parted(), work).values()) == pytest.approx(energy.total)
    assert event_energy(inventory, Parted(), work) == pytest.approx((20 * len(reading) + 15) * 1e-9)


@pytest.mark.parametrize("method", ["multiply", "accumulate", "fire"])
def test_an_energy_model_that_returns_something_else_is_named(method: str) -> None:
    x = noise(3, 3, 8, 8)
    inventory = inventory_of(converted(captured(ConvNet, x), AdaFire(), x, T))
    broken = type("Broken", (Parted,), {method: lambda self, *given: 3.0})()
    sentence = "what 'parted' returns is a float: give a mapping: picojoules by what they are for."
    with pytest.raises(SnnfwError, match=f"^{sentence}$"):
        spiking_energy(inventory, broken, at())


def test_the_quantised_network_of_equal_information_stands_beside_the_total() -> None:
    x = noise(3, 3, 8, 8)
    inventory = inventory_of(converted(captured(ConvNet, x), AdaFire(phi=5), x, T))
    energy = spiking_energy(inventory, COSTS, at())
    assert energy.quantised_bits == 5  # 4 · 5 + 1 levels
    assert energy.quantised == pytest.approx(network_energy(inventory, COSTS, passes=1) * 5 / 32)
    often = spiking_energy(inventory, COSTS, at(), passes=10).quantised
    assert often == pytest.approx(10 * (energy.quantised or 0))


def test_where_nothing_spikes_there_is_no_equal_information() -> None:
    x = noise(3, 3, 8, 8)
    graph = captured(ConvNet, x)
    inventory = take_inventory(graph, place(graph, (Rule("*", Keep()),)))
    energy = spiking_energy(inventory, COSTS, at())
    assert (energy.quantised, energy.quantised_bits, energy.bits) == (None, None, 0.0)
    assert math.isnan(break_even_rate(inventory, COSTS, T))


@pytest.mark.parametrize(("timesteps", "bits"), [(1, 1), (3, 2), (4, 3), (2.5, 2)])
def test_a_single_spike_is_a_burst_of_one(timesteps: float, bits: int) -> None:
    graph = captured(ConvNet, noise(2, 3, 8, 8))
    assert information_bits(place(graph, (Rule("*", IntegrateAndFire()),)), timesteps) == bits


def test_a_neuron_may_say_how_much_its_values_hold() -> None:
    class Telling(AdaFire):
        def information(self, timesteps: float) -> float:
            return 3 + timesteps / 2

    x = noise(3, 3, 8, 8)
    graph = captured(ConvNet, x)
    plan = place(graph, (Rule("relu", AdaFire(phi=2)), Rule("*", Telling())))
    assert information_bits(plan, 4) == 5  # of 4 and 5
    assert information_bits(plan, 3) == 5  # of 3, and of 4.5 that have to be whole


def test_events_are_counted_in_bits_by_what_each_carries() -> None:
    x = noise(3, 3, 8, 8)
    graph = captured(ConvNet, x)
    plan = place(graph, (Rule("relu", AdaFire()), Rule("*", Tracking())))
    work = Point(T, {}, T, 1, {"relu": 10.0, "relu#2": 7.0}, {})
    energy = spiking_energy(take_inventory(graph, plan), COSTS, work)
    assert (energy.spikes, energy.bits) == (17.0, 10.0 + 2 * 7.0)


def recoded(inventory: Inventory, **changed: Any) -> Inventory:
    """Return the inventory with other operations."""
    return replace(inventory, operations=tuple(replace(each, **changed) for each in inventory.operations))


def test_in_delta_coding_what_is_static_runs_once() -> None:
    x = noise(3, 3, 8, 8)
    inventory = inventory_of(converted(captured(ConvNet, x), AdaFire(), x, T))
    often, delta = replace(COSTS, static="per_step"), recoded(inventory, coding="delta")
    assert spiking_energy(delta, often, at()).total == spiking_energy(inventory, COSTS, at()).total
    assert spiking_energy(delta, often, at()).repeated == 0


def test_a_plan_says_its_coding() -> None:
    x = noise(3, 3, 8, 8)
    model = converted(captured(ConvNet, x), AdaFire(), x, T)

    plan = replace(model.plan, coding="delta")
    inventory = take_inventory(model.graph, plan)
    assert {each.coding for each in inventory.operations} == {"delta"}
    assert {each.coding for each in inventory.populations} == {"delta"}


def test_a_product_of_events_without_macs_is_charged_for_what_it_accumulates() -> None:
    x = noise(3, 3, 8, 8)
    inventory = inventory_of(converted(captured(ConvNet, x), AdaFire(), x, T))
    gate = Operation("mul", Kind.LINEAR, 0, True, False, 20, 10, streams=(10, 10))
    gated = replace(inventory, operations=(*inventory.operations, gate))
    before, after = (spiking_energy(each, COSTS, at({"mul": 100.0})).total for each in (inventory, gated))
    assert after - before == pytest.approx(90e-9)
    assert network_energy(gated, COSTS, 1) == network_energy(inventory, COSTS, 1)
    assert "mul" not in break_even_rates(gated, COSTS, T)
