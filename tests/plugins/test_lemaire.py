"""Every part of ``energy=lemaire`` on networks that are small enough to be charged by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from torch import nn

from networks import captured, noise
from snnfw.energy.charges import layer_energy, network_energy, spiking_energy
from snnfw.energy.inventory import Inventory, Population, take_inventory
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.simulate.trace import Point
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.lemaire import Lemaire, access_price

MJ = 1e-9
T = 3
EACH = 4 / 8 * 4 / 1024 * 10 / 8
"""Picojoules for one word of 4 bytes in a memory of one word: half of 8 bytes, at 10 pJ for 8 kB, 4 / 1024 kB large."""


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    """Return 2 · 3 · 3 inputs, a 1 by 1 convolution to 4 channels, neurons, and a 2 by 2 convolution to 3 channels."""
    graph = captured(lambda: nn.Sequential(nn.Conv2d(2, 4, 1), nn.ReLU(), nn.Conv2d(4, 3, 2)), noise(2, 2, 3, 3))
    return take_inventory(graph, place(graph, (Rule("*", IntegrateAndFire()),)))


@pytest.mark.parametrize(
    ("kilobytes", "price"), [(0, 0), (4, 5), (8, 10), (20, 15), (32, 20), (528, 60), (1024, 100), (2016, 180)]
)
def test_a_larger_memory_costs_more(kilobytes: float, price: float) -> None:
    assert access_price(kilobytes * 1024) == pytest.approx(price)


def test_a_convolution_by_hand(inventory: Inventory) -> None:
    """36 neurons are read by 192 MACs: an event has 192 / 36 connections, as many fall off the border of a valid window."""
    first, last = inventory.operations
    assert (first.macs, last.macs) == (2 * 4 * 9, 4 * 3 * 4 * 4)
    assert (last.inputs, last.outputs, last.weights, last.biases) == (36, 12, 48, 3)
    assert (last.kernel, last.channels, last.groups, last.spread) == (4, 3, 1, 12)
    fan_out = 192 / 36
    work = Point(T, {}, T, 1, {"1": 6.0}, {last.node: 6 * fan_out})  # 32 accumulations
    charged = layer_energy(inventory, Lemaire(), work)
    reading = (
        32 * 0.1  # accumulations
        + 6 * 12 * 0.1  # addresses: three channels of four places for each event
        + 6 * 2 * 3.2  # and two multiply-accumulates
        + (6 * 36 + 32 * 48 + T * 12 * 3 + 2 * 32 * 12) * EACH  # events, weights, biases at each timestep, potentials
    )
    assert charged[last.node] == pytest.approx(reading * MJ)
    neurons = (36 * T + 6) * 0.1 + (2 * 36 * T * 36 + 6 * 36) * EACH
    assert charged["relu"] == pytest.approx(neurons * MJ)
    dense = (
        72 * 3.2 + 36 * 0.1  # operations, and a bias for each result
        + (18 + 36 + 4) * 0.1  # addresses
        + (72 * 18 + 72 * 8 + 36 * 4 + 36 * 36) * EACH  # inputs and weights for each MAC, biases and results once
    )  # fmt: skip
    assert charged[first.node] == pytest.approx(dense * MJ)
    energy = spiking_energy(inventory, Lemaire(), work)
    assert energy.total == pytest.approx((reading + neurons + dense) * MJ)
    assert sum(energy.parts.values()) == pytest.approx(energy.total)


def test_a_quantised_convolution_by_hand(inventory: Inventory) -> None:
    """With 2 bits a multiplication costs 1/256, an addition 1/16; words are a sixteenth, in memories a sixteenth as large."""
    energy = spiking_energy(inventory, Lemaire(), Point(T, {}, T, 1, {"1": 6.0}, {}))
    operations = (72 + 192) * (3.1 / 256 + 0.1 / 16) + (36 + 12) * 0.1 / 16
    addresses = (18 + 36 + 4 + 36 + 12 + 12) * 0.1
    words = 72 * (18 + 8) + 36 * (4 + 36) + 192 * (36 + 48) + 12 * (3 + 12)
    assert energy.quantised_bits == 2
    assert energy.quantised == pytest.approx((operations + addresses + words * EACH / 256) * MJ)
    assert network_energy(inventory, Lemaire(), passes=2) == pytest.approx(
        2 * ((72 + 192) * 3.2 + 48 * 0.1 + 118 * 0.1 + words * EACH) * MJ
    )


def test_a_linear_layer_by_hand() -> None:
    graph = captured(lambda: nn.Sequential(nn.ReLU(), nn.Linear(3, 2, bias=False)), noise(2, 3))
    inventory = take_inventory(graph, place(graph, (Rule("*", IntegrateAndFire()),)))
    (layer,) = inventory.operations
    parts = Lemaire().accumulate(layer, 10.0, T)  # 5 events, each to 2 outputs
    assert parts == pytest.approx(
        {
            "operations": 1.0,
            "addresses": 1.0,
            "inputs": 5 * 3 * EACH,
            "weights": 10 * 6 * EACH,
            "state": 20 * 2 * EACH,
        }
    )
    dense = Lemaire().multiply(layer, 32)
    assert dense == pytest.approx(
        {
            "operations": 6 * 3.2,
            "addresses": 0.5,
            "inputs": 3 * 3 * EACH,  # read once, and not for each MAC
            "weights": 6 * 6 * EACH,
            "outputs": 2 * 2 * EACH,
        }
    )


def test_neurons_that_leak_multiply_at_every_timestep() -> None:
    still, leaking = (Population("site", "site", 10, leaks=leaks) for leaks in (False, True))
    parts = [Lemaire().fire(each, 0.0, T)["neurons"] for each in (still, leaking)]
    assert parts == pytest.approx([10 * T * 0.1, 10 * T * (0.1 + 3.2)])


def test_in_delta_coding_biases_are_read_once(inventory: Inventory) -> None:
    last = inventory.operations[1]
    often, once = (Lemaire().accumulate(replace(last, coding=coding), 0.0, T) for coding in ("rate", "delta"))
    assert (often["weights"], once["weights"]) == pytest.approx((T * 12 * 3 * EACH, 12 * 3 * EACH))
