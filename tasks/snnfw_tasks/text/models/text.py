"""The networks for texts as model sources: with the weights that come with the package, and of any size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from snnfw import SnnfwError
from snnfw_tasks.networks.shipped import OtherWeights, shipped_weights
from snnfw_tasks.text.sources import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from snnfw import Resources

EMBEDDED_VOCABULARY = 192
"""Words of the embedded networks: the grammar's and a few rows that stay empty."""

Weights = Annotated[Path | None, Field(description="a .safetensors or .pth file; without it random")]
Dropout = Annotated[float, Field(ge=0, lt=1, description="share of values that training drops")]


@dataclass(frozen=True, slots=True)
class LstmModel:
    """A bidirectional LSTM with a hidden layer of ReLUs behind it, with weights of yours or with random ones."""

    name: ClassVar[str] = "lstm"
    tasks: ClassVar[tuple[str, ...]] = ("text",)

    layers: Annotated[int, Field(ge=1, description="layers of both directions")] = 3
    embedding: Annotated[int, Field(ge=1, description="features of a word")] = 100
    hidden: Annotated[int, Field(ge=1, description="features of a state, in each direction")] = 128
    head: Annotated[int, Field(ge=1, description="ReLUs behind the last states")] = 64
    dropout: Dropout = 0.5
    weights: Weights = None

    def build(self, wanted: Wanted, resources: Resources) -> nn.Module:
        """Return the network; without weights it knows the words of the data's training split."""
        from snnfw_tasks.text.models.lstm import LstmClassifier

        return _loaded(
            lambda: LstmClassifier(
                *(wanted.classes, wanted.vocabulary, self.embedding, self.hidden, self.layers, self.head, self.dropout)
            ),
            wanted,
            self.weights,
            resources,
        )


@dataclass(frozen=True, slots=True)
class TransformerModel:
    """A Transformer encoder, its words averaged, with weights of yours or with random ones."""

    name: ClassVar[str] = "transformer"
    tasks: ClassVar[tuple[str, ...]] = ("text",)

    layers: Annotated[int, Field(ge=1, description="blocks of attention and two layers")] = 2
    features: Annotated[int, Field(ge=1, description="features of a word")] = 64
    heads: Annotated[int, Field(ge=1, description="heads of the attention, which share the features")] = 4
    wide: Annotated[int, Field(ge=1, description="ReLUs of a block, and behind the mean")] = 128
    dropout: Dropout = 0.1
    weights: Weights = None

    def build(self, wanted: Wanted, resources: Resources) -> nn.Module:
        """Return the network; without weights it knows the words of the data's training split."""
        from snnfw_tasks.text.models.transformer import TransformerClassifier

        if self.features % self.heads:
            raise SnnfwError(
                f"model.features={self.features} cannot be shared by model.heads={self.heads}: give a multiple of it."
            )
        return _loaded(
            lambda: TransformerClassifier(
                *(wanted.classes, wanted.vocabulary, self.features, self.heads, self.layers, self.wide, self.dropout)
            ),
            wanted,
            self.weights,
            resources,
        )


@dataclass(frozen=True, slots=True)
class SentencesLstm:
    """A bidirectional LSTM of three layers, trained on the embedded sentences."""

    name: ClassVar[str] = "sentences-lstm"
    tasks: ClassVar[tuple[str, ...]] = ("text",)

    weights: OtherWeights = None

    def build(self, wanted: Wanted, resources: Resources) -> nn.Module:
        """Return the network for two classes, which brings its own words."""
        del wanted, resources  # what was trained is fixed
        return _shipped(self.name, self.weights)


@dataclass(frozen=True, slots=True)
class SentencesTransformer:
    """A Transformer encoder of three blocks, trained on the embedded sentences."""

    name: ClassVar[str] = "sentences-transformer"
    tasks: ClassVar[tuple[str, ...]] = ("text",)

    weights: OtherWeights = None

    def build(self, wanted: Wanted, resources: Resources) -> nn.Module:
        """Return the network for two classes, which brings its own words."""
        del wanted, resources
        return _shipped(self.name, self.weights)


def build_embedded(name: str) -> nn.Module:
    """Return the architecture of shipped weights with fresh random ones and no words, as training starts from."""
    from snnfw_tasks.text.models.lstm import LstmClassifier
    from snnfw_tasks.text.models.transformer import TransformerClassifier

    if name == SentencesLstm.name:
        return LstmClassifier(2, EMBEDDED_VOCABULARY, embedding=16, hidden=16, layers=3, head=16, dropout=0.1)
    return TransformerClassifier(2, EMBEDDED_VOCABULARY, features=32, heads=4, layers=3, wide=64, dropout=0.1)


def _shipped(name: str, weights: Path | None) -> nn.Module:
    from snnfw_tasks.networks.checkpoint import load_weights

    module = build_embedded(name)
    load_weights(module, weights or shipped_weights(name))
    return module


def _loaded(make: Callable[[], nn.Module], wanted: Wanted, weights: Path | None, resources: Resources) -> nn.Module:
    from snnfw_tasks.networks.checkpoint import build_seeded, load_weights
    from snnfw_tasks.text.vocabulary import pack_words

    module = build_seeded(make, resources.seed)
    if weights:
        load_weights(module, weights)
    else:
        module.get_buffer("vocabulary").copy_(pack_words(wanted.words(), wanted.vocabulary))
    return module
