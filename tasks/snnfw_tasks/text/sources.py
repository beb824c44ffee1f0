"""What the text task asks of its sources: texts in three splits, and a network that reads numbers of words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from snnfw import DataSource, ModelSource

if TYPE_CHECKING:
    from torch import nn

    from snnfw import Resources
    from snnfw_tasks.samples.checked import Indexed
    from snnfw_tasks.samples.reading import Reading


class Text(NamedTuple):
    """A text, the number of its class, and what errors call it, a file and line say, where that is known."""

    text: str
    label: int
    place: str = ""


TextSamples: TypeAlias = "Indexed[Text]"
"""Texts by index; or an SnnfwError that names the file."""


@dataclass(frozen=True, slots=True)
class Texts:
    """A data set in three splits, whose labels are positions in ``classes``.

    ``length`` is how many tokens of a text are read where nobody says. ``training`` is called where it is needed;
    ``calibration`` may be the same texts, but shares nothing with ``evaluation``. ``reading`` is what a reader of files
    says about them.
    """

    classes: tuple[str, ...]
    length: int
    training: Callable[[], TextSamples]
    calibration: TextSamples
    evaluation: TextSamples
    reading: Reading | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a network has to read and tell: so many ``classes``, from numbers of words below ``vocabulary``.

    ``words`` returns the words that have these numbers in the data's training split, read when it is called.
    """

    classes: int
    vocabulary: int
    words: Callable[[], list[str]]


class TextData(DataSource, Protocol):
    """A data source that the text task can use."""

    def open(self) -> Texts:
        """Return the splits."""
        ...


class TextNetwork(ModelSource, Protocol):
    """A model source that names the task: numbers of words [N, L] come in, 0 behind the end of a text.

    A network that knows its words has them in a buffer ``vocabulary``, see ``vocabulary.pack_words``, and gets their
    numbers; any other gets those of the data's training split. A source that serves any task knows of no words: its
    ``build`` gets the number of classes.
    """

    def build(self, wanted: Wanted, resources: Resources, /) -> nn.Module:
        """Return the network with its weights: logits [N, classes]."""
        ...
