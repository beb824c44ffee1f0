from __future__ import annotations

import pytest
import torch
from torch import Tensor

from snnfw_plugins.inflor.rectifier import rectify, slope, straight_through

GRID = torch.linspace(-4, 5, 9001, dtype=torch.float64)

VALUES = {
    -7.0: -1.0, -1.0: -0.259921, -0.5: -0.144714, 0.0: 0.0, 0.1: 0.039493, 0.25: 0.149146, 0.4: 0.339080, 0.5: 0.5,
    0.6: 0.660920, 0.75: 0.850854, 0.9: 0.960507, 1.0: 1.0, 1.5: 1.144714, 2.0: 1.259921, 8.0: 2.0,
}  # fmt: skip

SLOPES = {0.0: 0.2995, 0.25: 0.9887, 0.5: 1.6572, 0.75: 0.9887, 1.0: 0.2995}


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def gradient(potential: Tensor) -> Tensor:
    """Return the rectifier's derivative by autograd."""
    u = potential.clone().requires_grad_()
    rectify(u).sum().backward()
    assert u.grad is not None
    return u.grad


def fired(potential: Tensor) -> Tensor:
    return (potential >= 0.5).double()


@pytest.mark.parametrize("potential", VALUES)
def test_values_are_those_of_the_published_function(potential: float) -> None:
    assert rectify(number(potential)).item() == pytest.approx(VALUES[potential], abs=5e-7)


@pytest.mark.parametrize("potential", SLOPES)
def test_slopes_are_those_of_the_published_function(potential: float) -> None:
    assert slope(number(potential)).item() == pytest.approx(SLOPES[potential], abs=5e-5)


def test_it_is_symmetric_about_one_half() -> None:
    torch.testing.assert_close(rectify(1 - GRID), 1 - rectify(GRID), rtol=0, atol=1e-14)


def test_it_is_continuous_and_rises_everywhere() -> None:
    steps = rectify(GRID).diff()
    assert bool((steps > 0).all())
    assert steps.max() < 1.7 * 0.001  # the steepest slope times the grid's step


def test_what_fires_with_it_fires_without_it() -> None:
    assert torch.equal(rectify(GRID) >= 0.5, GRID >= 0.5)


def test_it_never_moves_a_potential_away_from_its_spike() -> None:
    spike = fired(GRID)
    before, after = (spike - GRID) ** 2, (spike - rectify(GRID)) ** 2
    assert bool((after <= before + 1e-15).all())
    moved = (GRID.abs() > 1e-9) & ((GRID - 1).abs() > 1e-9) & ((GRID - 0.5).abs() > 1e-9)
    assert bool((after < before)[moved].all())


def test_a_gaussian_gathers_at_zero_and_one() -> None:
    u = 0.5 + torch.randn(100_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    spike, modulated = fired(u), rectify(u)
    assert ((spike - modulated) ** 2).mean() < 0.5 * ((spike - u) ** 2).mean()

    def share(values: Tensor, centre: float) -> float:
        return float(((values - centre).abs() < 0.1).double().mean())

    assert share(u, 0.5) > max(share(u, 0.0), share(u, 1.0))
    assert share(modulated, 0.5) < min(share(modulated, 0.0), share(modulated, 1.0))


@pytest.mark.parametrize("potential", [-1e4, -1.0, 0.0, 0.5, 1.0, 2.0, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_value_and_gradient_are_finite_everywhere(potential: float, dtype: torch.dtype) -> None:
    u = torch.tensor(potential, dtype=dtype)
    assert torch.isfinite(rectify(u))
    assert torch.isfinite(gradient(u))
    assert gradient(u) > 0
    assert torch.isfinite(slope(u))


def test_the_gradient_is_the_derivative() -> None:
    smooth = GRID[(GRID.abs() > 0.01) & ((GRID - 1).abs() > 0.01)]
    numerical = (rectify(smooth + 1e-6) - rectify(smooth - 1e-6)) / 2e-6
    torch.testing.assert_close(gradient(smooth), numerical, rtol=1e-7, atol=1e-7)


def test_the_slope_is_the_derivative_between_zero_and_one_and_nothing_outside() -> None:
    inside = (GRID >= 0) & (GRID <= 1)
    torch.testing.assert_close(slope(GRID)[inside], gradient(GRID)[inside], rtol=1e-14, atol=1e-14)
    assert not slope(GRID)[~inside].any()
    assert torch.equal(straight_through(GRID), inside.double())
