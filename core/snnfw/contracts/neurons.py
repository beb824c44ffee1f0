"""Where a neuron goes, what calibration learns there, and what a neuron must offer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from snnfw.errors import misgiven, offers

if TYPE_CHECKING:
    from torch import Tensor

    from snnfw.spiking.neuron import SpikingNeuron


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
            if not (offers(value, "shape", "dtype") or (value is None and name != "threshold")):
                raise misgiven(f"SiteStats.{name}", value, "a tensor that broadcasts against the activation")


class Observer(Protocol):
    """Watch a site's activations, batch by batch, and sum them up."""

    def update(self, activation: Tensor) -> None:
        """Take the network's activations of one calibration batch, in the site's shape."""
        ...

    def stats(self) -> SiteStats:
        """Return what was learnt of all batches seen."""
        ...


@runtime_checkable
class Neuron(Protocol):
    """A spiking neuron as a method: a frozen dataclass whose fields are its parameters.

    ``activations`` lists the kinds of activation that it can stand in for; an empty tuple means all of them. A neuron
    that fires more than one event in a timestep says how many in an attribute ``burst``, for the report's break-even
    rate; one made for an activation of its own shows it as a module in ``example()``, to be tried on.
    """

    name: ClassVar[str]
    activations: ClassVar[tuple[str, ...]]

    def observer(self, site: Site) -> Observer:
        """Return what watches the network's activations at ``site`` and finds this neuron's threshold."""
        ...

    def build(self, site: Site, stats: SiteStats, timesteps: int) -> SpikingNeuron:
        """Return the stateful module that replaces the activation, for a run of ``timesteps`` steps."""
        ...


@runtime_checkable
class Quantiser(Neuron, Protocol):
    """A neuron whose mean output for a constant input is known in closed form, so that thresholds can be fitted."""

    def quantise(self, activation: Tensor, threshold: Tensor, timesteps: int) -> Tensor:
        """Return the mean output over ``timesteps`` steps when the network's activation is ``activation``."""
        ...


@dataclass(frozen=True, slots=True)
class Keep:
    """Leave the activation as it is: the layer stays analog."""

    name: ClassVar[str] = "keep"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a recipe: the neuron for every site whose module path matches a glob, first match wins."""

    match: str
    neuron: Neuron | Keep
    activation: str | None = None
    optional: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no glob, and what is no neuron: a name has a meaning only where there is a registry."""
        if not isinstance(self.match, str):
            raise misgiven("Rule.match", self.match, "a glob on the site's path, such as '*'")
        if not (isinstance(self.neuron, Keep) or offers(self.neuron, "observer", "build")):
            wanted = (
                "an instance, such as AdaFire(phi=4) or Keep(); names are for recipes: {match: '*', neuron: adafire}"
            )
            raise misgiven("Rule.neuron", self.neuron, wanted)

    def __str__(self) -> str:
        narrowed = f" ({self.activation})" if self.activation else ""
        return f"{self.match}{narrowed}"
