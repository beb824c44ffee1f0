"""Where a neuron goes, and what calibration learns there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from snnfw.errors import has_attributes, wrong_kind_error

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Site:
    """One call of an activation function in the network: a place where a neuron can go.

    ``name`` is the user's module path (``layer1.0.relu``), with ``#2``, ``#3`` ... for further calls of the same
    module; ``activation`` is the kind of function (``relu``, ``silu`` ...) and ``function`` computes it, its
    arguments bound, which ``arguments`` lists. ``shape`` is the activation's shape with ``None`` in the batch's
    dimension, ``channel`` the axis that holds its channels.
    """

    name: str
    node: str
    activation: str
    function: Callable[[Tensor], Tensor] = field(repr=False, compare=False)
    shape: tuple[int | None, ...]
    channel: int
    arguments: tuple[Any, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class SiteStats:
    """What calibration learnt of one site, every tensor of a shape that broadcasts against the activation.

    ``threshold`` is the firing threshold, ``initial`` the membrane potential before the first timestep, ``offset`` a
    constant added to the input current at every timestep.
    """

    threshold: Tensor
    initial: Tensor | None = None
    offset: Tensor | None = None

    def __post_init__(self) -> None:
        """Refuse what is no tensor."""
        for name in ("threshold", "initial", "offset"):
            value = getattr(self, name)
            if not (has_attributes(value, "shape", "dtype") or (value is None and name != "threshold")):
                raise wrong_kind_error(f"SiteStats.{name}", value, "a tensor that broadcasts against the activation")


class Observer(Protocol):
    """Watch a site's activations, batch by batch, and sum them up."""

    def update(self, activation: Tensor) -> None:
        """Take the network's activations of one calibration batch, in the site's shape."""
        ...

    def stats(self) -> SiteStats:
        """Return the statistics of all batches seen."""
        ...


@dataclass(frozen=True, slots=True)
class Keep:
    """Leave the activation as it is: the layer stays analog."""

    name: ClassVar[str] = "keep"
