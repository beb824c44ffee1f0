"""Ultralytics' own detectors by name, from a description of your own, or from a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

from snnfw import SnnfwError
from snnfw.errors import did_you_mean
from snnfw_tasks.detection.library import require_ultralytics
from snnfw_tasks.detection.models.networks import from_checkpoint, from_yaml
from snnfw_tasks.networks.checkpoint import build_seeded

Found: TypeAlias = "tuple[Any, tuple[str, ...], int]"
"""A network, the names of its classes, and the side of the images that it was made for."""

SIDE = 640
"""The side in pixels of the images that ultralytics' detectors are trained with, where nothing else is known."""


def load_trained(weights: Path, trust: bool) -> Found:
    """Return the detector of a checkpoint, with the names and the size of images that it was trained with."""
    network = from_checkpoint(weights, trust)
    args = getattr(network, "args", None)
    side = args.get("imgsz", SIDE) if isinstance(args, dict) else getattr(args, "imgsz", SIDE)
    side = max(side) if isinstance(side, list | tuple) else side
    names = network.names.values() if isinstance(network.names, dict) else network.names  # old ones have a list
    return network, tuple(str(name) for name in names), side


def build_untrained(arch: str, names: tuple[str, ...], trust: bool, seed: int) -> Found:
    """Return a network of random weights for classes of these names."""
    description = describe(arch)
    return build_seeded(lambda: from_yaml(description, names, arch, trust), seed), names, SIDE


def describe(arch: str) -> dict[str, Any]:
    """Return the description that a name of ultralytics', or the path of a file, stands for."""
    import yaml

    require_ultralytics()
    from ultralytics.nn.tasks import yaml_model_load

    path = Path(arch)
    if path.suffix not in (".yaml", ".yml"):
        path = Path(f"{arch}.yaml")
    if not path.is_file() and path.name != str(path):
        raise SnnfwError(f"model.arch='{arch}' does not exist: give a .yaml file, or one of ultralytics' names.")
    if not path.is_file() and not has_description(path.stem):
        raise SnnfwError(
            f"ultralytics has no detector named '{path.stem}'.{did_you_mean(path.stem, description_names())} Those "
            "there are: yolov8n, yolo11s, yolo26n, yolov3-tiny and others; or give the path of your own .yaml file."
        )
    try:
        description = yaml_model_load(path)
    except (yaml.YAMLError, AssertionError, UnicodeDecodeError, OSError, ValueError, TypeError) as error:
        raise SnnfwError(f"model.arch='{arch}' cannot be read as YAML: repair the file.") from error
    if not isinstance(description, dict):
        raise SnnfwError(f"model.arch='{arch}' describes no detector: it holds no backbone and head.")
    return description


def has_description(stem: str) -> bool:
    """Tell whether ultralytics has a description of that name."""
    return stem in description_names()


def description_names() -> list[str]:
    """Return the names of ultralytics' descriptions, with each letter of scale where one may stand."""
    import re

    require_ultralytics()
    from ultralytics.utils import ROOT

    names = []
    for path in sorted((ROOT / "cfg" / "models").rglob("*.yaml")):
        names.append(path.stem)
        names += [re.sub(r"(\d+)(.*)", rf"\g<1>{scale}\g<2>", path.stem, count=1) for scale in "nslmx"]
    return names
