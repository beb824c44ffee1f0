"""A small Transformer encoder that looks at words alone, never behind the end of a text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from snnfw_tasks.text.vocabulary import LONGEST, PADDING

if TYPE_CHECKING:
    from torch import Tensor


class Attention(nn.Module):
    """Attention of every word to the words of its text, in several heads."""

    def __init__(self, features: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(features, features) for _ in range(3))
        self.project = nn.Linear(features, features)

    def forward(self, x: Tensor, shown: Tensor) -> Tensor:
        """Return [N, L, features] from the same; ``shown`` [N, 1, 1, L] says which words there are."""
        query, key, value = (
            layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=shown)
        projected: Tensor = self.project(attended.transpose(1, 2).flatten(2))
        return projected


class Block(nn.Module):
    """Attention and two layers with ReLUs between them, each behind a norm and beside a shortcut."""

    def __init__(self, features: int, heads: int, wide: int, dropout: float) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(features), Attention(features, heads)
        self.norm2, self.first = nn.LayerNorm(features), nn.Linear(features, wide)
        self.relu, self.second = nn.ReLU(), nn.Linear(wide, features)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, shown: Tensor) -> Tensor:
        """Return [N, L, features] from the same."""
        x = x + self.dropout(self.attention(self.norm1(x), shown))
        return x + self.dropout(self.second(self.relu(self.first(self.norm2(x)))))  # type: ignore[no-any-return]


class TransformerClassifier(nn.Module):
    """Embedding with sinusoidal positions, which know any length, blocks, and the mean over a text's words."""

    vocabulary: Tensor

    def __init__(
        self, classes: int, vocabulary: int, features: int, heads: int, layers: int, wide: int, dropout: float
    ) -> None:
        super().__init__()
        self.register_buffer("vocabulary", torch.zeros(vocabulary, LONGEST, dtype=torch.uint8))
        self.embedding = nn.Embedding(vocabulary, features, padding_idx=PADDING)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(features, heads, wide, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(features)
        self.hidden, self.relu, self.out = nn.Linear(features, wide), nn.ReLU(), nn.Linear(wide, classes)

    def forward(self, words: Tensor) -> Tensor:
        """Return logits [N, classes] from numbers of words [N, L], zeros behind the end of a text."""
        there = words != PADDING
        x = self.embedding(words)
        x = self.dropout(x + positions(x.shape[1], x))
        for block in self.blocks:
            x = block(x, there[:, None, None])
        weights = there.to(x.dtype) / there.sum(1, keepdim=True).clamp_min(1)
        mean = (self.norm(x) * weights.unsqueeze(2)).sum(1)
        logits: Tensor = self.out(self.relu(self.hidden(mean)))
        return logits


def positions(length: int, like: Tensor) -> Tensor:
    """Return sines and cosines [length, features] of every position (Vaswani et al., 2017)."""
    features = like.shape[2]
    place = torch.arange(length, dtype=like.dtype, device=like.device).unsqueeze(1)
    step = torch.arange(0, features, 2, dtype=like.dtype, device=like.device)
    angle = place * torch.exp(step * (-math.log(10_000.0) / features))
    return torch.cat([angle.sin(), angle.cos()], 1)[:, :features]
