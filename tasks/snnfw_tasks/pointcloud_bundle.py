"""Bring a network and clouds together: build, check that they fit, and cut the splits into batches."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from snnfw.errors import SnnfwError
from snnfw.values import Batch, Bundle, Gallery
from snnfw_tasks.accuracy import correct, require_logits
from snnfw_tasks.batches import CheckedBatches
from snnfw_tasks.classifier_bundle import cross_entropy, shuffled
from snnfw_tasks.models.checkpoint import require_finite
from snnfw_tasks.pointcloud_augment import turned
from snnfw_tasks.pointcloud_pictures import draw_categories, draw_parts, varied
from snnfw_tasks.pointcloud_samples import CheckedClouds
from snnfw_tasks.pointcloud_scores import (
    ACCURACY,
    IOU,
    CategoryScores,
    PartScores,
    part_logits,
    part_loss,
    share_changed,
    share_right,
)
from snnfw_tasks.pointcloud_sources import Clouds, Head, PointNetwork
from snnfw_tasks.probe import require_fit
from snnfw_tasks.reading import told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from snnfw.values import Inputs, Resources
    from snnfw_tasks.pointcloud import PointCloud
    from snnfw_tasks.pointcloud_sources import CloudData, CloudSamples, PointSource


def bundle(task: PointCloud, model: PointSource, data: CloudData, resources: Resources) -> Bundle:
    """Return what a run needs, with the example on the network's device and the batches on the CPU."""
    clouds = data.clouds()
    read = told(clouds.reading, resources.tell)
    head = head_for(task, data.name, clouds)
    network = built(model, head, resources).eval().to(resources.device)
    require_finite(network, model.name)

    def some(samples: CloudSamples, indices: Sequence[int], split: str) -> CheckedClouds:
        return CheckedClouds(samples, indices, split, data.name, clouds, task.head == "parts")

    order = shuffled(len(clouds.calibration), resources.seed)[: task.calibration]
    calibration = some(clouds.calibration, order, "calibration")
    evaluation = some(clouds.evaluation, tested(task, clouds), "evaluation")
    require_samples(data.name, calibration, evaluation)
    ready = partial(batch_of, head)
    example = ready(*calibration.stacked(range(2))).inputs
    example = tuple(tensor.to(resources.device) for tensor in example)
    require_head(network, head, example, model.name, data.name)
    return Bundle(
        model=network,
        example=example,
        calibration=CheckedBatches(calibration, task.batch, task.workers, partial(_inputs, head)),
        tuning=CheckedBatches(calibration, task.batch, task.workers, ready),
        evaluation=CheckedBatches(evaluation, task.batch, task.workers, ready),
        gallery=gallery(head, clouds, evaluation),
        training=partial(training_batches, data.name, clouds, head, some),
        **scoring(head, clouds),
        description={
            "classes": list(clouds.categories),
            "sample_shape": [3, clouds.points],
            "calibration_samples": len(calibration),
            "evaluation_samples": len(evaluation),
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            **read,
        },
    )


def head_for(task: PointCloud, data: str, clouds: Clouds) -> Head:
    """Return what the network has to tell, or raise an SnnfwError where the data doesn't know it."""
    if task.head == "cls":
        return Head("cls", len(clouds.categories), len(clouds.categories))
    if not clouds.parts:
        raise SnnfwError(
            f"task.head=parts needs points with parts, and data '{data}' has none: "
            "choose data=shapes or data=shapenet-part, or leave task.head out."
        )
    return Head("parts", len(clouds.belongs()), len(clouds.categories))


def built(model: PointSource, head: Head, resources: Resources) -> nn.Module:
    """Return the network; a source that knows no heads gets the number of outputs."""
    if isinstance(model, PointNetwork):
        return model.build_head(head, resources)
    return model.build(head.outputs, resources)


def scoring(head: Head, clouds: Clouds) -> dict[str, Any]:
    """Return how the bundle compares outputs with targets."""
    if head.name == "cls":
        return {
            "scorer": partial(CategoryScores, head.outputs),
            "headline": ACCURACY,
            "logits": require_logits,
            "correct": correct,
            "loss": cross_entropy,
        }
    belongs = clouds.belongs()
    return {
        "scorer": partial(PartScores, clouds.categories, belongs),
        "headline": IOU,
        "logits": part_logits,
        "correct": partial(share_right, belongs=torch.tensor(belongs)),
        "distance": share_changed,
        "loss": part_loss,
    }


def tested(task: PointCloud, clouds: Clouds) -> Sequence[int]:
    """Return the evaluation clouds that count, whatever the seed."""
    count = len(clouds.evaluation)
    return range(count) if task.limit is None else shuffled(count, seed=0)[: task.limit]


def require_samples(data: str, calibration: CheckedClouds, evaluation: CheckedClouds) -> None:
    """Raise an SnnfwError unless there is something to calibrate with and to test on."""
    for split, samples, least in (("calibration", calibration, 2), ("evaluation", evaluation, 1)):
        if len(samples) < least:
            raise SnnfwError(f"data '{data}' has {len(samples)} {split} clouds, {least} or more are needed.")


class _Given(nn.Module):
    """A network for parts with the categories given."""

    def __init__(self, network: nn.Module, category: Tensor) -> None:
        super().__init__()
        self.network, self.category = network, category

    def forward(self, points: Tensor) -> Any:
        return self.network(points, self.category)


def require_head(network: nn.Module, head: Head, example: Inputs, model: str, data: str) -> None:
    """Raise an SnnfwError unless the network turns clouds into one output per category, or per part and point."""
    if head.name == "cls":
        require_fit(network, example[0], head.outputs, model, data)
    else:
        require_fit(_Given(network, example[1]), example[0], head.outputs, model, data, part_logits)


def gallery(head: Head, clouds: Clouds, evaluation: CheckedClouds) -> Gallery:
    """Return what is drawn of a run."""
    draw = (
        partial(draw_categories, categories=clouds.categories, up=clouds.up)
        if head.name == "cls"
        else partial(draw_parts, clouds=clouds)
    )
    return Gallery(lambda: batch_of(head, *varied(evaluation)), draw)


def training_batches(
    data: str, clouds: Clouds, head: Head, some: Any, batch: int, workers: int, seed: int
) -> CheckedBatches[Batch]:
    """Return the training split in batches, in an order that ``seed`` fixes, turned at random as the data says."""
    samples = clouds.training()
    if len(samples) < 2:
        raise SnnfwError(f"data '{data}' has {len(samples)} training clouds, 2 or more are needed.")
    checked = some(samples, range(len(samples)), "training")
    make = partial(_turned, head, clouds.up, clouds.turn)
    return CheckedBatches(checked, min(batch, len(checked)), workers, make, seed)


def batch_of(head: Head, points: Tensor, labels: Tensor) -> Batch:
    """Return points [N, 3, P] and labels [N, 1 + P], the category and then the parts, as the head wants them."""
    if head.name == "cls":
        return Batch(inputs=(points,), target=labels[:, 0])
    return Batch(inputs=(points, functional.one_hot(labels[:, 0], head.categories).to(points.dtype)), target=labels)


def _inputs(head: Head, points: Tensor, labels: Tensor) -> Inputs:
    return batch_of(head, points, labels).inputs


def _turned(head: Head, up: int, degrees: float, points: Tensor, labels: Tensor) -> Batch:
    return batch_of(head, turned(points, up, degrees), labels)
