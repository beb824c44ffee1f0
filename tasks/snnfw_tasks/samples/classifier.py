"""The bundle of classification, events and speech: a network and labelled data that fit, and the splits in batches."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from torch import nn

from snnfw import Bundle, Judgement, SnnfwError, Training, obtain
from snnfw.simulate import Accuracy, cross_entropy, is_correct, require_logits
from snnfw_tasks.samples.batches import as_batch, batch_splits, few_at_a_time, training_batches
from snnfw_tasks.samples.checked import CheckedSamples, check_all
from snnfw_tasks.samples.choosing import choose_tested, require_samples, shuffle
from snnfw_tasks.samples.confusions import Confusions
from snnfw_tasks.samples.description import describe_bundle
from snnfw_tasks.samples.gallery import make_gallery
from snnfw_tasks.samples.labelled import LabelledData, preprocess_of
from snnfw_tasks.samples.probe import require_finite, require_fit
from snnfw_tasks.samples.reading import tell_reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from snnfw import Batch, DataSource, ModelSource, Resources
    from snnfw_tasks.samples.gallery import Look
    from snnfw_tasks.samples.options import Amounts


def make_bundle(
    amounts: Amounts, task: str, model: ModelSource, data: DataSource, resources: Resources, look: Look
) -> Bundle:
    """Return the bundle of a run, with the example on the network's device and the batches on the CPU."""
    labelled = obtain(LabelledData, task, data, "open", preprocess_of(model))
    read = {**tell_reading(labelled.reading, resources.tell), **_tell_preparation(data.name, labelled, resources)}
    require_samples(data.name, "samples", len(labelled.calibration), len(labelled.evaluation))
    classes, frames = len(labelled.classes), labelled.frames
    network = obtain(nn.Module, task, model, "build", classes, resources).eval().to(resources.device)
    require_finite(network, model.name)
    checked = partial(CheckedSamples, data=data.name, check=partial(check_labelled, labelled.shape, classes))
    mixed = checked(labelled.calibration, shuffle(len(labelled.calibration), resources.seed), "calibration")
    calibration = mixed.first(amounts.calibration)
    evaluation = checked(labelled.evaluation, choose_tested(len(labelled.evaluation), amounts.limit), "evaluation")
    example = mixed.stack(range(2))[0].to(resources.device)
    if frames is not None:
        example = example[:, frames // 2]
    require_fit(network, example, classes, model.name, data.name, cure=_cure(amounts, data))
    splits = batch_splits(amounts, calibration, evaluation, frames=frames)
    return Bundle(
        model=network,
        example=(example,),
        data=splits,
        judgement=Judgement(
            lambda: Confusions(Accuracy(classes)),
            Accuracy.headline,
            logits=require_logits,
            correct=is_correct,
            chance=1 / classes,
        ),
        training=Training(
            partial(
                training_batches,
                lambda: check_all(checked, labelled.training),
                "samples",
                partial(_augment_batch, labelled.augment),
            ),
            cross_entropy,
        ),
        gallery=make_gallery(few_at_a_time(evaluation), labelled.classes, look),
        description=describe_bundle(labelled.classes, labelled.shape, calibration, evaluation, network, read),
    )


def _tell_preparation(name: str, labelled: LabelledData, resources: Resources) -> dict[str, Any]:
    """Tell how images were made samples, and return it for the description."""
    if labelled.prepared is None:
        return {}
    resources.tell(f"data '{name}': images {labelled.prepared}.")
    return {"preprocess": asdict(labelled.prepared)}


def _cure(amounts: Amounts, data: DataSource) -> str:
    """Return how a network gets samples that it takes: data of its own, or images read in other colours."""
    if data.name == getattr(amounts, "default_data", None):
        return " This data is the task's own: give the network's, data=NAME data.root=FOLDER."
    if not hasattr(data, "mean"):
        return ""
    grey, colour = "data.mean=[0.5] data.std=[0.5]", "data.mean=[0.485,0.456,0.406] data.std=[0.229,0.224,0.225]"
    return f" One value in data.mean and data.std reads images grey, {grey}, three in colour, {colour}."


def check_labelled(
    shape: tuple[int, ...], classes: int, sample: tuple[Tensor, int], where: str, split: str
) -> tuple[Tensor, int]:
    """Return a sample that fits the data set's ``shape`` and the network's ``classes``, or raise an SnnfwError."""
    image, label = sample
    if tuple(image.shape) != shape:
        raise SnnfwError(
            f"{where} ({split}) has the shape {list(image.shape)}, "
            f"but the data set's samples have the shape {list(shape)}."
        )
    if not image.isfinite().all():
        raise SnnfwError(f"{split} data holds NaN or infinity: repair or remove {where}.")
    if not 0 <= label < classes:
        raise SnnfwError(
            f"{where} ({split}) has the label {label}, outside the network's {classes} classes (0 to {classes - 1})."
        )
    return image, label


def _augment_batch(augment: Callable[[Tensor], Tensor] | None, images: Tensor, labels: Tensor) -> Batch:
    return as_batch(augment(images) if augment else images, labels)
