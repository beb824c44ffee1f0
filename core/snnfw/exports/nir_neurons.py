"""Neurons in NIR's words.

NIR's neurons start at 0, fire where the potential is above the threshold, and return to a value. Ours start at V(0),
fire where it has reached θ, and most subtract what they fired. So that both mean the same,

- potentials are counted from V(0): the threshold is θ - V(0), a hard reset goes to -V(0), a leak draws to bias - V(0);
- the threshold is the largest number below that, so that above it is at it or more;
- a soft reset is an integrator, a threshold, and a connection back that is negative. What it carries arrives a timestep
  later, when the integrator has not leaked yet, so that with a time constant it is -(τ - 1) times the height: the leak
  takes its share of the spike too.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx

from snnfw.errors import SnnfwError
from snnfw.exports.nir_growing import Growing, array, shape_of
from snnfw.neurons.integrator import Integrator


def add_neuron(growing: Growing, node: fx.Node) -> str:
    """Add the neuron at a site and return the name of what it sends, which is the site's.

    Raises:
        SnnfwError: the neuron does not fire once at a threshold, or has an input of its own that finds no place.

    """
    import nir

    model = growing.model
    site, neuron = next((site, neuron) for site, neuron in model.site_neurons() if site.node == node.name)
    form = neuron.integrator()
    if form is None:
        raise SnnfwError(
            f"the neuron at '{site.name}', {type(neuron).__name__}, cannot be said in NIR, whose neurons fire once "
            "at a threshold that stays: place neuron=if or lif there."
        )
    source: Any = node.args[0]
    sources, shape = growing.sources[source], shape_of(node)
    if form.tau is None and bool((form.bias != 0).any()):
        _add_bias(growing, source, form.bias, site.name)
    potential = growing.add(f"{site.name}.potential", _potential(form, shape), *sources)
    fired = potential
    if not form.hard:
        fired = growing.add(f"{site.name}.threshold", nir.Threshold(_full(_above(form), shape)), potential)
    sent = growing.add(site.name, nir.Scale(_full(form.height, shape)), fired)
    if not form.hard:
        back = torch.full_like(form.height, -1.0 if form.tau is None else 1.0 - form.tau)
        growing.add(f"{site.name}.reset", nir.Scale(_full(back, shape)), sent)
        growing.edges.append((f"{site.name}.reset", potential))
    return sent


def _potential(form: Integrator, shape: tuple[int, ...]) -> Any:
    """Return what holds the potential, counted from where it begins."""
    import nir

    one = torch.ones_like(form.height)
    r, below, leak = _full(one, shape), _full(_above(form), shape), _full(form.bias - form.initial, shape)
    reset = _full(-form.initial, shape)
    if form.tau is None:
        return nir.IF(r, below, reset) if form.hard else nir.I(r)
    tau = _full(one * form.tau, shape)
    return nir.LIF(tau, r, leak, below, reset) if form.hard else nir.LI(tau, r, leak)


def _above(form: Integrator) -> Tensor:
    """Return the threshold that is passed where θ is reached, for a potential counted from where it begins."""
    reached = form.threshold - form.initial
    return torch.nextafter(reached, torch.full_like(reached, -torch.inf))


def _add_bias(growing: Growing, source: fx.Node, bias: Tensor, site: str) -> None:
    """Add a neuron's constant input to a layer before it: an integrator has no bias of its own in NIR."""
    import nir

    for name in _layers_before(growing, source):
        layer = growing.nodes[name]
        channels = len(layer.weight)
        if bias.numel() not in (1, channels) or bias.numel() != max(bias.shape, default=1):
            continue
        added = array(bias.flatten().expand(channels))
        if isinstance(layer, nir.Linear):
            growing.nodes[name] = nir.Affine(layer.weight, added)
        else:
            layer.bias = layer.bias + added
        return
    raise SnnfwError(
        f"the neuron at '{site}' adds a constant to its input (a calibrated offset, or shift=true), and before it is "
        "no convolution or linear layer of its own whose bias could take it: NIR has no other place for it."
    )


def _layers_before(growing: Growing, source: fx.Node) -> list[str]:
    """Return the layers with weights that a neuron alone reads, by themselves or in a sum."""
    import nir

    if len(source.users) > 1:
        return []
    if isinstance(growing.nodes.get(source.name), nir.Affine | nir.Linear | nir.Conv2d):
        return [source.name]
    if source.name in growing.nodes:
        return []
    return [name for read in source.all_input_nodes for name in _layers_before(growing, read)]


def _full(value: Tensor, shape: tuple[int, ...]) -> Any:
    """Return a value for every neuron of a layer, from one that broadcasts against a batch."""
    return array(torch.broadcast_to(value, (1, *shape))[0].contiguous())
