"""What the segmentation task asks of its sources: images with a label for every pixel, and a network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from snnfw import DataSource, SnnfwError
from snnfw_tasks.samples.palette import VOID
from snnfw_tasks.samples.reading import summarise_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from snnfw import Resources
    from snnfw_tasks.samples.labelled import Preprocess
    from snnfw_tasks.samples.masked import MaskedSplits
    from snnfw_tasks.samples.reading import Reading


class MaskedData(DataSource, Protocol):
    """A data source that the segmentation task can use."""

    def open(self, preprocess: Preprocess | None, /) -> MaskedSplits:
        """Return the splits; ``preprocess`` is what the network was trained with, where that is known."""
        ...


MOST = 1000
"""So many masks are looked at for the classes in them: all of many would take longer than the run itself."""


def note_unseen_classes(data: str, masked: MaskedSplits, tested: Sequence[int], resources: Resources) -> Reading | None:
    """Return the reading with a note on classes that no image holds which is scored, of the first thousand.

    Masks are read until every class is found.

    Raise an SnnfwError where masks hold 0 and 255 alone, as drawing programs write them: nothing would be scored.
    """
    if masked.reading is None or masked.held is None:
        return masked.reading
    some = tested[:MOST]
    found = _labels_in(masked, resources.track(some, "labels that are scored", len(some)))
    if found <= {0, VOID} and VOID in found:
        found = _labels_in(masked, range(len(masked.evaluation)))  # all: it may be refused for them
        if found <= {0, VOID}:
            only = " and ".join(map(str, sorted(found)))
            raise SnnfwError(
                f"the masks of data '{data}' that are scored hold {only} alone and none '{masked.classes[1]}': {VOID} "
                f"is for pixels that count for nothing, so write 1 in its place if it is the foreground."
            )
    absent = [name for label, name in enumerate(masked.classes) if label not in found]
    if not absent:
        return masked.reading
    which = "no image that is scored" if len(some) == len(tested) else f"none of the first {MOST} images"
    note = f"{which} holds {summarise_names(absent)} of the {len(masked.classes)} classes."
    return replace(masked.reading, notes=(*masked.reading.notes, note))


def _labels_in(masked: MaskedSplits, indices: Iterable[int]) -> set[int]:
    """Return the labels in some images, up to where every class is found."""
    found: set[int] = set()
    wanted = set(range(len(masked.classes)))
    for index in indices:
        found |= set(masked.held(index)) if masked.held else set()
        if wanted <= found:
            break
    return found
