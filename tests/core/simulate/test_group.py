"""How many samples fit through a timestep together."""

from __future__ import annotations

import pytest
from torch import nn

from networks import captured, converted, noise
from snnfw.simulate.group import samples_within_a_step
from snnfw.simulate.memory import SLACK, bytes_per_step
from snnfw_plugins.tracking import Tracking

STREAMS = SLACK * 8 * (8 + 6)
"""Bytes of what is alive at once in float64: 8 spikes, and the 6 currents made of them."""

REMEMBERED = 8 * (3 + 1) * (8 + 6)
"""Bytes of three states and a counter of events for each of 8 + 6 neurons."""


@pytest.mark.parametrize("samples", [1, 5])
def test_samples_are_as_many_as_memory_holds_with_their_states(samples: int) -> None:
    x = noise(2, 4)
    network = captured(lambda: nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 6), nn.ReLU()), x)
    model = converted(network, Tracking(), x, 2)
    assert bytes_per_step(model) == STREAMS
    assert samples_within_a_step(model, samples * (STREAMS + REMEMBERED)) == samples
    assert samples_within_a_step(model, samples * (STREAMS + REMEMBERED) - 1) == samples - 1
