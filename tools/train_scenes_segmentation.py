"""Train the embedded network on the embedded scenes: ``python -m tools.train_scenes_segmentation``.

Training sees the training split's digits only, in ever new scenes; the other splits choose nothing, and the last
weights are kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional
from torch.utils.data import DataLoader

from snnfw_tasks.networks.checkpoint import build_seeded
from snnfw_tasks.scenes.draw import draw_scene
from snnfw_tasks.scenes.files import CLASSES, PREPARE
from snnfw_tasks.scenes.masks import open_scenes
from snnfw_tasks.segmentation.models.scenes import build_untrained
from snnfw_tasks.segmentation.scores import PixelScores
from tools.shipped import read_back, save_scored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

STEPS = 3500
BATCH = 8
RATE = 3e-3
SEED = 0
BACKGROUND = 0.5
"""The background's weight in the loss, nine tenths of all pixels being background."""


class DrawnScenes:
    """Scenes of the training split's digits by number, the first ones being those of the embedded data."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        scene = draw_scene("train", index)
        return torch.from_numpy(scene.image).permute(2, 0, 1), torch.from_numpy(scene.labels).long()


def train(steps: int) -> nn.Module:
    """Return the network after so many steps of AdamW under one cycle."""
    weights = torch.ones(len(CLASSES))
    weights[0] = BACKGROUND
    network = build_seeded(build_untrained, SEED)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    batches: DataLoader[Any] = DataLoader(DrawnScenes(steps * BATCH), BATCH, num_workers=1)  # type: ignore[arg-type]  # any indexable will do
    for step, (images, labels) in enumerate(batches, 1):
        loss = functional.cross_entropy(network(normalise(images)), labels, weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step} of {steps}: loss {loss:.4f}", flush=True)
    return network.eval()


def normalise(images: Tensor) -> Tensor:
    """Return bytes [N, 3, H, W] as the network is called with them."""
    mean, deviation = (torch.tensor(values).view(3, 1, 1) for values in (PREPARE.mean, PREPARE.std))
    return (images / 255 - mean) / deviation


@torch.no_grad()
def score(network: nn.Module) -> dict[str, float]:
    """Return the scores on the test split, read from its files as everybody reads them."""
    masked = open_scenes(PREPARE, None)
    scorer = PixelScores(masked.classes)
    samples: DataLoader[Any] = DataLoader(masked.evaluation, 50)  # type: ignore[arg-type]  # any indexable will do
    for images, labels in samples:
        scorer.update(network.eval()(images), labels)
    return {name: value for name, value in scorer.compute().items() if "/" not in name}


def save(network: nn.Module, steps: int, out: Path) -> dict[str, float]:
    """Write the weights with the scores that they reach on the test split, and return them."""
    facts = {
        "command": f"python -m tools.train_scenes_segmentation --steps {steps} --out {out.name}",
        "seed": str(SEED),
    }
    return save_scored(network, out, "scores", lambda file: score(read_back(build_untrained(), file)), **facts)


def main(words: Sequence[str] | None = None) -> None:
    """Train, write the weights and print what they score."""
    parser = argparse.ArgumentParser(prog="python -m tools.train_scenes_segmentation", description=__doc__)
    parser.add_argument("--out", required=True, type=Path, help="where to write the .safetensors file")
    parser.add_argument("--steps", type=int, default=STEPS)
    given = parser.parse_args(words)
    torch.set_num_threads(1)  # sums then have one order, so that a training can be repeated bit for bit
    scores = save(train(given.steps), given.steps, given.out)
    found = ", ".join(f"{name} {value:.4f}" for name, value in scores.items())
    print(f"scenes-fcn: test {found}, weights in {given.out}")


if __name__ == "__main__":
    main()
