"""Bring a network and labelled data together: build, check that they fit, and cut the splits into batches."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from snnfw.errors import SnnfwError
from snnfw.values import Batch, Bundle
from snnfw_tasks.accuracy import HEADLINE, Accuracy, correct, require_logits
from snnfw_tasks.batches import CheckedBatches, CheckedSamples
from snnfw_tasks.models.checkpoint import require_finite
from snnfw_tasks.probe import require_fit
from snnfw_tasks.reading import told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from snnfw.values import Inputs, Output, Resources
    from snnfw_tasks.classification import Classification
    from snnfw_tasks.events import Events
    from snnfw_tasks.labelled import ClassifierData, ClassifierSource, LabelledData


def bundle(
    task: Classification | Events, model: ClassifierSource, data: ClassifierData, resources: Resources
) -> Bundle:
    """Return what a run needs, with the example on the network's device and the batches on the CPU."""
    labelled = data.open(model.preprocess())
    read = told(labelled.reading, resources.tell)
    require_samples(data.name, labelled)
    classes = len(labelled.classes)
    network = model.build(classes, resources).eval().to(resources.device)
    require_finite(network, model.name)
    calibration, evaluation = choose(task, data.name, labelled, resources.seed)
    frames = labelled.frames
    example = torch.stack([calibration[position][0] for position in range(2)]).to(resources.device)
    if frames is not None:
        example = example[:, frames // 2]
    require_fit(network, example, classes, model.name, data.name)
    return Bundle(
        model=network,
        example=(example,),
        calibration=CheckedBatches(
            calibration.first(task.calibration),
            max(1, task.batch // (frames or 1)),
            task.workers,
            _inputs,
        ),
        tuning=CheckedBatches(calibration.first(task.calibration), task.batch, task.workers, _batch),
        evaluation=CheckedBatches(evaluation, task.batch, task.workers, _batch),
        scorer=partial(Accuracy, classes),
        headline=HEADLINE,
        logits=require_logits,
        correct=correct,
        training=partial(training_batches, data.name, labelled),
        loss=cross_entropy,
        frames=frames,
        description={
            "classes": list(labelled.classes),
            "sample_shape": list(labelled.shape),
            "calibration_samples": min(task.calibration, len(calibration)),
            "evaluation_samples": len(evaluation),
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            **read,
        },
    )


def require_samples(data: str, labelled: LabelledData) -> None:
    """Raise an SnnfwError unless there is something to calibrate with and to test on."""
    for split, samples, least in (
        ("calibration", labelled.calibration, 2),
        ("evaluation", labelled.evaluation, 1),
    ):
        if len(samples) < least:
            raise SnnfwError(f"data '{data}' has {len(samples)} {split} samples, {least} or more are needed.")


def choose(
    task: Classification | Events, data: str, labelled: LabelledData, seed: int
) -> tuple[CheckedSamples, CheckedSamples]:
    """Return all calibration samples in random order, and the evaluation samples that count.

    The evaluation's choice doesn't depend on ``seed``, so that runs stay comparable; it is mixed because
    files are listed class by class.
    """
    checked = partial(CheckedSamples, data=data, shape=labelled.shape, classes=len(labelled.classes))
    tested: Sequence[int] = range(len(labelled.evaluation))
    if task.limit is not None:
        tested = shuffled(len(labelled.evaluation), seed=0)[: task.limit]
    drawn = shuffled(len(labelled.calibration), seed)
    return (
        checked(labelled.calibration, drawn, "calibration"),
        checked(labelled.evaluation, tested, "evaluation"),
    )


def training_batches(data: str, labelled: LabelledData, batch: int, workers: int, seed: int) -> CheckedBatches[Batch]:
    """Return the training split in batches, in an order that ``seed`` fixes, distorted as the data set says."""
    count = len(labelled.training)
    if count < 2:
        raise SnnfwError(f"data '{data}' has {count} training samples, 2 or more are needed.")
    samples = CheckedSamples(labelled.training, range(count), "training", data, labelled.shape, len(labelled.classes))
    return CheckedBatches(samples, min(batch, count), workers, partial(_augmented, labelled.augment), seed)


def _augmented(augment: Callable[[Tensor], Tensor] | None, images: Tensor, labels: Tensor) -> Batch:
    return _batch(augment(images) if augment else images, labels)


def cross_entropy(output: Output, target: Tensor, smoothing: float) -> Tensor:
    """Return the mean cross entropy of logits [N, K] and labels [N]."""
    return functional.cross_entropy(require_logits(output), target, label_smoothing=smoothing)


def shuffled(count: int, seed: int) -> list[int]:
    """Return the numbers below ``count`` in an order that ``seed`` fixes."""
    order: list[int] = torch.randperm(count, generator=torch.Generator().manual_seed(seed)).tolist()
    return order


def _inputs(images: Tensor, labels: Tensor) -> Inputs:
    del labels
    return (images,)


def _batch(images: Tensor, labels: Tensor) -> Batch:
    return Batch(inputs=(images,), target=labels)
