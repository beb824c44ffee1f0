"""Bring a detector and images with boxes together: build, check that they fit, and cut the splits into batches."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from snnfw import Bundle, Data, Gallery, Judgement, SnnfwError, Training, obtain
from snnfw_tasks.detection.batches import batch_images, collate, select_truths
from snnfw_tasks.detection.boxes import detection_distance, logits, share_correct
from snnfw_tasks.detection.data.images import make_reading, open_images
from snnfw_tasks.detection.data.training import TrainingImages
from snnfw_tasks.detection.models.networks import prepare_for_capture
from snnfw_tasks.detection.pictures import SAMPLES, draw
from snnfw_tasks.detection.scores import HEADLINE, MeanAveragePrecision
from snnfw_tasks.detection.sources import Detector
from snnfw_tasks.samples.batches import as_batch, as_inputs
from snnfw_tasks.samples.boxed import Splits
from snnfw_tasks.samples.choosing import choose_tested, require_samples, shuffle
from snnfw_tasks.samples.description import describe_bundle
from snnfw_tasks.samples.probe import require_finite
from snnfw_tasks.samples.reading import tell_reading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

    from snnfw import Batch, DataSource, ModelSource, Resources
    from snnfw_tasks.detection.data.images import Part
    from snnfw_tasks.detection.sources import Gains
    from snnfw_tasks.samples.options import Amounts


def make_bundle(amounts: Amounts, gains: Gains, model: ModelSource, data: DataSource, resources: Resources) -> Bundle:
    """Return the bundle of a run, with the example on the network's device and the batches on the CPU."""
    splits = obtain(Splits, "detection", data, "open")
    detector = obtain(Detector, "detection", model, "build", splits.names, resources)
    require_same_names(detector, splits, model.name, data.name)
    network = prepare_for_capture(detector.network).to(resources.device)
    require_finite(network, model.name)
    side = image_side(splits.side or detector.side, network)
    few = partial(choose_shuffled, count=amounts.calibration, seed=resources.seed)
    some = partial(choose_first, limit=amounts.limit)
    calibration, calibrating = open_split(splits, side, splits.calibration, few, "calibration", resources)
    evaluation, evaluating = open_split(splits, side, splits.evaluation, some, splits.evaluation_split, resources)
    read = tell_reading(make_reading(data.name, splits, calibrating, evaluating), resources.tell)
    require_samples(data.name, "samples", len(calibration), len(evaluation))
    example = collate([calibration[0], calibration[1]])[0].to(resources.device)
    end2end, names = bool(getattr(network, "end2end", False)), detector.names
    most = max(len(entry["cls"]) for entry in evaluation.labels)
    if not most:
        raise SnnfwError(
            f"the {splits.evaluation_split} split of data '{data.name}' holds no box, so nothing can be scored: put a "
            f"label file for each image beside '{evaluation.im_files[0]}', under 'labels' instead of 'images'."
        )
    return Bundle(
        model=network,
        example=(example,),
        data=Data(
            calibration=batch_images(calibration, amounts.batch, amounts.workers, as_inputs),
            tuning=batch_images(calibration, amounts.batch, amounts.workers, as_batch),
            evaluation=batch_images(evaluation, amounts.batch, amounts.workers, as_batch),
        ),
        judgement=Judgement(
            partial(MeanAveragePrecision, names, end2end, most),
            HEADLINE,
            logits=logits,
            correct=partial(share_correct, end2end=end2end),
            distance=partial(detection_distance, end2end=end2end),
            target_of=select_truths,
        ),
        training=make_training(detector, splits, side, data.name, gains),
        untrainable=detector.untrainable
        or f"data '{data.name}' has no training images, so nothing can be trained on it.",
        merge=detector.merge,
        gallery=Gallery(partial(images_to_draw, evaluation), partial(draw, names=names, end2end=end2end)),
        description=describe_bundle(
            names,
            example.shape[1:],
            calibration,
            evaluation,
            network,
            read,
            objects=sum(len(entry["cls"]) for entry in evaluation.labels),
        ),
    )


def make_training(detector: Detector, splits: Splits, side: int, data: str, gains: Gains) -> Training | None:
    """Return what the detector is trained with, if its head has a loss and the data training images."""
    if detector.loss is None or splits.training is None:
        return None
    return Training(TrainingImages(splits, side, data).batches, detector.loss(gains), detector.settle)


def require_same_names(detector: Detector, splits: Splits, model: str, data: str) -> None:
    """Raise an SnnfwError unless network and data number the same classes; a network may know them by number only."""
    ours, theirs = detector.names, splits.names
    if len(ours) != len(theirs):
        raise SnnfwError(
            f"model '{model}' finds {len(ours)} classes and data '{data}' names {len(theirs)}: "
            "give a network that was trained for this data."
        )
    numbers = tuple(str(number) for number in range(len(ours)))
    if ours not in (theirs, numbers):
        number = next(index for index, pair in enumerate(zip(ours, theirs, strict=True)) if pair[0] != pair[1])
        raise SnnfwError(
            f"model '{model}' calls class {number} '{ours[number]}' and data '{data}' calls it '{theirs[number]}': "
            "give a network that was trained for this data."
        )


def image_side(side: int, network: Any) -> int:
    """Return the side of the images, which has to be a multiple of what the network divides it by."""
    step = max(int(network.stride.max()), 1)
    if side % step:
        raise SnnfwError(
            f"data.size={side} does not fit: this network's images have sides that are multiples of {step}, "
            f"such as {max(1, round(side / step)) * step}."
        )
    return side


def open_split(
    splits: Splits,
    side: int,
    places: Sequence[Path],
    choose: Callable[[list[str]], list[str]],
    split: str,
    resources: Resources,
) -> tuple[Any, Part]:
    """Return ultralytics' data set of what ``choose`` picks of a split's images, and what else is there."""
    return open_images(places, side, splits.names, choose, split, splits.skip_broken, resources=resources)


def choose_shuffled(files: list[str], count: int, seed: int) -> list[str]:
    """Return so many of the files, in an order that the seed fixes."""
    return [files[index] for index in shuffle(len(files), seed)[:count]]


def choose_first(files: list[str], limit: int | None) -> list[str]:
    """Return all files in ultralytics' order, or so many, the same whatever the run's seed."""
    return [files[index] for index in choose_tested(len(files), limit)]


def images_to_draw(evaluation: Any) -> Batch:
    """Return the images to draw, the first few."""
    return as_batch(*collate([evaluation[index] for index in range(min(SAMPLES, len(evaluation)))]))
