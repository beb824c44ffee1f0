"""Bound the squared error of quantising many values by sorting them into narrow bins, instead of quantising each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

FINEST = 2**15
"""Most bins of a row: many enough that hardly a value lies in one that a step of the quantiser falls into."""

COARSER = 8
"""How many bins go together in a look before the last, which rules out most thresholds."""

COARSEST = 2**5
"""Fewest bins of a look."""

ALL = 2**20
"""Most bins of all rows together."""

MOST = 2**16
"""Most bins that are gone through at once to bound errors."""

FEWEST = 2**8
WORTH = 48
"""Values for each bin from which on counting them takes less time than quantising them."""

BLOCK = 2**18
"""Values that are sorted at once, so that what is made of them stays in a cache."""

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

    def of_rows(self, chosen: Tensor) -> Histogram:
        """Return these rows ([K], long), of which one may come several times."""
        parts = (self.counts, self.sums, self.low, self.width, self.squares)
        return Histogram(*(part.index_select(0, chosen) for part in parts))

    def bounds(self, quantise: Quantise, thresholds: Tensor) -> tuple[Tensor, Tensor]:
        """Return what Σ (quantise(a, θ) - a)² is at least and at most for each row's threshold [R], [R] each.

        That is Σ a² + Σ (q² - 2 q a). With q = s + d, where s is q at a bin's first edge, the latter is s² - 2 s a,
        which count and sum of a bin say exactly, and d (d - 2 (a - s)). Where q is the same at both edges d is 0, in
        any other bin between 0 and what q grows by. Of what falls nothing is known.
        """
        bins = torch.arange(self.counts.shape[1], dtype=torch.float64, device=self.counts.device)
        first, last = (torch.addcmul(self.low, bins + shift, self.width) for shift in (-SLACK, 1 + SLACK))
        small, large = (quantise(edge.to(thresholds.dtype), thresholds.unsqueeze(1)).double() for edge in (first, last))
        known = ((self.counts * small).sub_(self.sums, alpha=2).mul_(small)).sum(1)
        growth = large.sub_(small)
        places = ((growth > 0) & (self.counts > 0)).nonzero(as_tuple=True)
        counts, grown, small_there = self.counts[places], growth[places], small[places]
        above, beyond = first[places] - small_there, last[places] - small_there
        deepest = torch.minimum(beyond.clamp(min=0), grown)
        least = known.index_add(0, places[0], counts * deepest * (deepest - 2 * beyond))
        most = known.index_add(0, places[0], counts * (grown * (grown - 2 * above)).clamp_(min=0))
        rises = (growth >= 0).all(1)
        least, most = least + (1 - ROUNDING) * self.squares, most + (1 + ROUNDING) * self.squares
        return torch.where(rises, least, -torch.inf), torch.where(rises, most, torch.inf)


def bins_for(rows: Tensor) -> int:
    """Return how many bins are worth their while for rows of values; 0 where none are."""
    most = min(FINEST, ALL // len(rows), rows.shape[1] // WORTH)
    return 0 if most < FEWEST else 2 ** (most.bit_length() - 1)


def sort_into_bins(rows: Tensor, bins: int) -> Histogram:
    """Return the histogram of rows [R, K] of finite values."""
    wide = torch.promote_types(rows.dtype, torch.float32)
    low = rows.amin(1).to(wide)
    span = (rows.amax(1).to(wide) - low).double()
    width = torch.where(span > 0, span, torch.ones_like(span)) / bins
    counts = torch.zeros(len(rows), bins, dtype=torch.float64, device=rows.device)
    sums, squares = torch.zeros_like(counts), torch.zeros(len(rows), dtype=torch.float64, device=rows.device)
    low, scale = low.unsqueeze(1), (1 / width).to(wide).unsqueeze(1)
    for some in torch.arange(len(rows), device=rows.device).split(max(1, BLOCK // rows.shape[1])):
        begin, end = int(some[0]), int(some[-1]) + 1
        starts = bins * (some - begin).unsqueeze(1)
        for block in rows[begin:end].split(BLOCK, dim=1):
            places = ((block.to(wide) - low[begin:end]) * scale[begin:end]).long().clamp_(0, bins - 1)
            places, exact = places.add_(starts).flatten(), block.double()
            counts[begin:end].flatten().add_(torch.bincount(places, minlength=len(some) * bins))
            sums[begin:end].flatten().scatter_add_(0, places, exact.flatten())
            squares[begin:end] += torch.linalg.vecdot(exact, exact)
    return Histogram(counts, sums, low.double(), width.unsqueeze(1), squares)


def possibly_least(histogram: Histogram, quantise: Quantise, thresholds: Tensor) -> Tensor:
    """Return with which thresholds [R, P] the error of a row may be the least, as booleans.

    Few and wide bins are looked at first, and for what they leave the next narrower ones.
    """
    looks = [histogram]
    while looks[0].counts.shape[1] >= COARSER * COARSEST:
        looks.insert(0, looks[0].coarser())
    possible = torch.ones_like(thresholds, dtype=torch.bool)
    for look in looks:
        least, most = torch.full((2, *thresholds.shape), torch.inf, dtype=torch.float64, device=thresholds.device)
        for places in possible.nonzero().split(max(1, MOST // look.counts.shape[1])):
            place = tuple(places.T)
            least[place], most[place] = look.of_rows(place[0]).bounds(quantise, thresholds[place])
        possible &= least <= most.amin(1, keepdim=True)
    return possible
