"""The network that is trained: all timesteps at once through layers and neurons, an output at every timestep."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from snnfw.errors import SnnfwError
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.spiking.model import SpikingModel
from snnfw.values import Output, Site


class TrainingNetwork(nn.Module):
    """A spiking model whose weights are the user's own and whose outputs can be differentiated.

    Its graph was captured with ``trainable=True``. In training mode batch norms use the statistics of all timesteps
    and samples, and dropouts drop; gradients flow through time by the neurons' surrogates.
    """

    model: SpikingModel

    spreads: bool = False
    """Whether it remembers in training how far the neurons' outputs spread, see ``spread``."""

    def __init__(self, model: SpikingModel) -> None:
        super().__init__()
        self.model = model
        self._deviations: list[Tensor] = []
        model.keep_each()

    def forward(self, *inputs: Tensor) -> Output:
        """Return the outputs of every timestep, [T, N, ...], leaf by leaf."""
        self.model.begin(inputs)
        self._deviations = []
        self.model.advance(self.model.timesteps, self._watch if self.spreads and self.training else None)
        return self.model.read_each()

    def spread(self) -> Tensor:
        """Return the standard deviation of what a neuron sends over time, places and samples, averaged over layers."""
        if not self._deviations:
            raise SnnfwError("trainer.spread spreads what neurons send, and there are none: leave it out.")
        return torch.stack(self._deviations).mean()

    def _watch(self, site: Site, neuron: SpikingNeuron, currents: Tensor) -> Tensor:
        """Run a neuron, and remember how far its outputs spread."""
        del site
        output: Tensor = neuron(currents)
        # A layer that sends nothing has the deviation 0, where a root has no derivative.
        self._deviations.append((output.var(correction=0) + torch.finfo(output.dtype).eps).sqrt())
        return output


def mean_over_time(outputs: Output) -> Output:
    """Return the mean of outputs [T, N, ...] over time, leaf by leaf."""
    return pytree.tree_map(_mean, outputs)


def split_timesteps(outputs: Output) -> list[Output]:
    """Return outputs [T, N, ...] as a list of T outputs."""
    leaves, spec = pytree.tree_flatten(outputs)
    steps = len(leaves[0])
    return [pytree.tree_unflatten([leaf[t] for leaf in leaves], spec) for t in range(steps)]


def _mean(leaf: Any) -> Any:
    return leaf.mean(0) if isinstance(leaf, torch.Tensor) else leaf
