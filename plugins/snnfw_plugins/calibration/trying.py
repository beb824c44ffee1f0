"""Find the threshold of least squared error by trying many, each on no more values than it takes to rule it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

Quantise = Callable[[Tensor, Tensor], Tensor]
"""A function of values [R, K] and of each row's threshold [R, 1], element by element."""

BLOCK = 2**16
"""Values that are quantised at once, so that what is made of them stays in a cache."""

FEWEST = 64
"""Fewest values of a row to quantise before looking which thresholds are ruled out."""

FEW = 4
"""So many thresholds of a row are not worth finding out which of them are ruled out."""

SHARE = 16
"""Share of a row's values after which thresholds are ruled out for the first time."""

ROUNDING = 0.01
"""Relative error of an error that is added up in the values' own precision, generously."""


def first_least(rows: Tensor, quantise: Quantise, thresholds: Tensor, possible: Tensor | None = None) -> Tensor:
    """Return each row's threshold, of [R, P], with the least error Σ (quantise(a, θ) - a)²; the first of equals.

    Errors only grow with the values that are added: a threshold whose error on some of them is above another's on all
    of them is ruled out. ``possible`` says which thresholds may be the best at all.
    """
    possible = torch.ones_like(thresholds, dtype=torch.bool) if possible is None else possible
    errors = torch.where(possible, 0.0, torch.inf).double()
    whole = torch.full_like(errors[:, 0], torch.inf)
    rules_out = int(possible.sum()) > FEW * len(rows)
    for begin, end in stages(rows.shape[1]) if rules_out else [(0, rows.shape[1])]:
        row, column = _left(errors, whole)
        errors[row, column] += _errors(rows[:, begin:end], quantise, row, thresholds[row, column])
        if begin == 0 and end < rows.shape[1]:
            everyone = torch.arange(len(rows), device=rows.device)
            promising = thresholds.gather(1, errors.argmin(1, keepdim=True)).squeeze(1)
            whole = _errors(rows, quantise, everyone, promising) * (1 + ROUNDING)
    errors = torch.where(errors <= errors.amin(1, keepdim=True), errors, torch.inf)
    first = (errors < torch.inf).to(torch.uint8).argmax(1, keepdim=True)
    return thresholds.gather(1, first).squeeze(1)


def stages(columns: int) -> Iterator[tuple[int, int]]:
    """Yield from where to where the values of a row are gone through: twice as many of them each time."""
    begin, end = 0, min(columns, max(FEWEST, columns // SHARE))
    while begin < columns:
        yield begin, end
        begin, end = end, min(columns, 2 * end)


def _left(errors: Tensor, whole: Tensor) -> tuple[Tensor, Tensor]:
    """Return rows and columns of the thresholds that are not ruled out, of rows that have several."""
    left = (errors < torch.inf) & (errors <= whole.unsqueeze(1))
    row, column = (left & (left.sum(1, keepdim=True) > 1)).nonzero(as_tuple=True)
    return row, column


def _errors(rows: Tensor, quantise: Quantise, chosen: Tensor, thresholds: Tensor) -> Tensor:
    """Return the squared error of each chosen row with its threshold, [P]; added up in 64 bits, block by block."""
    if not len(chosen):
        return thresholds.double()
    found = []
    for row, threshold in zip(
        *(each.split(max(1, BLOCK // rows.shape[1])) for each in (chosen, thresholds)), strict=True
    ):
        values = rows.expand(len(row), -1) if len(rows) == 1 else rows.index_select(0, row)
        parts = [
            (quantise(block, threshold.unsqueeze(1)) - block).square_().sum(1).double()
            for block in values.split(max(1, BLOCK // len(row)), dim=1)
        ]
        found.append(torch.stack(parts).sum(0))
    return torch.cat(found)
