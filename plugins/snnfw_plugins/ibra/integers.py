"""Count which integers the neurons send: the spike activation limitation of the IBRA paper, and what mends it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from snnfw import Bundle, Chart, Curve, Measurement, Resources
from snnfw.simulate import evaluation_inputs, watch_neurons
from snnfw_plugins.ibra.node import IntegerNeuron

if TYPE_CHECKING:
    from snnfw import Site, SpikingModel, SpikingNeuron

MOST_BARS = 32
"""Most bars of a histogram; where integers are larger, a bar stands for several."""


def measure_integers(model: SpikingModel, bundle: Bundle, resources: Resources) -> Measurement:
    """Return the histogram of the integers M that every integer neuron sends, on evaluation samples.

    ``largest integer`` is what was sent at all, to be held against D_N; ``share of the range`` says how many of the
    integers from 0 to D_N occur. Ye et al. (2025), IBRA-LIF, section 3.3 and Fig. 3.
    """
    counts: dict[str, Tensor] = {}
    limits: dict[str, int] = {}

    def visit(site: Site, neuron: SpikingNeuron, currents: Tensor) -> Tensor:
        output: Tensor = neuron(currents)
        if isinstance(neuron, IntegerNeuron):
            limits[site.name] = neuron.limit
            found = torch.bincount(neuron.integers(output).flatten().long())
            counts[site.name] = add_counts(counts.get(site.name), found)
        return output

    for inputs in evaluation_inputs(bundle, resources):
        watch_neurons(model, inputs, model.timesteps, visit, resources.memory)
    if not counts:
        return Measurement()
    whole = sum_counts(counts.values())
    numbers = {"largest integer": float(len(whole) - 1), "silent share": float(whole[0] / whole.sum())}
    numbers |= {f"largest integer/{name}": float(len(found) - 1) for name, found in counts.items()}
    numbers |= {
        f"share of the range/{name}": float((found > 0).sum()) / (limits[name] + 1) for name, found in counts.items()
    }
    return Measurement(numbers, tuple(charts(counts)))


def add_counts(before: Tensor | None, found: Tensor) -> Tensor:
    """Return the sum of two histograms that begin at 0."""
    return found if before is None else sum_counts((before, found))


def sum_counts(all_counts: Iterable[Tensor]) -> Tensor:
    """Return the sum of histograms that begin at 0 and are as long as their largest integer."""
    listed = list(all_counts)
    whole = torch.zeros(max(map(len, listed)), dtype=listed[0].dtype, device=listed[0].device)
    for found in listed:
        whole[: len(found)] += found
    return whole


def charts(counts: Mapping[str, Tensor]) -> Iterable[Chart]:
    """Yield the histogram of the first, the middle and the last layer, zeros left out: they would hide the others."""
    names = list(counts)
    shown = dict.fromkeys((names[0], names[len(names) // 2], names[-1]))
    most = max(len(counts[name]) for name in shown)
    width = -(-most // MOST_BARS)
    bars = tuple(bar_of(name, counts[name], width) for name in shown)
    told = "" if width == 1 else f", {width} to a bar"
    yield Chart(
        caption=f"Integers that are sent, zeros apart{told}: share of all that are not zero, in three layers",
        x="integer",
        y="share",
        curves=bars,
        kind="bars",
    )


def bar_of(name: str, counts: Tensor, width: int) -> Curve:
    """Return a layer's bars, each at its first integer, as shares of what is not zero."""
    sent = counts.clone()
    sent[0] = 0
    total = max(1, int(sent.sum()))
    padded = torch.nn.functional.pad(sent, (0, -len(sent) % width))
    shares = (padded.view(-1, width).sum(1) / total).tolist()
    return Curve(name, tuple(float(width * number) for number in range(len(shares))), tuple(shares))
