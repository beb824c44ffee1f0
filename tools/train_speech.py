"""Train the embedded M5 on the embedded words: ``python -m tools.train_speech --out FILE``.

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

from snnfw.simulate import Accuracy
from snnfw_tasks.speech.augment import shift
from snnfw_tasks.speech.data.words import SpokenWords
from snnfw_tasks.speech.data.words_sounds import WORDS
from snnfw_tasks.speech.models.m5 import M5Words, build_embedded
from tools.shipped import fit, read_back, save_scored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from snnfw_tasks.samples.labelled import Samples

EPOCHS = 40
BATCH = 64
RATE = 0.006
SEED = 0


class SpeechTraining(lightning.LightningModule):
    """Minimise the smoothed cross entropy with Adam and one cycle of rates."""

    def __init__(self, network: nn.Module, steps: int) -> None:
        super().__init__()
        self.network, self._steps = network, steps

    def training_step(self, batch: list[Tensor], index: int) -> Tensor:
        """Return the loss on one batch of shifted clips."""
        del index
        waves, labels = batch
        loss = F.cross_entropy(self.network(shift(waves)), labels, label_smoothing=0.1)
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> Any:
        """Return Adam with decoupled weight decay and its schedule, one step per batch."""
        optimizer = torch.optim.AdamW(self.parameters(), lr=RATE, weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, self._steps, pct_start=0.2)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def stack_clips(samples: Samples) -> TensorDataset:
    """Return all clips as two tensors."""
    waves, labels = zip(*(samples[index] for index in range(len(samples))), strict=True)
    return TensorDataset(torch.stack(waves), torch.tensor(labels))


def train(epochs: int) -> nn.Module:
    """Return the network after ``epochs`` epochs on the training split."""
    lightning.seed_everything(SEED, verbose=False)
    loader: DataLoader[Any] = DataLoader(
        stack_clips(SpokenWords().open(None).training), BATCH, shuffle=True, drop_last=True
    )
    network = build_embedded()
    fit(SpeechTraining(network, epochs * len(loader)), loader, epochs)
    return network.eval()


def score(network: nn.Module) -> float:
    """Return the accuracy on the test split."""
    scorer = Accuracy(classes=len(WORDS))
    with torch.no_grad():
        for waves, labels in DataLoader(stack_clips(SpokenWords().open(None).evaluation), 128):
            scorer.update(network.eval()(waves), labels)
    return scorer.compute()[Accuracy.headline]


def save(network: nn.Module, epochs: int, out: Path) -> float:
    """Write the weights with the accuracy that they reach on the test split, and return that."""
    facts = {"command": f"python -m tools.train_speech --epochs {epochs} --out {out.name}", "seed": str(SEED)}
    return save_scored(network, out, "accuracy", lambda file: score(read_back(build_embedded(), file)), **facts)


def main(words: Sequence[str] | None = None) -> None:
    """Train, write the weights and print what they score."""
    parser = argparse.ArgumentParser(prog="python -m tools.train_speech", description=__doc__)
    parser.add_argument("--out", required=True, type=Path, help="where to write the .safetensors file")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    given = parser.parse_args(words)
    torch.set_num_threads(1)  # sums then have one order, so that a training can be repeated bit for bit
    accuracy = save(train(given.epochs), given.epochs, given.out)
    print(f"{M5Words.name}: test accuracy {accuracy:.4f}, weights in {given.out}")


if __name__ == "__main__":
    main()
