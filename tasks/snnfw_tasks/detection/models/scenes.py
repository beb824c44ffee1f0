"""The architecture of the two detectors that come with the package, and their files of weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnfw import SnnfwError
from snnfw_tasks.networks.shipped import shipped_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from snnfw_tasks.detection.sources import Detector

SIDE = 128
"""The scenes' height and width in pixels."""
ACTIVATIONS = {"relu": "torch.nn.ReLU()", "silu": "torch.nn.SiLU()"}

LAYERS = """
reg_max: 8
backbone:
  - [-1, 1, Conv, [24, 6, 4, 1]]
  - [-1, 1, Conv, [32, 3, 1]]
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 2, Conv, [64, 3, 1]]
  - [-1, 1, Conv, [128, 3, 2]]
  - [-1, 1, Conv, [128, 3, 1]]
head:
  - [-1, 1, nn.Upsample, [None, 2, nearest]]
  - [[-1, 3], 1, Concat, [1]]
  - [-1, 1, Conv, [64, 1, 1]]
  - [[8, 5], 1, Detect, [nc]]
"""
"""Plain convolutions, two scales: few neurons in a row, which is what conversion has to get through."""


def architecture(activation: str, classes: int) -> dict[str, Any]:
    """Return the network's description in ultralytics' own terms."""
    import yaml

    layers: dict[str, Any] = yaml.safe_load(LAYERS)
    return {"nc": classes, "activation": ACTIVATIONS[activation], **layers}


def build_embedded(name: str, weights: Path | None) -> Detector:
    """Return one of the two detectors, with its own weights or with those of a file of the same kind."""
    from snnfw_tasks.detection.models.networks import as_detector

    network = read_detector(weights or shipped_weights(name))
    return as_detector(network, tuple(network.names.values()), SIDE, name)


def read_detector(path: Path) -> Any:
    """Return the network of a safetensors file that holds its own architecture and class names.

    Reading it never unpickles, and its architecture is checked like any other.
    """
    from safetensors import SafetensorError, safe_open

    from snnfw_tasks.detection.models.networks import from_yaml
    from snnfw_tasks.networks.checkpoint import load_weights

    try:
        with safe_open(path, "pt") as opened:
            facts: Mapping[str, str] = opened.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise SnnfwError(f"weights '{path}' cannot be read as safetensors: the file is missing or damaged.") from error
    if not {"yaml", "names"} <= set(facts):
        raise SnnfwError(f"weights '{path}' hold no architecture: their metadata needs 'yaml' and 'names'.")
    try:
        described, names = json.loads(facts["yaml"]), json.loads(facts["names"])
    except ValueError as error:
        raise SnnfwError(f"weights '{path}' hold no architecture: 'yaml' and 'names' must be JSON.") from error
    if not isinstance(described, dict) or not isinstance(names, list):
        raise SnnfwError(f"weights '{path}' hold no architecture: 'yaml' must be a mapping and 'names' a list.")
    network = from_yaml(described, names, str(path), trust=False)
    load_weights(network, path)
    return network
