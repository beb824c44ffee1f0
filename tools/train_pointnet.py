"""Train a PointNet on the embedded clouds: ``python -m tools.train_pointnet cls|parts --out FILE``.

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

from snnfw_tasks.pointcloud.augment import turn
from snnfw_tasks.pointcloud.data.shapes import Shapes, first_part
from snnfw_tasks.pointcloud.data.shapes_parts import CATEGORIES
from snnfw_tasks.pointcloud.models.pointnet import build_embedded
from snnfw_tasks.pointcloud.models.pointnet_network import Transform, orthogonality_loss
from snnfw_tasks.pointcloud.scores import ACCURACY, IOU, CategoryScores, PartScores
from tools.shipped import fit, read_back, save_scored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from snnfw_tasks.pointcloud.sources import HeadName

EPOCHS = {"cls": 10, "parts": 10}
BATCH = 48
RATE = 0.004
ORTHOGONAL = 0.001
SEED = 0
OCCLUDED = 0.35
"""Training hides less of an object than the test does, where it may be one half."""


class PointNetTraining(lightning.LightningModule):
    """Minimise the cross entropy and what makes the transforms no rotations, with Adam and one cycle of rates."""

    def __init__(self, network: nn.Module, head: HeadName, steps: int) -> None:
        super().__init__()
        self.network, self._head, self._steps = network, head, steps
        self._irregular: list[Tensor] = []
        for module in network.modules():
            if isinstance(module, Transform) and module.channels > 3:
                module.register_forward_hook(self._watch)

    def _watch(self, module: nn.Module, inputs: Any, matrix: Tensor) -> None:
        """Note how far a transform is from a rotation."""
        del module, inputs
        self._irregular.append(orthogonality_loss(matrix))

    def training_step(self, batch: list[Tensor], index: int) -> Tensor:
        """Return the loss on one batch of turned clouds."""
        del index
        points, category, parts = batch
        inputs, target = prepare_batch(self._head, turn(points, 2, 15.0), category, parts)
        loss = F.cross_entropy(self.network(*inputs), target, label_smoothing=0.1 if self._head == "cls" else 0.0)
        loss = loss + ORTHOGONAL * torch.stack(self._irregular).sum()
        self._irregular.clear()
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> Any:
        """Return Adam with decoupled weight decay and its schedule, one step per batch."""
        optimizer = torch.optim.AdamW(self.parameters(), lr=RATE, weight_decay=1e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, self._steps, pct_start=0.2)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def prepare_batch(head: HeadName, points: Tensor, category: Tensor, parts: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
    """Return the network's inputs and their target, from points [N, 3, P]."""
    if head == "cls":
        return (points,), category
    return (points, F.one_hot(category, len(CATEGORIES)).float()), parts


def stack_clouds(split: str) -> TensorDataset:
    """Return a split as points [N, 3, P], categories [N] and parts [N, P], numbered through."""
    stored = (Shapes(occluded=OCCLUDED) if split == "train" else Shapes()).split(split)
    first = torch.tensor([first_part(number) for number in range(len(CATEGORIES))])
    category = torch.as_tensor(stored.categories).long()
    parts = torch.as_tensor(stored.parts).long() + first[category][:, None]
    return TensorDataset(torch.as_tensor(stored.points).transpose(1, 2).contiguous(), category, parts)


def train(head: HeadName, epochs: int) -> nn.Module:
    """Return the network after ``epochs`` epochs on the training split."""
    lightning.seed_everything(SEED, verbose=False)
    loader: DataLoader[Any] = DataLoader(stack_clouds("train"), BATCH, shuffle=True, drop_last=True)
    network = build_embedded(head)
    fit(PointNetTraining(network, head, epochs * len(loader)), loader, epochs)
    return network.eval()


def score(network: nn.Module, head: HeadName) -> float:
    """Return the accuracy, or the mean IoU, on the test split."""
    belongs = Shapes().open().belongs()
    scorer = CategoryScores(len(CATEGORIES)) if head == "cls" else PartScores(CATEGORIES, belongs)
    with torch.no_grad():
        for points, category, parts in DataLoader(stack_clouds("test"), 128):
            inputs, target = prepare_batch(head, points, category, parts)
            scorer.update(network(*inputs), target if head == "cls" else torch.cat([category[:, None], target], 1))
    return scorer.compute()[ACCURACY if head == "cls" else IOU]


def save(network: nn.Module, head: HeadName, epochs: int, out: Path) -> float:
    """Write the weights with the score that they reach on the test split, and return that."""
    facts = {"command": f"python -m tools.train_pointnet {head} --epochs {epochs} --out {out.name}", "seed": str(SEED)}
    return save_scored(network, out, "score", lambda file: score(read_back(build_embedded(head), file), head), **facts)


def main(words: Sequence[str] | None = None) -> None:
    """Train, write the weights and print what they score."""
    parser = argparse.ArgumentParser(prog="python -m tools.train_pointnet", description=__doc__)
    parser.add_argument("head", choices=list(EPOCHS))
    parser.add_argument("--out", required=True, type=Path, help="where to write the .safetensors file")
    parser.add_argument("--epochs", type=int)
    given = parser.parse_args(words)
    epochs = given.epochs or EPOCHS[given.head]
    torch.set_num_threads(1)  # sums then have one order, so that a training can be repeated bit for bit
    reached = save(train(given.head, epochs), given.head, epochs, given.out)
    print(f"{given.head}: test {ACCURACY if given.head == 'cls' else IOU} {reached:.4f}, weights in {given.out}")


if __name__ == "__main__":
    main()
