"""What two networks answer for some labelled samples, timestep by timestep, and which of them to look at."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from snnfw import Batch
from snnfw.simulate import require_logits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from snnfw import Batches, Output, View
    from snnfw_tasks.samples.confusions import Confusions

MOST_SAMPLES, MOST_NUMBERS = 1024, 2**20
"""So many samples are looked at, of small inputs; of larger ones as many as hold so many numbers together."""
MOST_CLASSES = 4
"""Most classes of a sample to draw: the truth, what both networks say, and the likeliest at some time."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Samples with their true classes [N], the network's probabilities [N, K] and what the spiking one said [N].

    Of those at ``chosen`` the spiking network's probabilities are known, after each of ``timesteps`` [T, chosen, K].
    """

    classes: Sequence[str]
    truth: Tensor
    network: Tensor
    said: Tensor
    chosen: Sequence[int]
    timesteps: Sequence[int]
    over_time: Tensor

    @property
    def differ(self) -> int:
        """Return how many samples the two networks answer differently."""
        return int((self.network.argmax(1) != self.said).sum())


def answers_of(view: View, classes: Sequence[str]) -> Answers:
    """Return what both networks answer."""
    truth = view.batch.target.cpu()
    return Answers(
        classes=classes,
        truth=truth,
        network=probabilities(view.network),
        said=torch.tensor(view.scorer.answers[: len(truth)]),
        chosen=list(range(len(truth)) if view.chosen is None else view.chosen),
        timesteps=list(view.spiking),
        over_time=torch.stack([probabilities(output) for output in view.spiking.values()]),
    )


def probabilities(output: Output) -> Tensor:
    """Return the classes' probabilities [N, K]."""
    return require_logits(output).detach().cpu().float().softmax(1)


def gather_samples(batches: Batches[Batch], least: int) -> Batch:
    """Return the first samples together, as many as can be looked at in a moment, ``least`` of them where there are."""
    inputs, targets, held = [], [], 0
    most = MOST_SAMPLES
    for batch in batches:
        (tensor,) = batch.inputs
        most = max(least, min(MOST_SAMPLES, MOST_NUMBERS // max(1, tensor[0].numel())))
        inputs.append(tensor)
        targets.append(batch.target)
        held += len(tensor)
        if held >= most:
            break
    return Batch(inputs=(torch.cat(inputs)[:most],), target=torch.cat(targets)[:most])


def choose_samples(batch: Batch, network: Output, counted: Confusions, count: int) -> list[int]:
    """Return the samples to look at, of many classes: where the networks differ, where both are wrong, and right ones.

    A third are right ones, as long as there are such.
    """
    met: Counter[tuple[int, int]] = Counter()
    ranked = []
    answers = zip(batch.target.tolist(), require_logits(network).argmax(1).tolist(), counted.answers, strict=False)
    for position, (truth, told, said) in enumerate(answers):
        rank = 0 if told != said else 1 if said != truth else 2
        ranked.append((rank, met[rank, truth], position))
        met[rank, truth] += 1
    ranked.sort()
    right = [position for rank, _, position in ranked if rank == 2]
    others = [position for rank, _, position in ranked if rank < 2]
    few = min(len(right), max(count - len(others), count // 3))
    return [*others[: count - few], *right[:few]]


def likeliest(network: Tensor, over_time: Tensor, truth: int) -> list[int]:
    """Return the classes of a sample to draw, by probabilities [K] and [T, K]: the truth first, each once."""
    said = [int(network.argmax()), int(over_time[-1].argmax())]
    others = torch.maximum(network, over_time.amax(0)).argsort(descending=True, stable=True).tolist()
    return list(dict.fromkeys([truth, *said, *others]))[:MOST_CLASSES]
