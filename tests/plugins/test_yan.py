"""Every part of ``energy=yan`` on a network that is small enough to be charged by hand."""

from __future__ import annotations

import pytest
from torch import nn

from networks import captured, noise
from snnfw.capture.graph import Graph
from snnfw.energy.break_even import break_even_rate, break_even_rates
from snnfw.energy.charges import layer_energy, network_energy, spiking_energy
from snnfw.energy.inventory import Inventory, Operation, take_inventory
from snnfw.planning.kinds import Kind
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.simulate.trace import Point
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.yan import Yan

MJ = 1e-9
T = 3


@pytest.fixture(scope="module")
def graph() -> Graph:
    return captured(lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), noise(2, 3))


@pytest.fixture(scope="module")
def inventory(graph: Graph) -> Inventory:
    """Return 3 inputs, 4 neurons and 2 outputs: 12 MACs that run once and 8 that read events."""
    return take_inventory(graph, place(graph, (Rule("*", IntegrateAndFire()),)))


def five_events(inventory: Inventory) -> Point:
    """Return 5 events in 3 timesteps, each of which reaches both outputs."""
    return Point(T, {}, T, 1, {"1": 5.0}, {inventory.operations[1].node: 10.0})


def test_a_linear_network_by_hand(inventory: Inventory) -> None:
    first, last = (operation.node for operation in inventory.operations)
    charged = layer_energy(inventory, Yan(), five_events(inventory))
    # 12 MACs of 32 bits: 4.6 pJ each, 32 bits of weight at 20 pJ each; 4 results of 32 bits at 0.25 pJ each.
    assert charged[first] == pytest.approx((12 * 4.6 + 12 * 640 + 32) * MJ)
    # 10 accumulations: 0.05448 pJ each, and 8 bits of weight at 20 pJ each.
    assert charged[last] == pytest.approx((0.5448 + 1600) * MJ)
    # 4 neurons for 3 timesteps and 5 resets: 17 · 0.05448 pJ; 12 potentials of 16 bits read and written at 0.25 pJ.
    assert charged["relu"] == pytest.approx((0.92616 + 96) * MJ)
    energy = spiking_energy(inventory, Yan(), five_events(inventory))
    assert energy.total == pytest.approx((7767.2 + 1600.5448 + 96.92616) * MJ)
    assert energy.parts == pytest.approx(
        {
            "multiplications": 55.2 * MJ,
            "weights": (7680 + 1600) * MJ,
            "activations": 32 * MJ,
            "accumulations": 0.5448 * MJ,
            "neurons": 0.92616 * MJ,
            "state": 96 * MJ,
        }
    )


def test_the_network_itself_and_quantised_by_hand(inventory: Inventory) -> None:
    # 20 MACs of 32 bits, and 6 results.
    assert network_energy(inventory, Yan(), passes=1) == pytest.approx((20 * 4.6 + 20 * 640 + 6 * 8) * MJ)
    # Three timesteps tell 4 levels apart, 2 bits: 3.7 / 256 + 0.9 / 16 pJ and 40 pJ for each MAC, 0.5 pJ for a result.
    energy = spiking_energy(inventory, Yan(), five_events(inventory))
    assert energy.quantised_bits == 2
    assert energy.quantised == pytest.approx((20 * 0.070703125 + 800 + 3) * MJ)


def test_break_even_is_about_the_bits_over_eight_timesteps(inventory: Inventory) -> None:
    """In DRAM the weights are all that counts: r · 8 MAC · T · 8 · E_w = MAC · b · E_w."""
    (rate,) = break_even_rates(inventory, Yan(), T).values()
    # 8 MACs of 2 bits and 2 results, over 8 accumulations in each of 3 timesteps.
    assert rate == pytest.approx((8 * 40.070703125 + 1) / (24 * 160.05448))
    assert rate == pytest.approx(2 / (8 * T), rel=0.01)
    # With the neurons: 96.65376 pJ without an event, and 12 resets at one event per neuron and timestep.
    silent, full = 12 * 0.05448 + 96, 24 * 160.05448 + 12 * 0.05448
    assert break_even_rate(inventory, Yan(), T) == pytest.approx((8 * 40.070703125 + 1 - silent) / full)


def test_state_may_cost_more_than_the_quantised_network(inventory: Inventory) -> None:
    """For 64 timesteps, with weights on chip, potentials alone are dearer than 8 MACs of 7 bits."""
    assert break_even_rate(inventory, Yan(e_w=0.25), 64) == 0.0
    assert min(break_even_rates(inventory, Yan(e_w=0.25), 64).values()) > 0


def test_a_product_of_two_streams_reads_its_operands_on_chip() -> None:
    product = Operation("matmul", Kind.LINEAR, 100, True, False, 20, 20, streams=(10, 10))
    assert Yan().accumulate(product, 10.0, T) == pytest.approx({"accumulations": 0.5448, "weights": 10 * 16 * 0.25})
    assert Yan().multiply(product, 32)["weights"] == 100 * 32 * 0.25


def test_a_burst_tells_more_levels_apart(graph: Graph) -> None:
    inventory = take_inventory(graph, place(graph, (Rule("*", AdaFire(phi=5)),)))
    assert spiking_energy(inventory, Yan(), five_events(inventory)).quantised_bits == 4  # 3 · 5 + 1 levels
