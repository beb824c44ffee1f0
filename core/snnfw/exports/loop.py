"""Run programs over time beside the model itself, and tell how many spikes are others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from snnfw.errors import SnnfwError
from snnfw.exports.programs import Programs
from snnfw.exports.step import tensors_of
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.spiking.model import SpikingModel
from snnfw.values import Inputs, Site

Run = Callable[[Sequence[Tensor]], Sequence[Tensor]]
"""A program that can be called: tensors in, tensors out, in the order of their names."""

Step = tuple[Sequence[Tensor], Sequence[Tensor]]
"""The network's outputs after a timestep, and the outputs of its sites in that timestep."""

Steps = Callable[[Inputs], Iterator[Step]]
"""What runs samples through all timesteps."""

UNIT = 1e-3
"""Outputs of a neuron that differ by more than this share of its threshold are another number of spikes."""

SHARE_OF_FLIPS = {torch.float64: 0.0, torch.float32: 0.01}
"""The share of values that may be others, by the type of numbers that is computed in: rounding alone does that."""

FEW = 16
"""So many may be others in 32 bits however small a network is: a threshold is often met exactly by calibration data."""

CLOSE = {torch.float64: 1e-9, torch.float32: 1e-3}
"""How far outputs may be apart while all spikes were equal, as a share of the largest."""


NUDGE, DRAWS = 2.0**-16, 3
"""Inputs moved by this share, so many times at random, tell how much of a network hangs on rounding."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison saw: values of neurons, how many of them were others, and the sites that fired.

    ``apart`` is how far outputs were from each other where spikes were others, as a share of the largest.
    """

    values: int = 0
    flips: int = 0
    fired: frozenset[str] = frozenset()
    apart: float = 0.0

    def __add__(self, other: Compared) -> Compared:
        """Return what was seen in both."""
        fired, apart = self.fired | other.fired, max(self.apart, other.apart)
        return Compared(self.values + other.values, self.flips + other.flips, fired, apart)


@torch.no_grad()
def run_programs(programs: Programs, begin: Run, step: Run, inputs: Inputs, timesteps: int) -> Iterator[Step]:
    """Yield every timestep of a begin and a step program, wherever they run."""
    given = list(begin(programs.first_given(inputs)))
    split = len(programs.constants)
    constants, states = given[:split], given[split:]
    *ends, _ = accumulate((len(programs.outputs), len(programs.sites), len(programs.states)))
    for timestep in range(timesteps):
        values = list(step([*constants, *programs.frames_given(inputs, timestep), *states]))
        yield values[: ends[0]], values[ends[0] : ends[1]]
        states = values[ends[1] :]


@torch.no_grad()
def run_model(model: SpikingModel, inputs: Inputs, timesteps: int) -> Iterator[Step]:
    """Yield every timestep of a spiking model, one at a time."""
    model.begin(inputs)
    for _ in range(timesteps):
        spikes: list[Tensor] = []

        def visit(site: Site, neuron: SpikingNeuron, drive: Tensor, seen: list[Tensor] = spikes) -> Tensor:
            del site
            output: Tensor = neuron(drive)
            seen.append(output[0].clone())
            return output

        model.advance(1, visit)
        yield [output.clone() for output in tensors_of(model.read())], spikes
    model.forget()


def compare_runs(model: SpikingModel, steps: Steps, inputs: Inputs) -> Compared:
    """Compare every timestep of what was exported with the model, on all samples together and on the first one alone.

    Raises:
        SnnfwError: more spikes are others than rounding explains, or outputs differ though all spikes are equal.

    """
    first = tuple(tensor[:1] for tensor in inputs)
    seen = _compare(model, inputs, steps(inputs)) + _compare(model, first, steps(first))
    share = SHARE_OF_FLIPS[real_type(model)]
    allowed = max(share * seen.values, FEW) if share else 0
    if seen.flips > allowed and not (share and _hangs_on_rounding(model, inputs, seen)):
        raise SnnfwError(
            f"{seen.flips} of {seen.values} values of neurons differ between the export and the model, more than "
            "rounding explains: nothing was written. Please report this network to the authors of snnfw."
        )
    return seen


def _compare(model: SpikingModel, inputs: Inputs, others: Iterable[Step]) -> Compared:
    """Compare every timestep of a model with another run of the same timesteps."""
    seen = Compared()
    for timestep, (own, other) in enumerate(zip(run_model(model, inputs, model.timesteps), others, strict=True), 1):
        seen += _compare_spikes(model, own[1], other[1])
        if seen.flips:
            seen += Compared(apart=max(map(_distance, own[0], other[0]), default=0.0))
        else:
            _require_close(own[0], other[0], timestep)
    return seen


def _hangs_on_rounding(model: SpikingModel, inputs: Inputs, seen: Compared) -> bool:
    """Tell whether the model itself gives as many others, and outputs as far apart, for inputs a rounding away.

    A value that is rounded to a threshold and meets a tie moves all that is computed from it, layer after layer.
    """
    random = torch.Generator().manual_seed(0)
    share, apart = 0.0, 0.0
    for _ in range(DRAWS):
        moved = tuple(_nudged(tensor, random) for tensor in inputs)
        found = _compare(model, inputs, list(run_model(model, moved, model.timesteps)))
        share, apart = max(share, found.flips / found.values), max(apart, found.apart)
    return seen.flips <= 2 * share * seen.values and seen.apart <= 2 * apart


def _nudged(tensor: Tensor, random: torch.Generator) -> Tensor:
    """Return numbers moved by about ``NUDGE`` of themselves; whole numbers have nothing to be rounded."""
    if not tensor.is_floating_point():
        return tensor
    return tensor * (1 + NUDGE * torch.randn(tensor.shape, generator=random, dtype=tensor.dtype))


def _distance(own: Tensor, other: Tensor) -> float:
    """Return the largest difference of two outputs as a share of the largest value; of choices there is none."""
    if not own.numel() or not own.is_floating_point():
        return 0.0
    return float((own - other).abs().nan_to_num(nan=torch.inf).max() / own.abs().max().clamp_min(1e-30))


def real_type(model: SpikingModel) -> torch.dtype:
    """Return the type of numbers that a model computes in, refusing half precision, which exports do not hold."""
    for _, neuron in model.site_neurons():
        if neuron.threshold.dtype not in SHARE_OF_FLIPS:
            raise SnnfwError(f"the model computes in {neuron.threshold.dtype}: export it in 32 bits, model.float().")
        return neuron.threshold.dtype
    raise SnnfwError("the model has no neuron: there is no step to export.")


def _compare_spikes(model: SpikingModel, ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> Compared:
    seen = Compared()
    for (site, neuron), own, other in zip(model.site_neurons(), ours, theirs, strict=True):
        if own.shape != other.shape or own.dtype != other.dtype:
            raise SnnfwError(
                f"what was exported gives '{site.name}' the shape {list(other.shape)} ({other.dtype}) and the model "
                f"{list(own.shape)} ({own.dtype}): nothing was written. Please report it to the authors of snnfw."
            )
        differ = ~((own - other).abs() <= UNIT * neuron.threshold)
        fired = frozenset([site.name] if bool((own != 0).any()) else [])
        seen += Compared(own.numel(), int(differ.sum()), fired)
    return seen


def _require_close(ours: Sequence[Tensor], theirs: Sequence[Tensor], timestep: int) -> None:
    for number, (own, other) in enumerate(zip(ours, theirs, strict=True)):
        near = CLOSE.get(own.dtype, 0.0) * float(own.abs().max()) if own.numel() and own.is_floating_point() else 0.0
        if own.shape != other.shape or not torch.allclose(own, other, rtol=0, atol=near, equal_nan=True):
            raise SnnfwError(
                f"output {number} of what was exported differs from the model's after timestep {timestep}, with equal "
                "spikes: nothing was written. Please report this network to the authors of snnfw."
            )
