"""Thresholds are in the unit of the activation: twice the activation, twice the threshold, whatever a batch lacks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from networks import noise
from snnfw.neurons.observers import PeakThreshold, magnitude_percentile
from snnfw.registry import Registry
from snnfw.values import Observer, Site
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.calibration.thresholds import LeastSquaresThreshold, PercentileThreshold
from snnfw_plugins.ibra import IntegerBinaryRangeAlignment
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.spikingjelly_bridge.recipe import VoltageThreshold
from snnfw_plugins.tracking import Tracking

SITE = Site("s", "s", "relu", torch.relu, (None, 4, 5), channel=1)
SILENT, SPARSE = 1, 2
"""A channel that is silent in some batches, and one that is active nearly nowhere."""


def batches() -> list[Tensor]:
    """Return activations [8, 4, 5] of four batches; the last channel is silent in all of them."""
    found = [noise(8, 4, 5, seed=seed).relu() * (seed + 1) for seed in range(4)]
    for number, batch in enumerate(found):
        batch[:, SPARSE], batch[:, 3] = 0.0, 0.0
        batch[0, SPARSE, 0] = 0.625 * (number + 1)
    found[0][:, SILENT], found[2][:, SILENT] = 0.0, 0.0
    return found


OBSERVERS: dict[str, Callable[[], Observer]] = {
    **{
        f"peak {percentile} {share}, {'channels' if wise else 'layer'}": (
            lambda p=percentile, s=share, w=wise: PeakThreshold(SITE, p, w, s)  # type: ignore[misc]  # bound now
        )
        for percentile in (100.0, 99.0, 50.0)
        for share in (1.0, 3.0)
        for wise in (False, True)
    },
    **{
        f"{kind} {momentum}, {'channels' if wise else 'layer'}": (
            lambda m=make, w=wise, x=momentum: m(w, x)  # type: ignore[misc]  # bound now
        )
        for kind, make in {
            "percentile 99": lambda wise, momentum: PercentileThreshold(SITE, 99.0, wise, momentum),
            "percentile 50": lambda wise, momentum: PercentileThreshold(SITE, 50.0, wise, momentum),
            **{
                f"least squares {neuron}": lambda wise, momentum, n=neuron: LeastSquaresThreshold(
                    n, SITE, 8, wise, momentum
                )
                for neuron in (AdaFire(), IntegrateAndFire(), Tracking(), IntegerBinaryRangeAlignment())
            },
        }.items()
        for momentum in (0.9, 0.0, None)
        for wise in (False, True)
    },
    **{
        f"voltage {mode}, {'channels' if wise else 'layer'}": (
            lambda m=mode, w=wise: VoltageThreshold(SITE, m, 0.1, w)  # type: ignore[misc]  # bound now
        )
        for mode in ("max", "50%", "99.9%", 0.5)
        for wise in (False, True)
    },
}


def found(observer: Observer, given: list[Tensor]) -> Tensor:
    for batch in given:
        observer.update(batch)
    return observer.stats().threshold.flatten()


@pytest.mark.parametrize("name", OBSERVERS)
@pytest.mark.parametrize("scale", [2.0**-12, 0.25, 8.0, 2.0**12])
def test_thresholds_scale_exactly_with_the_activation(name: str, scale: float) -> None:
    plain = found(OBSERVERS[name](), batches())
    scaled = found(OBSERVERS[name](), [batch * scale for batch in batches()])
    assert torch.equal(scaled[:3], plain[:3] * scale)
    assert [float(threshold) for threshold in (*plain[3:], *scaled[3:])] == [1.0] * 2 * len(plain[3:])


@pytest.mark.parametrize("name", [name for name in OBSERVERS if "channels" in name and "voltage" not in name])
def test_a_channel_that_is_silent_in_a_batch_is_as_if_it_had_not_been_there(name: str) -> None:
    whole = found(OBSERVERS[name](), batches())[SILENT]
    heard = found(OBSERVERS[name](), batches()[1::2])[SILENT]
    assert torch.equal(whole, heard)


@pytest.mark.parametrize("name", [name for name in Registry().neurons if name != "qcfs"])  # the network's own parameter
def test_a_neurons_own_threshold_is_known_beforehand_or_scales(name: str) -> None:
    neuron = Registry().neurons[name]()
    activation = neuron.activations[0] if neuron.activations else "relu"
    site = Site("s", "s", activation, torch.relu, (None, 4, 5), channel=1, arguments=(1.0, 8))
    plain, scaled = (found(neuron.observer(site), [batch * scale for batch in batches()]) for scale in (1.0, 2.0**5))
    assert torch.equal(scaled, plain) or torch.equal(scaled, plain * 2.0**5)


def test_a_percentile_that_hardly_anything_exceeds_is_the_largest_value() -> None:
    rows = torch.zeros(2, 100).double()
    rows[0, 7] = 3.0
    rows[1, :60] = torch.arange(1.0, 61.0).double()
    assert magnitude_percentile(rows, 90.0).tolist() == [3.0, 50.0]
