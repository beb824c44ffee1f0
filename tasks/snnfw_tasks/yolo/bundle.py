"""Bring a detector and images with boxes together: build, check that they fit, and cut the splits into batches."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from snnfw.errors import SnnfwError
from snnfw.values import Bundle, Gallery
from snnfw_tasks.classifier_bundle import shuffled
from snnfw_tasks.models.checkpoint import require_finite
from snnfw_tasks.models.yolo_networks import ready
from snnfw_tasks.reading import told
from snnfw_tasks.yolo.batches import DetectionBatches, batch, chosen, collate, inputs
from snnfw_tasks.yolo.boxes import correct, distance, logits
from snnfw_tasks.yolo.dataset import open_images, reading
from snnfw_tasks.yolo.pictures import SAMPLES, draw
from snnfw_tasks.yolo.scores import HEADLINE, MeanAveragePrecision

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

    from snnfw.values import Batch, Resources
    from snnfw_tasks.detection import Detection
    from snnfw_tasks.yolo.dataset import Part
    from snnfw_tasks.yolo.sources import DetectionData, Detector, DetectorSource, Splits


def bundle(task: Detection, model: DetectorSource, data: DetectionData, resources: Resources) -> Bundle:
    """Return what a run needs, with the example on the network's device and the batches on the CPU."""
    splits = data.splits()
    detector = model.detector(splits.names, resources)
    require_same_names(detector, splits, model.name, data.name)
    network = ready(detector.network).to(resources.device)
    require_finite(network, model.name)
    side = image_side(splits.side or detector.side, network)
    few, some = partial(drawn, count=task.calibration, seed=resources.seed), partial(first, limit=task.limit)
    calibration, calibrating = opened(splits, side, splits.calibration, few, "calibration")
    evaluation, evaluating = opened(splits, side, splits.evaluation, some, splits.evaluation_split)
    read = told(reading(data.name, splits, calibrating, evaluating), resources.tell)
    if len(calibration) < 2:
        raise SnnfwError(f"data '{data.name}' has {len(calibration)} calibration samples, 2 or more are needed.")
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
        calibration=DetectionBatches(calibration, task.batch, task.workers, inputs),
        tuning=DetectionBatches(calibration, task.batch, task.workers, batch),
        evaluation=DetectionBatches(evaluation, task.batch, task.workers, batch),
        scorer=partial(MeanAveragePrecision, names, end2end, most),
        headline=HEADLINE,
        target_of=chosen,
        logits=logits,
        correct=partial(correct, end2end=end2end),
        distance=partial(distance, end2end=end2end),
        gallery=Gallery(partial(shown, evaluation), partial(draw, names=names, end2end=end2end)),
        description={
            "classes": list(names),
            "sample_shape": list(example.shape[1:]),
            "calibration_samples": len(calibration),
            "evaluation_samples": len(evaluation),
            "objects": sum(len(entry["cls"]) for entry in evaluation.labels),
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            **read,
        },
    )


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


def opened(
    splits: Splits, side: int, places: Sequence[Path], choose: Callable[[list[str]], list[str]], split: str
) -> tuple[Any, Part]:
    """Return ultralytics' data set of what ``choose`` picks of a split's images, and what else is there."""
    return open_images(places, side, splits.names, choose, split, splits.skip_broken)


def drawn(files: list[str], count: int, seed: int) -> list[str]:
    """Return so many of the files, in an order that the seed fixes."""
    return [files[index] for index in shuffled(len(files), seed)[:count]]


def first(files: list[str], limit: int | None) -> list[str]:
    """Return all files in ultralytics' order, or so many, the same whatever the run's seed."""
    return files if limit is None else drawn(files, limit, seed=0)


def shown(evaluation: Any) -> Batch:
    """Return the images to draw, the first few."""
    return batch(*collate([evaluation[index] for index in range(min(SAMPLES, len(evaluation)))]))
