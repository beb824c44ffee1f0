"""What the segmentation task asks of its sources: images with a label for every pixel, and a network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from snnfw import DataSource, SnnfwError
from snnfw_tasks.samples.palette import VOID
from snnfw_tasks.samples.reading import summarise_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from snnfw_tasks.samples.labelled import Preprocess
    from snnfw_tasks.samples.masked import MaskedSplits
    from snnfw_tasks.samples.reading import Reading


class MaskedData(DataSource, Protocol):
    """A data source that the segmentation task can use."""

    def open(self, preprocess: Preprocess | None, /) -> MaskedSplits:
        """Return the splits; ``preprocess`` is what the network was trained with, where that is known."""
        ...


def note_unseen_classes(data: str, masked: MaskedSplits, tested: Iterable[int]) -> Reading | None:
    """Return the reading with a note on classes that no image holds which is scored.

    Raise an SnnfwError where masks hold 0 and 255 alone, as drawing programs write them: nothing would be scored.
    """
    if masked.reading is None or masked.held is None:
        return masked.reading
    found = {label for index in tested for label in masked.held(index)}
    if found <= {0, VOID} and VOID in found:
        found = {label for index in range(len(masked.evaluation)) for label in masked.held(index)}
        if found <= {0, VOID}:
            only = " and ".join(map(str, sorted(found)))
            raise SnnfwError(
                f"the masks of data '{data}' that are scored hold {only} alone and none '{masked.classes[1]}': {VOID} "
                f"is for pixels that count for nothing, so write 1 in its place if it is the foreground."
            )
    absent = [name for label, name in enumerate(masked.classes) if label not in found]
    if not absent:
        return masked.reading
    note = f"no image that is scored holds {summarise_names(absent)} of the {len(masked.classes)} classes."
    return replace(masked.reading, notes=(*masked.reading.notes, note))
