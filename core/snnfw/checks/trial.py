"""Try a neuron at one site: a made-up activation, what its observer finds there, and noise to drive it with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from snnfw.capture.export import capture
from snnfw.capture.sites import IDENTITY
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.planning.rules import Neuron
from snnfw.values import Site, SiteStats

TIMESTEPS = 8


@dataclass(frozen=True, slots=True)
class Layout:
    """The shape of an activation, and the axes that hold its samples and its channels."""

    words: str
    shape: tuple[int, ...]
    batch: int
    channel: int

    @property
    def one_sample(self) -> tuple[int, ...]:
        """Return the shape of a single sample."""
        return tuple(1 if axis == self.batch else size for axis, size in enumerate(self.shape))

    def noise(self, generator: torch.Generator, *time: int) -> Tensor:
        """Return standard normal noise in float64."""
        return torch.randn((*time, *self.shape), generator=generator, dtype=torch.float64)


LAYOUTS = (Layout("[N, C, H, W]", (4, 3, 5, 5), 0, 1), Layout("[L, N, C]", (5, 4, 6), 1, 2))


@dataclass(frozen=True, slots=True)
class Trial:
    """A neuron at one site, with what its observer found there."""

    neuron: Neuron
    site: Site
    layout: Layout
    stats: SiteStats

    def build_fresh(self) -> SpikingNeuron:
        """Build the module, without a history."""
        return self.neuron.build(self.site, self.stats, TIMESTEPS)

    def noise(self, seed: int, *time: int) -> Tensor:
        """Return standard normal noise in the site's shape, always the same for one seed."""
        return self.layout.noise(torch.Generator().manual_seed(seed), *time)


def trial_of(neuron: Neuron, activation: str, layout: Layout) -> Trial:
    """Show a neuron's observer two batches of random activations."""
    shape = tuple(None if axis == layout.batch else size for axis, size in enumerate(layout.shape))
    site = replace(_site(neuron, activation), name="site", shape=shape, channel=layout.channel)
    observer = neuron.observer(site)
    generator = torch.Generator().manual_seed(0)
    for _ in range(2):
        observer.update(site.function(layout.noise(generator)))
    return Trial(neuron, site, layout, observer.stats())


def _site(neuron: Neuron, activation: str) -> Site:
    """Return a site of one of torch's activations, or of the neuron's own ``example`` of one."""
    example: Callable[[], nn.Module] | None = getattr(neuron, "example", None)
    if example is not None:
        x = torch.randn((2, 3), dtype=torch.float64)
        return capture(nn.Sequential(example()).double().eval(), (x,)).sites[0]
    own: dict[str, Callable[[Tensor], Tensor]] = {"prelu": _prelu, IDENTITY: torch.ops.aten.alias}
    function = own.get(activation) or getattr(F, activation)
    return Site("site", "site", activation, function, (None,), 0)


def _prelu(x: Tensor) -> Tensor:
    return F.prelu(x, x.new_tensor(0.25))
