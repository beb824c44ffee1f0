"""A bidirectional LSTM that reads every text as if it stood alone: nothing behind its end is seen before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from snnfw_tasks.text.vocabulary import LONGEST, PADDING

if TYPE_CHECKING:
    from torch import Tensor


class BothWays(nn.Module):
    """One layer that reads forwards and one that reads backwards, each text from its own end.

    A packed sequence would do the same and cannot be captured. Padding is at the end, so that a layer reads it last,
    both of the text and of the text turned round within its own length.
    """

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.ahead = nn.LSTM(features, hidden, batch_first=True)
        self.back = nn.LSTM(features, hidden, batch_first=True)

    def forward(self, x: Tensor, turned: Tensor) -> tuple[Tensor, Tensor]:
        """Return both layers' outputs [N, L, hidden] at the words of [N, L, features]; ``turned`` is [N, L]."""
        ahead, _ = self.ahead(x)
        back, _ = self.back(take(x, turned))
        return ahead, take(back, turned)


class LstmClassifier(nn.Module):
    """Embedding, layers of bidirectional LSTM, and a hidden layer of ReLUs behind the last states of the top one."""

    vocabulary: Tensor

    def __init__(
        self, classes: int, vocabulary: int, embedding: int, hidden: int, layers: int, head: int, dropout: float
    ) -> None:
        super().__init__()
        self.register_buffer("vocabulary", torch.zeros(vocabulary, LONGEST, dtype=torch.uint8))
        self.embedding = nn.Embedding(vocabulary, embedding, padding_idx=PADDING)
        sizes = [embedding, *[2 * hidden] * (layers - 1)]
        self.layers = nn.ModuleList(BothWays(size, hidden) for size in sizes)
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(2 * hidden, head)
        self.relu = nn.ReLU()
        self.out = nn.Linear(head, classes)

    def forward(self, words: Tensor) -> Tensor:
        """Return logits [N, classes] from numbers of words [N, L], zeros behind the end of a text."""
        length = (words != PADDING).sum(1, keepdim=True).clamp_min(1)
        place = torch.arange(words.shape[1], device=words.device)
        turned = torch.where(place < length, length - 1 - place, place)
        x = self.embedding(words)
        for layer in self.layers:
            ahead, back = layer(self.dropout(x), turned)
            x = torch.cat([ahead, back], 2)
        # The state behind the last word, and that of the way back behind the first.
        last = torch.cat([take(ahead, length - 1).squeeze(1), back[:, 0]], 1)
        logits: Tensor = self.out(self.relu(self.hidden(self.dropout(last))))
        return logits


def take(x: Tensor, places: Tensor) -> Tensor:
    """Return what is at each sample's places [N, K] of [N, L, features]."""
    return x.gather(1, places.unsqueeze(2).expand(-1, -1, x.shape[2]))
