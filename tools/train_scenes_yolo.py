"""Train an embedded detector on the embedded scenes: ``python -m tools.train_scenes_yolo relu``.

Training sees the training split, the validation split chooses the epoch that is kept, the test split chooses nothing.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from snnfw_tasks.detection.library import require_ultralytics
from snnfw_tasks.detection.models.networks import from_checkpoint, from_yaml
from snnfw_tasks.detection.models.scenes import ACTIVATIONS, SIDE, architecture, read_detector
from snnfw_tasks.networks.checkpoint import build_seeded
from snnfw_tasks.scenes.files import DIGITS, scenes_folder
from tools.shipped import save_scored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

EPOCHS = {"relu": 40, "silu": 20}
SEED = 0

SETTINGS = {
    "imgsz": SIDE,
    "batch": 16,
    "nbs": 16,
    "optimizer": "AdamW",
    "lr0": 2e-3,
    "lrf": 0.02,
    "cos_lr": True,
    "warmup_epochs": 1,
    "mosaic": 0.0,
    "fliplr": 0.0,
    "scale": 0.3,
    "translate": 0.1,
    "hsv_h": 0.1,
    "erasing": 0.0,
    "patience": 0,
    "seed": SEED,
    "device": "cpu",
    "workers": 0,
    "cache": "ram",
    "amp": False,
    "plots": False,
    "verbose": False,
    "pretrained": False,
}
"""Words of ultralytics' own; a digit may not be mirrored, and is not cut out of several images."""


def train(activation: str, epochs: int, folder: Path) -> Any:
    """Return the network of the best epoch, by the validation split; ``folder`` holds what ultralytics writes."""
    require_ultralytics()
    from ultralytics.data import build_yolo_dataset
    from ultralytics.models.yolo.detect import DetectionTrainer

    class Trainer(DetectionTrainer):  # type: ignore[misc]  # the library is untyped
        """Validate on what networks are called with: images of one size, not padded by the batch's shape."""

        def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> Any:
            return build_yolo_dataset(self.args, img_path, batch, self.data, mode=mode, stride=32)

    data = scenes_folder("train", "val") / "data.yaml"
    named = {"model": f"scenes-yolo-{activation}.yaml", "project": str(folder), "name": "run"}  # only a name, not read
    trainer = Trainer(overrides={**SETTINGS, **named, "data": str(data), "epochs": epochs})
    description = architecture(activation, len(DIGITS))
    trainer.model = build_seeded(lambda: from_yaml(description, DIGITS, activation, trust=False), SEED)
    trainer.add_callback("on_train_start", lambda _: torch.set_num_threads(1))  # one order of sums, so repeatable
    trainer.train()
    return from_checkpoint(trainer.best, trust=False)


def score(network: nn.Module, folder: Path) -> dict[str, float]:
    """Return ultralytics' own scores on the test split."""
    from ultralytics.models.yolo.detect import DetectionValidator

    words = {
        "data": str(scenes_folder("test") / "data.yaml"),
        "split": "test",
        "imgsz": SIDE,
        "batch": 64,
        "rect": False,
    }
    quiet = {"plots": False, "verbose": False, "workers": 0, "device": "cpu", "project": str(folder), "name": "test"}
    stats = DetectionValidator(args={"model": "scenes", **words, **quiet})(model=network)
    return {name: float(stats[f"metrics/{name}(B)"]) for name in ("mAP50", "mAP50-95")}


def save(network: nn.Module, activation: str, epochs: int, out: Path, folder: Path) -> dict[str, float]:
    """Write architecture and weights with the scores that they reach on the test split, and return them."""
    return save_scored(
        network,
        out,
        "scores",
        lambda file: score(read_detector(file), folder),
        yaml=json.dumps(architecture(activation, len(DIGITS))),
        names=json.dumps(DIGITS),
        command=f"python -m tools.train_scenes_yolo {activation} --epochs {epochs} --out {out.name}",
        seed=str(SEED),
        ultralytics=require_ultralytics().__version__,
    )


def main(words: Sequence[str] | None = None) -> None:
    """Train, write the weights and print what they score."""
    parser = argparse.ArgumentParser(prog="python -m tools.train_scenes_yolo", description=__doc__)
    parser.add_argument("activation", choices=sorted(ACTIVATIONS))
    parser.add_argument("--out", required=True, type=Path, help="where to write the .safetensors file")
    parser.add_argument("--epochs", type=int, help=f"without it {EPOCHS}")
    given = parser.parse_args(words)
    epochs = given.epochs or EPOCHS[given.activation]
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=given.out.parent, prefix=f".{given.out.name}.") as name:
        folder = Path(name).resolve()
        network = train(given.activation, epochs, folder)
        scores = save(network, given.activation, epochs, given.out, folder)
    found = ", ".join(f"{name} {value:.4f}" for name, value in scores.items())
    print(f"{given.activation}: test {found}, weights in {given.out}")


if __name__ == "__main__":
    main()
