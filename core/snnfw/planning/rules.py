"""What a neuron must offer as a method, and the rules that place neurons in a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from snnfw.errors import has_attributes, wrong_kind_error
from snnfw.values import Keep, Observer, Site, SiteStats

if TYPE_CHECKING:
    from torch import Tensor

    from snnfw.neurons.spiking_neuron import SpikingNeuron


@runtime_checkable
class Neuron(Protocol):
    """A spiking neuron as a method: a frozen dataclass whose fields are its parameters.

    ``activations`` lists the kinds of activation that it can stand in for; an empty tuple means all of them. A neuron
    that fires more than one event in a timestep says how many in an attribute ``burst``, for the report's break-even
    rate; one made for an activation of its own shows it as a module in ``example()``, to be tried on.

    ``coding`` names what its streams mean, ``snnfw.RATE`` where it says nothing. One that speaks ``snnfw.DELTA`` builds
    a ``snnfw.neurons.DeltaNeuron`` and offers ``settled()``, the same neuron with nothing held back: a network of such
    is the quantised one after a single timestep.

    Three more attributes are for energy alone. ``payload`` is how many bits name one event among those that the neuron
    can emit, none of them included: 1 for unit spikes (and without the attribute), 2 for spikes of either sign,
    ceil(log2(B + 1)) for one of B binary digits. ``information(timesteps)`` is how many bits a value holds after so
    many timesteps, where that is not ceil(log2(timesteps · burst + 1)). ``leaks`` says that a potential is multiplied
    by a constant at every timestep.
    """

    name: ClassVar[str]
    activations: ClassVar[tuple[str, ...]]

    def observer(self, site: Site) -> Observer:
        """Return the observer that watches the network's activations at ``site`` and finds this neuron's threshold."""
        ...

    def build(self, site: Site, stats: SiteStats, timesteps: int) -> SpikingNeuron:
        """Return the stateful module that replaces the activation, for a run of ``timesteps`` steps."""
        ...


@runtime_checkable
class Quantiser(Neuron, Protocol):
    """A neuron whose mean output for a constant input is known in closed form, so that thresholds can be fitted."""

    def quantise(self, activation: Tensor, threshold: Tensor, timesteps: int) -> Tensor:
        """Return the mean output over ``timesteps`` steps when the network's activation is ``activation``.

        Element by element, of any shape that ``threshold`` broadcasts against; it rises with the activation.
        """
        ...


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
            raise wrong_kind_error("Rule.match", self.match, "a glob on the site's path, such as '*'")
        if not (isinstance(self.neuron, Keep) or has_attributes(self.neuron, "observer", "build")):
            wanted = (
                "an instance, such as AdaFire(phi=4) or Keep(); names are for recipes: {match: '*', neuron: adafire}"
            )
            raise wrong_kind_error("Rule.neuron", self.neuron, wanted)

    def __str__(self) -> str:
        narrowed = f" ({self.activation})" if self.activation else ""
        return f"{self.match}{narrowed}"
