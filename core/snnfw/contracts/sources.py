"""What a task and the sources of its networks and data must offer."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

from snnfw.errors import SnnfwError, describe_type
from snnfw.renamed import former_name
from snnfw.values import Bundle, Resources

Obtained = TypeVar("Obtained")


class BrokenContractError(SnnfwError):
    """What is a plugin's own fault, and no user's: it gives something else than its contract says."""


@runtime_checkable
class ModelSource(Protocol):
    """A network as a method: a frozen dataclass whose fields say which one.

    ``tasks`` names the tasks it serves; an empty tuple means any. Where parameters say which Python runs (a function to
    call, a file to unpickle), ``runs`` names them, as a class variable or a property: the folder of a training may then
    not bring them by itself. Tasks and data sets may have it too.

    A source that serves several tasks, which ask for different things, has a method of its own for one of them,
    ``build_TASK``: that task calls it instead of ``build``.

    A source of any network, made for any data, says so in a class variable ``foreign = True``: a run then asks which
    data it is for. A class method ``words_for(name)``, where there is one, returns what stands behind ``model=`` for a
    network that goes by this name elsewhere, or None; mistakes are answered with it.
    """

    name: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]]

    def build(self, wanted: Any, resources: Resources, /) -> Any:
        """Return the network with its weights, what is random in them drawn with ``resources.seed``.

        ``wanted`` is what the data asks of it, in the task's words: the number of classes, unless the task says
        something else.
        """
        ...


@runtime_checkable
class DataSource(Protocol):
    """A data set as a method: a frozen dataclass whose fields say where it is and how it is split.

    One that serves several tasks, which ask for different things, has a method of its own for one of them,
    ``open_TASK``: that task calls it instead of ``open``.
    """

    name: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]]

    def open(self, *wanted: Any) -> Any:
        """Return the samples in splits, in the task's own words; ``wanted`` is what the task says beforehand.

        The samples to calibrate with and those to evaluate on have nothing in common.
        """
        ...


@runtime_checkable
class Task(Protocol):
    """What a network is used for: it brings models and data together and knows how outputs are scored.

    A task's fields are its options. ``default_model`` and ``default_data`` name the embedded defaults. A class variable
    ``defaults``, where a task has one, holds plain settings that suit it, ``{"timesteps": 16, "search": None}`` say.
    They stand below what a preset says, because what a method means is not a task's to change. Only a ``search`` or
    ``exit`` that is None there takes a preset's away, for a task that it cannot do or would rather do without.

    A task that asks more of its sources than every source has, or in words of its own, says so in the class variables
    ``model_source`` and ``data_source``: protocols, which registration holds the sources that name the task against.

    ``trains``, true where a task's bundles hold what networks are trained with, lets refusals of other tasks name it.

    ``without_data``, a class variable where a task has it, is what ``build`` of a model is told by ``snnfw plan`` where
    there is no data that says it.
    """

    name: ClassVar[str]
    default_model: ClassVar[str]
    default_data: ClassVar[str]

    def load(self, model: ModelSource, data: DataSource, resources: Resources) -> Bundle:
        """Return everything a run needs: network and example on ``resources.device``, batches of inputs anywhere."""
        ...


def missing_names(offer: object, contract: type) -> list[str]:
    """Return the names that a contract asks for and ``offer``, a class or an instance, does not have."""
    asked = [name for part in contract.__mro__ for name in (*inspect.get_annotations(part), *vars(part))]
    return [name for name in dict.fromkeys(asked) if not (name.startswith("_") or hasattr(offer, name))]


def lacking_error(offer: Any, word: str, contract: type, task: str = "") -> SnnfwError | None:
    """Return the error for the first thing that an offer lacks of a contract, which ``task`` asks for, or None."""
    for name in missing_names(offer, contract):
        asked = f", which task '{task}' asks for" if task else ""
        was = former_name(offer, name)
        now = f" (its '{was}' is called '{name}' now)" if was else ""
        home = "snnfw" if contract.__module__.startswith("snnfw.") else contract.__module__
        return SnnfwError(f"{word} '{offer.name}' has no {name}{asked}{now}: see {home}.{contract.__name__}.")
    return None


def source_contract(task: Task | type[Task], kind: str) -> type:
    """Return the contract of a task for its sources of one ``kind``, ``model`` or ``data``."""
    general = {"model": ModelSource, "data": DataSource}[kind]
    contract: type = getattr(task, f"{kind}_source", general)
    return contract


def require_sources(task: Task, model: ModelSource, data: DataSource) -> None:
    """Raise an SnnfwError that says what a source lacks of what the task asks for."""
    for kind, word, source in (("model", "model", model), ("data", "data set", data)):
        if lack := lacking_error(source, word, source_contract(task, kind), task.name):
            raise lack


def obtain(kind: type[Obtained], task: str, source: Any, method: str, *wanted: Any) -> Obtained:
    """Return a source's result for a task: of ``build_TASK`` or ``open_TASK``, or else of ``build`` or ``open``.

    Raises:
        BrokenContractError: it gives something of another ``kind``.

    """
    own = f"{method}_{task.replace('-', '_')}"
    called = own if hasattr(source, own) else method
    given = getattr(source, called)(*wanted)
    if not isinstance(given, kind):
        raise BrokenContractError(
            f"{called}() of '{source.name}' returns {describe_type(given)}, and task '{task}' needs a {kind.__name__}: "
            f"see {kind.__module__}."
        )
    return given
