"""How sure an output is, for each sample: from the entropy of its classes, or from the likeliest class."""

from __future__ import annotations

import math

from torch import Tensor


def certainty(logits: Tensor) -> Tensor:
    """Return 1 - h for logits [N, K, ...], [N] in float64: 0 where all classes are alike, 1 where one is certain.

    h = -Σ p log p / log K with p = softmax over the classes, averaged over the trailing dimensions (places).
    """
    log_p = logits.double().log_softmax(1)
    entropy = -(log_p.exp() * log_p).sum(1) / math.log(logits.shape[1])
    return 1 - mean_over_places(entropy)


def confidence(logits: Tensor) -> Tensor:
    """Return the largest probability for logits [N, K, ...], averaged over the places, [N] in float64."""
    return mean_over_places(logits.double().softmax(1).amax(1))


def mean_over_places(values: Tensor) -> Tensor:
    """Return the mean of [N, ...] over everything but the samples."""
    return values.reshape(len(values), -1).mean(1)
