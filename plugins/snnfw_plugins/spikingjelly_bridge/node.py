"""Run a node of SpikingJelly as a spiking neuron: currents in, analog spikes out, time loop by the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from spikingjelly.activation_based import neuron, surrogate
from torch import Tensor

from snnfw import SpikingNeuron
from snnfw.neurons import States

if TYPE_CHECKING:
    from collections.abc import Mapping

    from snnfw import SiteStats


class BridgedNeuron(SpikingNeuron):
    """Feed a node x · v_threshold / θ and emit θ for each of its spikes, as SpikingJelly's voltage scalers do.

    Potentials keep the node's own unit, in which its threshold is ``v_threshold``.
    """

    def __init__(self, stats: SiteStats, node: Any, v_threshold: float) -> None:
        super().__init__(stats)
        self.node, self.v_threshold = node, v_threshold

    def begin(self, drive: Tensor) -> States:
        """Return the node's own initial states, the first of them moved by the initial potential."""
        given = tuple(self.node.get_reset_value(name) for name, _ in self.node.named_memories())
        potential, *others = self.node.materialize_states((drive,), given, "s")
        return (potential + self.initial * self._scale(), *others)

    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        """Run the node for one timestep."""
        (spikes,), after = self.node.single_step_functional_forward((drive * self._scale(),), states)
        return spikes * self.threshold, after

    def _scale(self) -> Tensor:
        return self.v_threshold / self.threshold


class BridgedPairNeuron(BridgedNeuron):
    """Run a node that remembers a second variable: a current, a recovery, a phase."""

    states: ClassVar[tuple[str, ...]] = ("potential", "second")


def bridge_node(kind: str, arguments: Mapping[str, Any], stats: SiteStats, v_threshold: float) -> SpikingNeuron:
    """Return the neuron around SpikingJelly's class of the name ``kind``."""
    node = getattr(neuron, kind)(v_threshold=v_threshold, **arguments)
    wrapper = BridgedNeuron if len(list(node.named_memories())) == 1 else BridgedPairNeuron
    return wrapper(stats, node, v_threshold)


def spike_counter(most: int) -> Any:
    """Return the function by which ILIFNode counts its spikes."""
    return surrogate.MultiLevelSpikeCount(most)
