"""Bring a network and clouds together: build, check that they fit, and cut the splits into batches."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from snnfw import Batch, Bundle, Gallery, Judgement, SnnfwError, Training, obtain
from snnfw.simulate import cross_entropy, is_correct, require_logits
from snnfw_tasks.pointcloud.augment import turn
from snnfw_tasks.pointcloud.pictures import draw_parts, look_at, pick_varied
from snnfw_tasks.pointcloud.samples import check_cloud
from snnfw_tasks.pointcloud.scores import (
    ACCURACY,
    IOU,
    CategoryScores,
    PartScores,
    part_logits,
    part_loss,
    share_changed,
    share_correct,
)
from snnfw_tasks.pointcloud.sources import Clouds, Head
from snnfw_tasks.samples.batches import batch_splits, few_at_a_time, training_batches
from snnfw_tasks.samples.checked import CheckedSamples, check_all
from snnfw_tasks.samples.choosing import choose_tested, require_samples, shuffle
from snnfw_tasks.samples.confusions import Confusions
from snnfw_tasks.samples.description import describe_bundle
from snnfw_tasks.samples.gallery import make_gallery
from snnfw_tasks.samples.probe import require_finite, require_fit
from snnfw_tasks.samples.reading import tell_reading

if TYPE_CHECKING:
    from torch import Tensor

    from snnfw import DataSource, Inputs, ModelSource, Resources
    from snnfw_tasks.pointcloud.sources import Cloud, HeadName
    from snnfw_tasks.samples.options import Amounts

TASK = "pointcloud"


def make_bundle(amounts: Amounts, name: HeadName, model: ModelSource, data: DataSource, resources: Resources) -> Bundle:
    """Return the bundle of a run, with the example on the network's device and the batches on the CPU."""
    clouds = obtain(Clouds, TASK, data, "open")
    read = tell_reading(clouds.reading, resources.tell)
    head = head_for(name, data.name, clouds)
    network = obtain(nn.Module, TASK, model, "build", wanted_head(model, head), resources).eval().to(resources.device)
    require_finite(network, model.name)
    require_samples(data.name, "clouds", len(clouds.calibration), len(clouds.evaluation))
    check = partial(check_cloud, clouds, name == "parts")
    checked = partial(CheckedSamples, data=data.name, check=check, noun="cloud")
    mixed = checked(clouds.calibration, shuffle(len(clouds.calibration), resources.seed), "calibration")
    calibration = mixed.first(amounts.calibration)
    evaluation = checked(clouds.evaluation, choose_tested(len(clouds.evaluation), amounts.limit), "evaluation")
    ready = partial(batch_of, head)
    example = tuple(tensor.to(resources.device) for tensor in ready(*mixed.stack(range(2))).inputs)
    require_head(network, head, example, model.name, data.name)
    splits = batch_splits(amounts, calibration, evaluation, partial(_inputs, head), ready)
    return Bundle(
        model=network,
        example=example,
        data=splits,
        judgement=make_judgement(head, clouds),
        training=Training(
            partial(
                training_batches,
                lambda: check_all(checked, clouds.training()),
                "clouds",
                partial(_turn_batch, head, clouds.up, clouds.turn),
            ),
            cross_entropy if head.name == "cls" else part_loss,
        ),
        gallery=make_gallery(few_at_a_time(evaluation, ready), clouds.categories, look_at(clouds.up))
        if head.name == "cls"
        else make_parts_gallery(head, clouds, evaluation),
        description=describe_bundle(clouds.categories, [3, clouds.points], calibration, evaluation, network, read),
    )


def head_for(name: HeadName, data: str, clouds: Clouds) -> Head:
    """Return the head that the network needs, or raise an SnnfwError where the data doesn't know it."""
    if name == "cls":
        return Head("cls", len(clouds.categories), len(clouds.categories))
    if not clouds.parts:
        raise SnnfwError(
            f"task.head=parts needs points with parts, and data '{data}' has none: "
            "choose data=shapes or data=shapenet-part, or leave task.head out."
        )
    return Head("parts", len(clouds.belongs()), len(clouds.categories))


def wanted_head(model: ModelSource, head: Head) -> Head | int:
    """Return the purpose of a network: the head, or the number of outputs where a source serves any task."""
    return head if TASK in model.tasks else head.outputs


def make_judgement(head: Head, clouds: Clouds) -> Judgement:
    """Return how outputs are compared with targets."""
    if head.name == "cls":
        return Judgement(
            lambda: Confusions(CategoryScores(head.outputs)),
            ACCURACY,
            logits=require_logits,
            correct=is_correct,
            chance=1 / head.outputs,
        )
    belongs = clouds.belongs()
    return Judgement(
        partial(PartScores, clouds.categories, belongs),
        IOU,
        logits=part_logits,
        correct=partial(share_correct, belongs=torch.tensor(belongs)),
        distance=share_changed,
    )


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


def make_parts_gallery(head: Head, clouds: Clouds, evaluation: CheckedSamples[Cloud]) -> Gallery:
    """Return the gallery of a run that tells parts."""
    return Gallery(lambda: batch_of(head, *pick_varied(evaluation)), partial(draw_parts, clouds=clouds))


def batch_of(head: Head, points: Tensor, labels: Tensor) -> Batch:
    """Return points [N, 3, P] and labels [N, 1 + P], the category and then the parts, as the head wants them."""
    if head.name == "cls":
        return Batch(inputs=(points,), target=labels[:, 0])
    return Batch(inputs=(points, functional.one_hot(labels[:, 0], head.categories).to(points.dtype)), target=labels)


def _inputs(head: Head, points: Tensor, labels: Tensor) -> Inputs:
    return batch_of(head, points, labels).inputs


def _turn_batch(head: Head, up: int, degrees: float, points: Tensor, labels: Tensor) -> Batch:
    return batch_of(head, turn(points, up, degrees), labels)
