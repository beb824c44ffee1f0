"""A small network for frames of events, as a model source and as torch modules made on demand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from snnfw_tasks.networks.shipped import shipped_weights

if TYPE_CHECKING:
    from torch import nn

    from snnfw import Resources

WIDTHS = (16, 32, 64, 128)
"""Channels after each convolution; all but the first halve the resolution."""

GRID = 3
"""The head gets averages over a grid of so many rows and columns, so that it sees where things are."""

CLASSES = 20
"""Classes that the shipped weights tell apart: ten digits, turning either way."""


@dataclass(frozen=True, slots=True)
class EventsSmall:
    """Four convolutions without max pooling and a linear layer that sees where in the image things are."""

    name: ClassVar[str] = "events-small"
    tasks: ClassVar[tuple[str, ...]] = ("events",)

    weights: Annotated[
        Path | None,
        Field(
            description="a .safetensors or .pth file; without it the shipped ones, trained with plugin=inflor for the "
            "20 classes of the embedded recordings, and random ones for any other number of classes"
        ),
    ] = None

    def preprocess(self) -> None:
        """Return nothing: frames of events are made as the data source says."""

    def build(self, classes: int, resources: Resources) -> nn.Module:
        """Return the network for ``classes`` classes."""
        from snnfw_tasks.networks.checkpoint import build_seeded, load_weights

        module = build_seeded(lambda: events_small(classes), resources.seed)
        if self.weights or classes == CLASSES:
            load_weights(module, self.weights or shipped_weights(self.name))
        return module


def events_small(classes: int) -> nn.Module:
    """Return the network with random weights: logits [N, classes] for frames [N, 2, H, W] of 24 by 24 or more."""
    from torch import nn

    features: list[nn.Module] = []
    channels = 2
    for width in WIDTHS:
        stride = 2 if features else 1
        convolution = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
        nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
        features += [convolution, nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    head = [nn.AdaptiveAvgPool2d(GRID), nn.Flatten(), nn.Linear(channels * GRID**2, classes)]
    return nn.Sequential(*features, *head)
