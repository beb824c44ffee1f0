"""M5 (Dai et al. 2017), a convolutional network for waveforms, as torch modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

KERNEL = 80
"""Samples that the first convolution looks at: ten milliseconds at 8 kHz."""

POOL = 4
"""By so much each pooling shortens what it gets."""


class M5(nn.Module):
    """Four convolutions, each followed by batch normalisation, ReLU and maximum pooling, a mean over time, one linear.

    The first convolution has ``stride`` and a kernel of 80 samples, the others one of 3; none pads. There is no softmax
    at the end: the outputs are logits.
    """

    def __init__(self, widths: Sequence[int] = (32, 32, 64, 64), stride: int = 16, classes: int = 35) -> None:
        super().__init__()
        channels = (1, *widths)
        layers: list[nn.Module] = []
        for number, (inputs, outputs) in enumerate(zip(channels, widths, strict=False)):
            first = number == 0
            layers += [
                nn.Conv1d(inputs, outputs, KERNEL if first else 3, stride if first else 1),
                nn.BatchNorm1d(outputs),
                nn.ReLU(),
                nn.MaxPool1d(POOL),
            ]
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool1d(1)
        self.fc = nn.Linear(channels[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, classes] for waveforms [N, 1, samples]."""
        logits: Tensor = self.fc(self.pool(self.features(x)).flatten(1))
        return logits
