"""Train a network on the embedded sentences: ``python -m tools.train_text sentences-lstm --out FILE``.

Training sees the training split only, the test split chooses nothing, the last epoch's weights are kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from snnfw_tasks.text.data.grammar import CLASSES, LONGEST
from snnfw_tasks.text.data.sentences import Sentences
from snnfw_tasks.text.models.text import EMBEDDED_VOCABULARY, SentencesLstm, SentencesTransformer, build_embedded
from snnfw_tasks.text.scores import ACCURACY, TextScores
from snnfw_tasks.text.vocabulary import Reader, find_words, pack_words
from tools.shipped import fit, read_back, save_scored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

EPOCHS = {SentencesLstm.name: 10, SentencesTransformer.name: 14}
BATCH = 64
RATE = 0.004
SEED = 0


class TextTraining(lightning.LightningModule):
    """Minimise the cross entropy with decoupled weight decay and one cycle of rates."""

    def __init__(self, network: nn.Module, steps: int) -> None:
        super().__init__()
        self.network, self._steps = network, steps

    def training_step(self, batch: list[Tensor], index: int) -> Tensor:
        """Return the loss on one batch."""
        del index
        loss = F.cross_entropy(self.network(batch[0]), batch[1], label_smoothing=0.05)
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> Any:
        """Return AdamW and its schedule, one step per batch."""
        optimizer = torch.optim.AdamW(self.parameters(), lr=RATE, weight_decay=1e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, self._steps, pct_start=0.2)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def with_words(network: nn.Module) -> nn.Module:
    """Return the network with the words of the training split."""
    words = find_words((sample.text for sample in Sentences().split("train")), EMBEDDED_VOCABULARY)
    network.get_buffer("vocabulary").copy_(pack_words(words, EMBEDDED_VOCABULARY))
    return network


def stack_texts(network: nn.Module, split: str) -> TensorDataset:
    """Return a split as the numbers of words [N, L] that a network knows, and labels [N]."""
    reader = Reader(network, list, LONGEST, "start")
    samples = Sentences().split(split)
    numbers = torch.stack([reader.read(sample.text) for sample in samples])
    return TensorDataset(numbers, torch.tensor([sample.label for sample in samples]))


def train(name: str, epochs: int) -> nn.Module:
    """Return the network after ``epochs`` epochs on the training split."""
    lightning.seed_everything(SEED, verbose=False)
    network = with_words(build_embedded(name))
    loader: DataLoader[Any] = DataLoader(stack_texts(network, "train"), BATCH, shuffle=True, drop_last=True)
    fit(TextTraining(network, epochs * len(loader)), loader, epochs)
    return network.eval()


def score(network: nn.Module) -> float:
    """Return the accuracy on the test split."""
    scorer = TextScores(len(CLASSES))
    with torch.no_grad():
        for numbers, label in DataLoader(stack_texts(network, "test"), 256):
            scorer.update(network(numbers), label)
    return scorer.compute()[ACCURACY]


def save(network: nn.Module, name: str, epochs: int, out: Path) -> float:
    """Write the weights with the accuracy that they reach on the test split, and return that."""
    facts = {"command": f"python -m tools.train_text {name} --epochs {epochs} --out {out.name}", "seed": str(SEED)}
    return save_scored(network, out, "score", lambda file: score(read_back(build_embedded(name), file)), **facts)


def main(words: Sequence[str] | None = None) -> None:
    """Train, write the weights and print what they score."""
    parser = argparse.ArgumentParser(prog="python -m tools.train_text", description=__doc__)
    parser.add_argument("network", choices=list(EPOCHS))
    parser.add_argument("--out", required=True, type=Path, help="where to write the .safetensors file")
    parser.add_argument("--epochs", type=int)
    given = parser.parse_args(words)
    epochs = given.epochs or EPOCHS[given.network]
    torch.set_num_threads(1)  # sums then have one order, so that a training can be repeated bit for bit
    reached = save(train(given.network, epochs), given.network, epochs, given.out)
    print(f"{given.network}: test {ACCURACY} {reached:.4f}, weights in {given.out}")


if __name__ == "__main__":
    main()
