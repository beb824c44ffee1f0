"""The embedded networks in the formats of others: how many values of neurons differ in 32 bits, and the time it takes.

    python -m benchmarks.exports

It prints the table that docs/howto/export.md has.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import torch

from snnfw import Registry, resolve
from snnfw.exports.exporting import SUFFIXES, export_model
from snnfw.stages import load_subject, place_neurons
from snnfw.values import Resources

NETWORKS = (
    "task=classification model=digits-resnet20 plugin=adafire",
    "task=classification model=digits-vgg plugin=adafire",
    "task=detection model=scenes-yolo-relu plugin=signed",
    "task=detection model=scenes-yolo-silu plugin=signed",
    "task=segmentation plugin=signed",
    "task=pointcloud plugin=signed",
    "task=events plugin=signed",
    "task=classification model=digits-resnet20 plugin=sigmadelta neuron.digits=1",
    "task=detection model=scenes-yolo-silu plugin=sigmadelta neuron.digits=1",
    "task=pointcloud plugin=sigmadelta neuron.digits=1",
)
TIMESTEPS, SAMPLES = 8, 16


def main() -> None:
    """Print a row for each network."""
    print("| network | compared | others in ONNX | others in `.pt2` | seconds |\n|---|---|---|---|---|")
    for words in NETWORKS:
        print(row(words), flush=True)


@torch.no_grad()
def row(words: str, samples: int = SAMPLES) -> str:
    """Return the row of a network, converted as ``snnfw run`` does and compared on evaluation samples."""
    config = resolve([*words.split(), "search=null", "exit=null", f"timesteps={TIMESTEPS}"], Registry())
    torch.manual_seed(config.seed)
    subject = load_subject(config, Resources())
    plan = place_neurons(config, subject)
    model = config.converter.convert(subject.graph, plan, subject.bundle.data.calibration, TIMESTEPS, Resources())
    inputs = tuple(tensor[:samples] for tensor in next(iter(subject.bundle.data.evaluation)).inputs)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("onnx", "torch"):
            start = time.perf_counter()
            exported = export_model(model, Path(folder) / f"net{SUFFIXES[name]}", name, inputs)
            found.append((exported, time.perf_counter() - start))
    counts = [f"{exported.flips} ({exported.flips / exported.values:.2%})" for exported, _ in found]
    took = " and ".join(f"{seconds:.0f}" for _, seconds in found)
    return f"| `{words}` | {found[0][0].values / 1e6:.1f} M | {counts[0]} | {counts[1]} | {took} |"


if __name__ == "__main__":
    main()
