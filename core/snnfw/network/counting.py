"""What the run at hand of a model took, as an evaluation would count it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from snnfw.energy.events import accumulations, spikes
from snnfw.errors import SnnfwError
from snnfw.simulate.trace import Point
from snnfw.spiking.model import SpikingModel


@dataclass(frozen=True, slots=True)
class LastRun:
    """A run by its mark, with how often its output was read; ``point`` where it was counted before it was left.

    ``passes`` is how often the network itself would run on the same inputs: once, or once for each frame.
    """

    run: object
    reads: int
    passes: int
    point: Point | None = None

    def count(self, model: SpikingModel) -> Point:
        """Return means over samples of what it took.

        Raises:
            SnnfwError: something else has run on the model since.

        """
        if self.point is not None:
            return self.point
        if model.run is not self.run:
            raise SnnfwError(
                "the network's last run is gone: it was evaluated, moved or cast since. Call it again; an evaluation's "
                "own counts are in its report."
            )
        return count_run(model, self.reads)


@torch.no_grad()
def count_run(model: SpikingModel, reads: int) -> Point:
    """Return what the run at hand took so far, means over its samples; scores it has none."""
    return Point(
        timestep=model.elapsed,
        scores={},
        steps=float(model.elapsed),
        reads=float(reads),
        spikes=_means(spikes(model)),
        accumulations=_means(accumulations(model)),
    )


def _means(counts: dict[str, Tensor]) -> dict[str, float]:
    return {name: float(each.cpu().sum()) / len(each) for name, each in counts.items()}
