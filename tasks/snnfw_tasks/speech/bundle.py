"""The bundle of a run: that of any labelled samples, and pictures of waveforms."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from snnfw import Batch, Gallery
from snnfw_tasks.samples import classifier
from snnfw_tasks.speech.pictures import SAMPLES, draw

if TYPE_CHECKING:
    from snnfw import Batches, Bundle, DataSource, ModelSource, Resources
    from snnfw_tasks.samples.options import Amounts


def make_bundle(amounts: Amounts, task: str, model: ModelSource, data: DataSource, resources: Resources) -> Bundle:
    """Return the bundle of a run, with the example on the network's device and the batches on the CPU."""
    bundle = classifier.make_bundle(amounts, task, model, data, resources)
    gallery = Gallery(
        partial(pick_varied, bundle.data.evaluation),
        partial(draw, classes=bundle.description["classes"]),
        every=True,
    )
    return replace(bundle, gallery=gallery)


def pick_varied(batches: Batches[Batch]) -> Batch:
    """Return a few clips of the first batch, of different classes as far as there are such."""
    batch = next(iter(batches))
    labels = batch.target.tolist()
    first = [position for position, label in enumerate(labels) if label not in labels[:position]]
    others = [position for position in range(len(labels)) if position not in first]
    chosen = [*first, *others][:SAMPLES]
    return Batch(inputs=tuple(each[chosen] for each in batch.inputs), target=batch.target[chosen])
