"""What a report keeps of the data and the network that a task brought together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence, Sized

    from torch import nn


def describe_bundle(
    classes: Sequence[str],
    shape: Sequence[int],
    calibration: Sized,
    evaluation: Sized,
    network: nn.Module,
    read: Mapping[str, Any],
    **counts: int,
) -> dict[str, Any]:
    """Return the description of a bundle; ``read`` is what a reader of files said, ``counts`` what a task counts."""
    return {
        "classes": list(classes),
        "sample_shape": list(shape),
        "calibration_samples": len(calibration),
        "evaluation_samples": len(evaluation),
        **counts,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        **read,
    }
