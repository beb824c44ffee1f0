"""Every architecture of the zoo by name, built with random weights whose outputs depend on the input."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from snnfw_tasks.detection.library import require_ultralytics

SIDE: Mapping[str, int] = {
    "torchvision/vit_h_14": 28,
    "torchvision/inception_v3": 96,
    "torchvision/maxvit_t": 224,
    "ultralytics/yolov5n-p6": 128,
    "ultralytics/yolov8n-p6": 128,
    "ultralytics/yolov8n-seg-p6": 128,
    "ultralytics/yolov8n-ghost-p6": 128,
    "ultralytics/yolo26n-p6": 128,
    "ultralytics/rtdetr-l": 128,
    "ultralytics/rtdetr-resnet50": 128,
    "ultralytics/rtdetr-resnet101": 128,
    "ultralytics/yolov8n-rtdetr": 128,
}
"""Sides other than 64 pixels: the smallest that an architecture takes."""

STATISTICS = 16
"""Noise images that batch-norm statistics come from."""

YOLO = (
    "yolov3-tiny",
    "yolov3",
    "yolov3-spp",
    "yolov5n",
    "yolov5n-p6",
    "yolov6n",
    "yolov8n",
    "yolov8n-p2",
    "yolov8n-p6",
    "yolov8n-ghost",
    "yolov8n-ghost-p2",
    "yolov8n-ghost-p6",
    "yolov9t",
    "yolov9s",
    "yolov9m",
    "yolov9c",
    "yolov9e",
    "yolov10n",
    "yolov10s",
    "yolov10b",
    "yolo11n",
    "yolo12n",
    "yolo26n",
    "yolo26n-p2",
    "yolo26n-p6",
    "rtdetr-l",
    "rtdetr-resnet50",
    "rtdetr-resnet101",
    "yolov8n-rtdetr",
    "yolov8n-seg",
    "yolov8n-seg-p6",
    "yolov9c-seg",
    "yolov9e-seg",
    "yolo11n-seg",
    "yolo12n-seg",
    "yolo26n-seg",
    "yolo26n-sem",
    "yolov8n-cls",
    "yolov8n-cls-resnet50",
    "yolov8n-cls-resnet101",
    "yolo11n-cls",
    "yolo11n-cls-resnet18",
    "yolo12n-cls",
    "yolo26n-cls",
)
"""ultralytics' detectors, segmenters and classifiers, each family at its smallest scale."""


def names() -> tuple[str, ...]:
    """Return every architecture's name, library first."""
    import torchvision.models as classification
    from torchvision.models import list_models, segmentation

    found = [*list_models(module=classification), *list_models(module=segmentation)]
    return (*(f"torchvision/{name}" for name in found), *(f"ultralytics/{name}" for name in YOLO))


def side(name: str) -> int:
    """Return the side in pixels of the square images that a network gets."""
    return SIDE.get(name, 64)


def build(name: str) -> nn.Module:
    """Return a network with seeded weights and the batch-norm statistics of noise, in evaluation mode."""
    library, _, model = name.partition("/")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = _torchvision(model, side(name)) if library == "torchvision" else _ultralytics(model)
        _enliven(network)
        _estimate(network, images(STATISTICS, side(name), seed=1))
    return network.eval()


def images(samples: int, pixels: int, seed: int) -> Tensor:
    """Return standard normal noise in the shape of a batch of images."""
    return torch.randn((samples, 3, pixels, pixels), generator=torch.Generator().manual_seed(seed))


def _torchvision(name: str, pixels: int) -> nn.Module:
    import torchvision

    given: dict[str, Any] = {"image_size": pixels} if name.startswith("vit_") else {}
    if name.startswith("maxvit_"):
        given = {"input_size": (pixels, pixels)}
    if name in torchvision.models.list_models(module=torchvision.models.segmentation):
        given["weights_backbone"] = None
    network: nn.Module = torchvision.models.get_model(name, weights=None, **given)
    return network


def _ultralytics(name: str) -> nn.Module:
    ultralytics = require_ultralytics()
    from ultralytics.nn import tasks
    from ultralytics.nn.modules import head as heads

    folder = Path(str(ultralytics.__file__)).parent / "cfg" / "models"
    kinds = {
        "-seg": tasks.SegmentationModel,
        "-cls": tasks.ClassificationModel,
        "-sem": tasks.SemanticSegmentationModel,
    }
    kind = next((found for ending, found in kinds.items() if ending in name), tasks.DetectionModel)
    if "rtdetr" in name:
        kind = tasks.RTDETRDetectionModel
    network: nn.Module = kind(description(name, folder), ch=3, verbose=False)
    for module in network.modules():
        if isinstance(module, heads.Detect):  # make anchors from the size at hand, not from the last one
            module.dynamic = True
    return network


def description(name: str, folder: Path) -> dict[str, Any]:
    """Return a packaged description at the scale that a name such as ``yolo11n-seg`` holds, without trained weights."""
    from ultralytics.nn.tasks import yaml_model_load

    path = packaged(name, folder)
    found = dict(yaml_model_load(path))
    for layer in found["backbone"]:
        layer[3] = [None if argument == "DEFAULT" else argument for argument in layer[3]]
    return found if path.stem == name else {**found, "scale": name.partition("-")[0][-1]}


def packaged(name: str, folder: Path) -> Path:
    """Return the file of a network's own name, or of its name without a scale."""
    paths = {path.stem: path for path in folder.rglob("*.yaml")}
    head, dash, tail = name.partition("-")
    return paths[name] if name in paths else paths[f"{head[:-1]}{dash}{tail}"]


def _enliven(network: nn.Module) -> None:
    """Make weights that begin as zero, and scales of residual branches that begin near it, count."""
    for name, parameter in network.named_parameters():
        largest = float(parameter.detach().abs().max())
        if parameter.dim() > 1 and largest == 0.0:
            torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
        if name.endswith(("layer_scale", "gamma")) and largest < 0.1:
            torch.nn.init.constant_(parameter, 0.5)


def _estimate(network: nn.Module, example: Tensor) -> None:
    """Set the statistics of every batch norm, and nothing else, to those of a batch."""
    network.eval()
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = None
            module.reset_running_stats()
            module.train()
    with torch.no_grad():
        network(example)
