"""Bound the squared error of quantising many values by sorting them into narrow bins, instead of quantising each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

FINEST = 2**15
"""Most bins of a row: many enough that hardly a value lies in one that a step of the quantiser falls into."""

COARSER = 16
"""How many bins go together in a first look, which rules out most thresholds."""

MOST = 2**20
"""Most bins of all rows together, and most values that are quantised at once to bound errors."""

FEWEST = 2**8
WORTH = 24
"""Values for each bin from which on counting them takes less time than quantising them."""

BLOCK = 2**16
"""Values that are gone through at once, so that what is made of them stays in a cache."""

SLACK = 0.01
"""Share of its width by which a bin is taken to be wider: values are sorted with rounding errors."""

ROUNDING = 1e-9
"""Relative error of what is added up here in 64 bits, generously."""

Quantise = Callable[[Tensor, Tensor], Tensor]
"""A function of values [R, K] and of each row's threshold [R, 1], element by element, that rises with the values."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Rows of values in bins of equal width, [R, B]: how many each holds and their sum; [R, 1]: first edge and width.

    ``squares`` [R] is the sum of all squared values of a row.
    """

    counts: Tensor
    sums: Tensor
    low: Tensor
    width: Tensor
    squares: Tensor

    def coarser(self) -> Histogram:
        """Return the same with several bins in each."""
        counts, sums = (bins.unflatten(1, (-1, COARSER)).sum(2) for bins in (self.counts, self.sums))
        return Histogram(counts, sums, self.low, self.width * COARSER, self.squares)

    def bounds(self, quantise: Quantise, thresholds: Tensor) -> tuple[Tensor, Tensor]:
        """Return what Σ (quantise(a, θ) - a)² is at least and at most for thresholds [R, P], [R, P] each.

        That is Σ a² + Σ (q² - 2 q a). A bin in which q is the same at both edges says it exactly by its count and sum;
        in any other, q and a are somewhere between their values at the edges. Of what falls nothing is known.
        """
        bins = torch.arange(self.counts.shape[1], dtype=torch.float64, device=self.counts.device)
        edges = [self.low + (bins + shift) * self.width for shift in (-SLACK, 1 + SLACK)]
        (first, small), (last, large) = ((edge.unsqueeze(1), _each(quantise, edge, thresholds)) for edge in edges)
        counts, sums = self.counts.unsqueeze(1), self.sums.unsqueeze(1)
        exact = counts * small.square() - 2 * small * sums
        far = torch.maximum((large - first).square(), (small - last).square())
        near = torch.maximum(small - last, first - large).clamp_(min=0).square_()
        widest = torch.maximum(first.square(), last.square())
        narrowest = torch.where(first * last > 0, torch.minimum(first.square(), last.square()), 0.0)
        same, squares = small == large, self.squares.unsqueeze(1)
        least = torch.where(same, exact, counts * (near - widest)).sum(2) + (1 - ROUNDING) * squares
        most = torch.where(same, exact, counts * (far - narrowest)).sum(2) + (1 + ROUNDING) * squares
        rises = (small <= large).all(2)
        return torch.where(rises, least, -torch.inf), torch.where(rises, most, torch.inf)


def _each(quantise: Quantise, values: Tensor, thresholds: Tensor) -> Tensor:
    """Return values [R, B] quantised with each of their row's thresholds [R, P], as [R, P, B] in 64 bits."""
    repeated = values.to(thresholds.dtype).repeat_interleave(thresholds.shape[1], 0)
    return quantise(repeated, thresholds.reshape(-1, 1)).double().view(*thresholds.shape, -1)


def bins_for(rows: Tensor) -> int:
    """Return how many bins are worth their while for rows of values; 0 where none are."""
    most = min(FINEST, MOST // len(rows), rows.shape[1] // WORTH)
    return 0 if most < FEWEST else 2 ** (most.bit_length() - 1)


def sort_into_bins(rows: Tensor, bins: int) -> Histogram:
    """Return the histogram of rows [R, K] of finite values."""
    wide = torch.promote_types(rows.dtype, torch.float32)
    low = rows.amin(1).to(wide)
    span = (rows.amax(1).to(wide) - low).double()
    width = torch.where(span > 0, span, torch.ones_like(span)) / bins
    counts = torch.zeros(len(rows), bins, dtype=torch.float64, device=rows.device)
    sums, squares = torch.zeros_like(counts), torch.zeros(len(rows), dtype=torch.float64, device=rows.device)
    for row, values in enumerate(rows):
        for block in values.split(16 * BLOCK):
            places = ((block.to(wide) - low[row]) * (1 / width[row]).to(wide)).long().clamp_(0, bins - 1)
            exact = block.double()
            counts[row] += torch.bincount(places, minlength=bins)
            sums[row] += torch.bincount(places, exact, minlength=bins)
            squares[row] += exact.dot(exact)
    return Histogram(counts, sums, low.double().unsqueeze(1), width.unsqueeze(1), squares)


def blocks(rows: Tensor) -> Iterator[Tensor]:
    """Yield rows [R, K] in pieces that stay in a cache, one value of each row at least."""
    yield from rows.split(max(1, BLOCK // len(rows)), dim=1)


def possibly_least(histogram: Histogram, quantise: Quantise, thresholds: Tensor) -> Tensor:
    """Return with which thresholds [R, P] the error of a row may be the least, as booleans."""
    possible = torch.ones_like(thresholds, dtype=torch.bool)
    several = histogram.counts.shape[1] >= COARSER * FEWEST
    for look in [histogram.coarser(), histogram] if several else [histogram]:
        least, most = torch.full((2, *thresholds.shape), torch.inf, dtype=torch.float64, device=thresholds.device)
        for columns in possible.any(0).nonzero().flatten().split(max(1, MOST // 4 // look.counts.numel())):
            least[:, columns], most[:, columns] = look.bounds(quantise, thresholds[:, columns])
        possible &= least <= torch.where(possible, most, torch.inf).amin(1, keepdim=True)
    return possible
