"""Bins rule thresholds out without ever ruling out the best one: what is found is what trying every threshold finds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from snnfw import Quantiser, Registry, Site
from snnfw_plugins.calibration import histogram, thresholds
from snnfw_plugins.calibration.histogram import bins_for, possibly_least, sort_into_bins
from snnfw_plugins.calibration.thresholds import CANDIDATES, LeastSquaresThreshold
from snnfw_plugins.integrate_and_fire import IntegrateAndFire
from snnfw_plugins.tracking import Tracking

SITE = Site("relu", "relu", "relu", torch.relu, (None, 4), 1)
METHODS: dict[str, Quantiser] = {
    "floor": IntegrateAndFire(shift=True), "round": Tracking(phi=1), "many levels": Tracking(phi=16),
}  # fmt: skip
NEURONS = Registry().neurons.values()
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "relu6": lambda x: (3 * x).clamp(0, 6),
    "silu": lambda x: torch.nn.functional.silu(3 * x),
    "constant": torch.ones_like,
    "silent": torch.zeros_like,
    "one channel silent": lambda x: x.relu() * torch.arange(len(x)).clamp(max=1).unsqueeze(1),
}


def noise(rows: int, columns: int, dtype: torch.dtype) -> Tensor:
    return torch.randn(rows, columns, dtype=dtype, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("rows", "columns"), [(1, 40_000), (3, 20_000), (3, 500)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_threshold_is_what_trying_all_of_them_finds(
    monkeypatch: pytest.MonkeyPatch, method: str, activation: str, rows: int, columns: int, dtype: torch.dtype
) -> None:
    values = ACTIVATIONS[activation](noise(rows, columns, dtype))
    before = values.clone()
    observer = LeastSquaresThreshold(METHODS[method], SITE, 4, False, None)
    found = observer.find(values)
    assert torch.equal(values, before)
    monkeypatch.setattr(thresholds, "bins_for", lambda _: 0)
    assert torch.equal(found, observer.find(values))
    peaks = values.abs().amax(1)
    tried = torch.stack([peaks.where(peaks > 0, 1.0) * (1 - 0.01 * index) for index in range(CANDIDATES)], 1)
    errors = [
        (METHODS[method].quantise(values, each, 4) - values).square().double().sum(1) for each in tried.split(1, 1)
    ]
    wanted = tried.gather(1, torch.stack(errors, 1).argmin(1, keepdim=True)).squeeze(1)
    assert torch.equal(found, torch.where(peaks > 0, wanted, peaks))


def test_most_thresholds_are_ruled_out() -> None:
    values = noise(1, 2**21, torch.float32).relu()
    candidates = values.amax(1, keepdim=True) * torch.linspace(1, 0.06, CANDIDATES)

    def quantise(activation: Tensor, threshold: Tensor) -> Tensor:
        return METHODS["floor"].quantise(activation, threshold, 4)

    assert bins_for(values) == histogram.FINEST
    assert int(possibly_least(sort_into_bins(values, histogram.FINEST), quantise, candidates).sum()) <= 5


@pytest.mark.parametrize("bins", [256, 4096])
def test_bounds_hold_the_error(bins: int) -> None:
    values = noise(2, 30_000, torch.float64)
    candidates = values.amax(1, keepdim=True) * torch.tensor([[1.0, 0.5, 0.2]], dtype=torch.float64)

    def quantise(activation: Tensor, threshold: Tensor) -> Tensor:
        return METHODS["round"].quantise(activation, threshold, 8)

    rows = torch.arange(2).repeat_interleave(3)
    least, most = sort_into_bins(values, bins).of_rows(rows).bounds(quantise, candidates.flatten())
    least, most = least.view(2, 3), most.view(2, 3)
    error = torch.stack([(quantise(values, each) - values).square().sum(1) for each in candidates.split(1, 1)], 1)
    assert bool((least <= error).all())
    assert bool((error <= most).all())
    assert bool(((most - least) < error).all())


def test_of_a_quantiser_that_falls_nothing_is_ruled_out() -> None:
    values = noise(1, 30_000, torch.float64)
    candidates = torch.tensor([[1.0, 0.5]], dtype=torch.float64)
    assert bool(possibly_least(sort_into_bins(values, 256), lambda a, _: -a, candidates).all())


@pytest.mark.parametrize(
    ("rows", "columns", "bins"), [(1, 48 * 2**8 - 1, 0), (1, 48 * 2**8, 256), (1, 2**24, 2**15), (64, 2**24, 2**14)]
)
def test_bins_are_as_many_as_are_worth_their_while(rows: int, columns: int, bins: int) -> None:
    assert bins_for(torch.empty(1).expand(rows, columns)) == bins


@pytest.mark.parametrize("method", [made for made in (kind() for kind in NEURONS) if isinstance(made, Quantiser)])
def test_closed_forms_rise(method: Quantiser) -> None:
    activation = torch.linspace(-2, 2, 4001, dtype=torch.float64).unsqueeze(0)
    quantised = method.quantise(activation, torch.full((1, 1), 0.3, dtype=torch.float64), 4)
    assert bool((quantised.diff(dim=1) >= 0).all())
