"""Which samples a run takes: to calibrate with, drawn with the seed, and to test on, the same ones always."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from snnfw import SnnfwError

if TYPE_CHECKING:
    from collections.abc import Sequence


def shuffle(count: int, seed: int) -> list[int]:
    """Return the numbers below ``count`` in an order that ``seed`` fixes."""
    order: list[int] = torch.randperm(count, generator=torch.Generator().manual_seed(seed)).tolist()
    return order


def choose_tested(count: int, limit: int | None) -> Sequence[int]:
    """Return the numbers of the evaluation samples that count, at most ``limit`` where it is given.

    The choice doesn't depend on the run's seed, so that runs stay comparable; it is mixed because files are listed
    class by class.
    """
    return range(count) if limit is None else shuffle(count, seed=0)[:limit]


def require_samples(data: str, things: str, calibration: int, evaluation: int) -> None:
    """Raise an SnnfwError unless there is something to calibrate with and to test on; ``things`` names the samples."""
    for split, count, least in (("calibration", calibration, 2), ("evaluation", evaluation, 1)):
        if count < least:
            raise SnnfwError(f"data '{data}' has {count} {split} {things}, {least} or more are needed.")
