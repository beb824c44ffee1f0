"""M5 as model sources: with the weights that come with the package, and in any width with others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from snnfw_tasks.networks.shipped import OtherWeights, shipped_weights

if TYPE_CHECKING:
    from torch import nn

    from snnfw import Resources

EMBEDDED_WIDTHS = (32, 96, 128, 128)
"""Of the network that comes along: wider than usual behind the first layer, whose waveforms it has to multiply."""

Width = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True)
class M5Words:
    """An M5 trained on the embedded words, with 32, 96, 128 and 128 channels."""

    name: ClassVar[str] = "m5-words"
    tasks: ClassVar[tuple[str, ...]] = ("speech",)

    weights: OtherWeights = None

    def preprocess(self) -> None:
        """Return nothing: waveforms are prepared as the data source says."""

    def build(self, classes: int, resources: Resources) -> nn.Module:
        """Return the network with ten outputs."""
        del classes, resources  # what was trained is fixed
        from snnfw_tasks.networks.checkpoint import load_weights

        module = build_embedded()
        load_weights(module, self.weights or shipped_weights(self.name))
        return module


@dataclass(frozen=True, slots=True)
class M5Model:
    """M5 (Dai et al. 2017) for waveforms, by default as narrow as in torchaudio's tutorial.

    The paper's has ``widths=[128,128,256,512] stride=4``.
    """

    name: ClassVar[str] = "m5"
    tasks: ClassVar[tuple[str, ...]] = ("speech",)

    widths: Annotated[tuple[Width, Width, Width, Width], Field(description="channels of the four convolutions")] = (
        32,
        32,
        64,
        64,
    )
    stride: Annotated[int, Field(ge=1, description="samples between two places of the first convolution")] = 16
    weights: Annotated[
        Path | None, Field(description="a .safetensors or .pth file; without it random, drawn with the seed")
    ] = None

    def preprocess(self) -> None:
        """Return nothing: waveforms are prepared as the data source says."""

    def build(self, classes: int, resources: Resources) -> nn.Module:
        """Return the network for ``classes`` classes."""
        from snnfw_tasks.networks.checkpoint import build_seeded, load_weights
        from snnfw_tasks.speech.models.m5_network import M5

        module = build_seeded(lambda: M5(self.widths, self.stride, classes), resources.seed)
        if self.weights:
            load_weights(module, self.weights)
        return module


def build_embedded() -> nn.Module:
    """Return the architecture of the shipped weights with fresh random ones, as training starts from."""
    from snnfw_tasks.speech.data.words_sounds import WORDS
    from snnfw_tasks.speech.models.m5_network import M5

    return M5(EMBEDDED_WIDTHS, classes=len(WORDS))
