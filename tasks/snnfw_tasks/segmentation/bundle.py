"""Bring a network and images with masks together: build, check that they fit, and cut the splits into batches."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn

from snnfw import Bundle, Gallery, Judgement, SnnfwError, Training, obtain
from snnfw_tasks.samples.batches import as_batch, batch_splits, training_batches
from snnfw_tasks.samples.checked import CheckedSamples, check_all
from snnfw_tasks.samples.choosing import choose_tested, require_samples, shuffle
from snnfw_tasks.samples.description import describe_bundle
from snnfw_tasks.samples.labelled import preprocess_of
from snnfw_tasks.samples.masked import MaskedSplits
from snnfw_tasks.samples.palette import VOID
from snnfw_tasks.samples.probe import require_finite, require_fit
from snnfw_tasks.samples.reading import tell_reading
from snnfw_tasks.segmentation.pictures import SAMPLES, draw
from snnfw_tasks.segmentation.scores import (
    HEADLINE,
    PixelScores,
    cross_entropy,
    pixel_logits,
    share_changed,
    share_correct,
)
from snnfw_tasks.segmentation.sources import note_unseen_classes

if TYPE_CHECKING:
    from torch import Tensor

    from snnfw import Batch, DataSource, ModelSource, Resources
    from snnfw_tasks.samples.options import Amounts


def make_bundle(amounts: Amounts, model: ModelSource, data: DataSource, resources: Resources) -> Bundle:
    """Return the bundle of a run, with the example on the network's device and the batches on the CPU."""
    masked = obtain(MaskedSplits, "segmentation", data, "open", preprocess_of(model))
    require_samples(data.name, "images", len(masked.calibration), len(masked.evaluation))
    tested = choose_tested(len(masked.evaluation), amounts.limit)
    read = tell_reading(note_unseen_classes(data.name, masked, tested, resources), resources.tell)
    classes, side = len(masked.classes), masked.prepare.crop
    network = obtain(nn.Module, "segmentation", model, "build", classes, resources).eval().to(resources.device)
    require_finite(network, model.name)
    checked = partial(CheckedSamples, data=data.name, check=partial(check_masked, side, classes))
    mixed = checked(masked.calibration, shuffle(len(masked.calibration), resources.seed), "calibration")
    calibration = mixed.first(amounts.calibration)
    evaluation = checked(masked.evaluation, tested, "evaluation")
    example = mixed.stack(range(2))[0].to(resources.device)
    require_fit(network, example, classes, model.name, data.name, pixel_logits)
    return Bundle(
        model=network,
        example=(example,),
        data=batch_splits(amounts, calibration, evaluation),
        judgement=Judgement(
            partial(PixelScores, masked.classes), HEADLINE, pixel_logits, correct=share_correct, distance=share_changed
        ),
        training=Training(
            partial(
                training_batches,
                lambda: check_all(checked, masked.training()),
                "images",
                partial(_mirror_batch, masked.mirror),
            ),
            cross_entropy,
        ),
        gallery=Gallery(
            lambda: as_batch(*evaluation.stack(range(min(SAMPLES, len(evaluation))))),
            partial(draw, classes=masked.classes, prepare=masked.prepare),
        ),
        description=describe_bundle(masked.classes, example.shape[1:], calibration, evaluation, network, read),
    )


def check_masked(
    side: int, classes: int, sample: tuple[Tensor, Tensor], where: str, split: str
) -> tuple[Tensor, Tensor]:
    """Return a sample of this ``side`` with labels below ``classes`` or ``VOID``, or raise an SnnfwError."""
    del split
    image, labels = sample
    if (tuple(image.shape), tuple(labels.shape)) != ((3, side, side), (side, side)):
        raise SnnfwError(
            f"{where} has an image of shape {list(image.shape)} and labels of shape {list(labels.shape)}: "
            f"expected are {[3, side, side]} and {[side, side]}."
        )
    if not image.isfinite().all():
        raise SnnfwError(f"{where} holds NaN or infinity: repair or remove it.")
    wrong = labels[(labels >= classes) & (labels != VOID) | (labels < 0)]
    if len(wrong):
        raise SnnfwError(
            f"{where} has the label {int(wrong[0])}: labels go from 0 to {classes - 1}, "
            f"and {VOID} is for pixels that count for nothing."
        )
    return image, labels


def mirror_randomly(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return images [N, C, H, W] and labels [N, H, W], each pair mirrored with probability one half."""
    turned = torch.rand(len(images)) < 0.5
    return (
        torch.where(turned[:, None, None, None], images.flip(-1), images),
        torch.where(turned[:, None, None], labels.flip(-1), labels),
    )


def _mirror_batch(mirror: bool, images: Tensor, labels: Tensor) -> Batch:
    return as_batch(*(mirror_randomly(images, labels) if mirror else (images, labels)))
