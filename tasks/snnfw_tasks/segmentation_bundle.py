"""Bring a network and images with masks together: build, check that they fit, and cut the splits into batches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import torch

from snnfw.errors import SnnfwError
from snnfw.values import Batch, Bundle, Gallery
from snnfw_tasks.batches import CheckedBatches
from snnfw_tasks.classifier_bundle import shuffled
from snnfw_tasks.datasets.palette import VOID
from snnfw_tasks.masked import surveyed
from snnfw_tasks.models.checkpoint import require_finite
from snnfw_tasks.probe import require_fit
from snnfw_tasks.reading import told
from snnfw_tasks.segmentation_pictures import SAMPLES, draw
from snnfw_tasks.segmentation_scores import (
    HEADLINE,
    PixelScores,
    cross_entropy,
    pixel_logits,
    share_changed,
    share_right,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from snnfw.values import Inputs, Resources
    from snnfw_tasks.labelled import ClassifierSource
    from snnfw_tasks.masked import Masked, MaskedData, MaskedSamples
    from snnfw_tasks.segmentation import Segmentation


def bundle(task: Segmentation, model: ClassifierSource, data: MaskedData, resources: Resources) -> Bundle:
    """Return what a run needs, with the example on the network's device and the batches on the CPU."""
    masked = data.open(model.preprocess())
    require_samples(data.name, masked)
    chosen = tested(task, masked)
    looked_at = resources.track(chosen, "labels that are scored", len(chosen))
    read = told(surveyed(data.name, masked, looked_at), resources.tell)
    classes = len(masked.classes)
    network = model.build(classes, resources).eval().to(resources.device)
    require_finite(network, model.name)
    some = partial(Some, data=data.name, side=masked.prepare.crop, classes=classes)
    calibration = some(masked.calibration, shuffled(len(masked.calibration), resources.seed)).first(task.calibration)
    evaluation = some(masked.evaluation, chosen)
    example = torch.stack([calibration[position][0] for position in range(2)]).to(resources.device)
    require_fit(network, example, classes, model.name, data.name, pixel_logits)
    return Bundle(
        model=network,
        example=(example,),
        calibration=CheckedBatches(calibration, task.batch, task.workers, _inputs),
        tuning=CheckedBatches(calibration, task.batch, task.workers, _batch),
        evaluation=CheckedBatches(evaluation, task.batch, task.workers, _batch),
        scorer=partial(PixelScores, masked.classes),
        headline=HEADLINE,
        logits=pixel_logits,
        correct=share_right,
        distance=share_changed,
        gallery=Gallery(
            partial(_to_draw, evaluation.first(SAMPLES)), partial(draw, classes=masked.classes, prepare=masked.prepare)
        ),
        training=partial(training_batches, data.name, masked),
        loss=cross_entropy,
        description={
            "classes": list(masked.classes),
            "sample_shape": list(example.shape[1:]),
            "calibration_samples": len(calibration),
            "evaluation_samples": len(evaluation),
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            **read,
        },
    )


@dataclass(frozen=True, slots=True)
class Some:
    """Some of a split's samples, each refused if it is not what the rest of the run relies on.

    ``data`` names them in errors; ``side`` and ``classes`` are what they must fit.
    """

    samples: MaskedSamples
    indices: Sequence[int]
    data: str
    side: int
    classes: int

    def __len__(self) -> int:
        return len(self.indices)

    def first(self, count: int) -> Some:
        """Return the first so many, or all if there are fewer."""
        return replace(self, indices=self.indices[:count])

    def __getitem__(self, position: int) -> tuple[Tensor, Tensor]:
        """Return a sample that is known to be usable, or raise an SnnfwError that names it."""
        index = self.indices[position]
        image, labels = self.samples[index]
        where = f"sample {index} of data '{self.data}'"
        if (tuple(image.shape), tuple(labels.shape)) != ((3, self.side, self.side), (self.side, self.side)):
            raise SnnfwError(
                f"{where} has an image of shape {list(image.shape)} and labels of shape {list(labels.shape)}: "
                f"expected are {[3, self.side, self.side]} and {[self.side, self.side]}."
            )
        if not image.isfinite().all():
            raise SnnfwError(f"{where} holds NaN or infinity: repair or remove it.")
        wrong = labels[(labels >= self.classes) & (labels != VOID) | (labels < 0)]
        if len(wrong):
            raise SnnfwError(
                f"{where} has the label {int(wrong[0])}: labels go from 0 to {self.classes - 1}, "
                f"and {VOID} is for pixels that count for nothing."
            )
        return image, labels


def require_samples(data: str, masked: Masked) -> None:
    """Raise an SnnfwError unless there is something to calibrate with and to test on."""
    for split, samples, least in (("calibration", masked.calibration, 2), ("evaluation", masked.evaluation, 1)):
        if len(samples) < least:
            raise SnnfwError(f"data '{data}' has {len(samples)} {split} images, {least} or more are needed.")


def tested(task: Segmentation, masked: Masked) -> Sequence[int]:
    """Return the evaluation samples that count, whatever the seed."""
    count = len(masked.evaluation)
    return range(count) if task.limit is None else shuffled(count, seed=0)[: task.limit]


def training_batches(data: str, masked: Masked, batch: int, workers: int, seed: int) -> CheckedBatches[Batch]:
    """Return the training split in batches, in an order that ``seed`` fixes, some images mirrored if they may be."""
    samples = masked.training()
    if len(samples) < 2:
        raise SnnfwError(f"data '{data}' has {len(samples)} training images, 2 or more are needed.")
    some = Some(samples, range(len(samples)), data, masked.prepare.crop, len(masked.classes))
    return CheckedBatches(some, min(batch, len(some)), workers, partial(_trained, masked.mirror), seed)


def mirrored(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return images [N, C, H, W] and labels [N, H, W], each pair mirrored with probability one half."""
    turned = torch.rand(len(images)) < 0.5
    return (
        torch.where(turned[:, None, None, None], images.flip(-1), images),
        torch.where(turned[:, None, None], labels.flip(-1), labels),
    )


def _trained(mirror: bool, images: Tensor, labels: Tensor) -> Batch:
    return _batch(*(mirrored(images, labels) if mirror else (images, labels)))


def _to_draw(some: Some) -> Batch:
    images, labels = zip(*(some[position] for position in range(len(some))), strict=True)
    return _batch(torch.stack(images), torch.stack(labels))


def _inputs(images: Tensor, labels: Tensor) -> Inputs:
    del labels
    return (images,)


def _batch(images: Tensor, labels: Tensor) -> Batch:
    return Batch(inputs=(images,), target=labels)
