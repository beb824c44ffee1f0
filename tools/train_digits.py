"""Train an embedded network on the embedded digits: ``python -m tools.train_digits``.

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
from snnfw_tasks.classification.augment import turn
from snnfw_tasks.classification.data.digits import Digits
from snnfw_tasks.classification.models.digits import DigitsResNet20, DigitsVgg, build_untrained
from tools.shipped import fit, read_back, save_scored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from snnfw_tasks.samples.labelled import Samples

EPOCHS = 120
BATCH = 64
RATE = 0.05
SEED = 0


class DigitsTraining(lightning.LightningModule):
    """Minimise the smoothed cross entropy of a network with SGD under one cosine from ``RATE`` to 0."""

    def __init__(self, network: nn.Module, steps: int) -> None:
        super().__init__()
        self.network = network
        self._steps = steps

    def training_step(self, batch: list[Tensor], index: int) -> Tensor:
        """Return the loss on one distorted batch."""
        del index
        images, labels = batch
        loss = F.cross_entropy(self.network(turn(images)), labels, label_smoothing=0.1)
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> Any:
        """Return Nesterov SGD and its schedule, one step per batch."""
        optimizer = torch.optim.SGD(self.parameters(), lr=RATE, momentum=0.9, weight_decay=5e-4, nesterov=True)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self._steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def stack_samples(samples: Samples) -> TensorDataset:
    """Return all samples as two tensors."""
    images, labels = zip(*(samples[index] for index in range(len(samples))), strict=True)
    return TensorDataset(torch.stack(images), torch.tensor(labels))


def train(name: str, epochs: int) -> nn.Module:
    """Return the network after ``epochs`` epochs on the training split."""
    lightning.seed_everything(SEED, verbose=False)
    loader: DataLoader[Any] = DataLoader(
        stack_samples(Digits().open(None).training), BATCH, shuffle=True, drop_last=True
    )
    network = build_untrained(name)
    fit(DigitsTraining(network, epochs * len(loader)), loader, epochs)
    return network.eval()


def score(network: nn.Module) -> float:
    """Return the accuracy on the test split."""
    images, labels = stack_samples(Digits().open(None).evaluation).tensors
    scorer = Accuracy(classes=10)
    with torch.no_grad():
        scorer.update(network.eval()(images), labels)
    return scorer.compute()[Accuracy.headline]


def save(network: nn.Module, name: str, epochs: int, out: Path) -> float:
    """Write the weights with the accuracy that they reach on the test split, and return that."""
    facts = {
        "command": f"python -m tools.train_digits --model {name} --epochs {epochs} --out {out.name}",
        "seed": str(SEED),
    }
    return save_scored(network, out, "accuracy", lambda file: score(read_back(build_untrained(name), file)), **facts)


def main(words: Sequence[str] | None = None) -> None:
    """Train, write the weights and print what they score."""
    parser = argparse.ArgumentParser(prog="python -m tools.train_digits", description=__doc__)
    parser.add_argument("--model", required=True, choices=[DigitsResNet20.name, DigitsVgg.name])
    parser.add_argument("--out", required=True, type=Path, help="where to write the .safetensors file")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    given = parser.parse_args(words)
    torch.set_num_threads(1)  # sums then have one order, so that a training can be repeated bit for bit
    accuracy = save(train(given.model, given.epochs), given.model, given.epochs, given.out)
    print(f"{given.model}: test accuracy {accuracy:.4f}, weights in {given.out}")


if __name__ == "__main__":
    main()
