"""What a task and the sources of its networks and data must offer."""

from __future__ import annotations

from typing import ClassVar, Protocol, runtime_checkable

from snnfw.values import Bundle, Resources


@runtime_checkable
class ModelSource(Protocol):
    """A network as a method: a frozen dataclass whose fields say which one.

    ``tasks`` names the tasks it serves; an empty tuple means any. Where parameters say which Python runs (a function to
    call, a file to unpickle), ``runs`` names them, as a class variable or a property: the folder of a training may then
    not bring them by itself. Tasks and data sets may have it too.
    """

    name: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]]


@runtime_checkable
class DataSource(Protocol):
    """A data set as a method: a frozen dataclass whose fields say where it is and how it is split."""

    name: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]]


@runtime_checkable
class Task(Protocol):
    """What a network is used for: it brings models and data together and knows how outputs are scored.

    A task's fields are its options. ``default_model`` and ``default_data`` name the embedded defaults. A class variable
    ``defaults``, where a task has one, holds plain settings that suit it, ``{"timesteps": 16, "search": None}`` say.
    They stand below what a preset says, because what a method means is not a task's to change. Only a ``search`` or
    ``exit`` that is None there takes a preset's away, for a task that it cannot do or would rather do without.
    """

    name: ClassVar[str]
    default_model: ClassVar[str]
    default_data: ClassVar[str]

    def load(self, model: ModelSource, data: DataSource, resources: Resources) -> Bundle:
        """Return everything a run needs, on ``resources.device``."""
        ...
