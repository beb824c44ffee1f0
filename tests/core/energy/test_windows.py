"""The sums over the windows of average pools, against every element's own way through the pool."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from snnfw.energy.windows import window_sum

aten = torch.ops.aten
SIZES = {1: (7,), 2: (7, 5), 3: (5, 4, 3)}

CALLS: list[tuple[Any, int, tuple[Any, ...], dict[str, Any]]] = [
    (aten.avg_pool1d, 1, ([3],), {}),
    (aten.avg_pool1d, 1, ([3], [2], [1], True, False), {}),
    (aten.avg_pool1d, 1, ([3], [2]), {"padding": [1], "ceil_mode": True}),
    (aten.avg_pool2d, 2, ([2, 3],), {}),
    (aten.avg_pool2d, 2, ([2],), {"stride": [1]}),
    (aten.avg_pool2d, 2, ([3, 3], [2, 2], [1, 1], True, False), {}),
    (aten.avg_pool2d, 2, ([3, 2], [], [1, 0]), {"count_include_pad": False}),
    (aten.avg_pool2d, 2, ([2, 2], [2, 2], [0, 0], True, True, 5), {}),
    (aten.avg_pool3d, 3, ([2, 2, 2],), {}),
    (aten.avg_pool3d, 3, ([3, 2, 2], [2, 1, 1], [1, 1, 0], True), {}),
    (aten.adaptive_avg_pool1d, 1, ([3],), {}),
    (aten.adaptive_avg_pool1d, 1, ([9],), {}),
    (aten.adaptive_avg_pool2d, 2, ([3, 8],), {}),
    (aten._adaptive_avg_pool2d, 2, ([7, 1],), {}),
    (aten.adaptive_avg_pool3d, 3, ([2, 3, 5],), {}),
    (aten._adaptive_avg_pool3d, 3, ([5, 1, 2],), {}),
    (aten.mean, 2, ([2, 3],), {}),
    (aten.mean, 2, ([-1], True), {}),
    (aten.sum, 2, ([1, 3],), {"dtype": torch.float64}),
    (aten.sum, 3, ([2],), {"keepdim": True}),
]


def brute_force(operator: Any, counts: Tensor, arguments: tuple[Any, ...], options: dict[str, Any]) -> Tensor:
    """Send each element through the pool alone, and add its count wherever something of it comes out."""
    total = torch.zeros_like(operator(counts, *arguments, **options))
    for element in range(counts[0].numel()):
        alone = torch.zeros_like(counts)
        alone.flatten(1)[:, element] = 1
        reached = operator(alone, *arguments, **options) != 0
        total += reached * counts.flatten(1)[:, element].view(-1, *[1] * (reached.dim() - 1))
    return total


@pytest.mark.parametrize(("operator", "dims", "arguments", "options"), CALLS)
def test_every_window_is_summed_as_large_as_it_is(
    operator: Any, dims: int, arguments: tuple[Any, ...], options: dict[str, Any]
) -> None:
    generator = torch.Generator().manual_seed(0)
    counts = torch.randint(0, 9, (2, 3, *SIZES[dims]), generator=generator).double()
    found = window_sum(operator, counts, arguments, options)
    torch.testing.assert_close(found, brute_force(operator, counts, arguments, options))
