"""The contract of a spiking neuron: one pure step, run over time, with the events that its output holds."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

import torch
from spikingjelly.activation_based.base import MemoryModule
from torch import Tensor

from snnfw.spiking.timefold import select

if TYPE_CHECKING:
    from snnfw.capture.graph import BatchDim
    from snnfw.contracts import SiteStats

States = tuple[Tensor, ...]
"""What a neuron remembers from one timestep to the next."""


class SpikingNeuron(MemoryModule):  # type: ignore[misc]  # SpikingJelly carries no type information
    """A neuron on SpikingJelly's multi-step contract, emitting analog spikes: n(t) · θ.

    Input and output are currents [T, *shape] with the shape of the activation that the neuron replaces, so the layers
    around it keep their weights. What calibration finds lives here: ``threshold`` θ, ``initial`` potential and
    ``offset``, a constant added to the input at each timestep, all broadcasting against ``shape``.

    A subclass names its states and says how they begin (``begin``) and change in one timestep (``step``). ``emitted``
    holds the events of each element since the reset, [*shape].
    """

    states: ClassVar[tuple[str, ...]] = ("potential",)
    calibrated: ClassVar[bool] = True
    """Whether an error of the mean output can be mended by ``offset`` and ``initial``."""

    threshold: Tensor
    initial: Tensor
    offset: Tensor
    emitted: Tensor | None

    def __init__(self, stats: SiteStats) -> None:
        super().__init__()
        self.step_mode = "m"
        zero = torch.zeros_like(stats.threshold)
        self.register_buffer("threshold", stats.threshold.clone())
        self.register_buffer("initial", zero.clone() if stats.initial is None else stats.initial.clone())
        self.register_buffer("offset", zero if stats.offset is None else stats.offset.clone())
        for name in self.states:
            self.register_memory(name, None)
        self.register_memory("emitted", None)

    @abstractmethod
    def begin(self, drive: Tensor) -> States:
        """Return the states before the first timestep; ``drive`` is one timestep's input, for shape and kind."""

    @abstractmethod
    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        """Return one timestep's output and the states after it. Pure: changes neither the neuron nor ``states``."""

    def events(self, output: Tensor) -> Tensor:
        """Return how many events each element of an output holds: n for a burst of n, also when it is negative."""
        return (output.abs() / self.threshold).round_()

    def keep(self, place: BatchDim, samples: Tensor) -> None:
        """Go on with the samples of these indices alone; states without dimensions belong to all of them."""
        for name, value in self.named_memories():
            if isinstance(value, Tensor) and value.dim():
                setattr(self, name, select(value, place, samples))

    def single_step_functional_forward(
        self, inputs: tuple[Tensor, ...], states: States, **_: object
    ) -> tuple[tuple[Tensor, ...], States]:
        """Run one timestep with explicit states."""
        output, after = self.step(inputs[0] + self.offset, states)
        return (output,), after

    def multi_step_functional_forward(
        self, inputs: tuple[Tensor, ...], states: States, **_: object
    ) -> tuple[tuple[Tensor, ...], States]:
        """Run every timestep of [T, *shape] with explicit states, keeping nothing in between."""
        drive = inputs[0]
        if torch.is_grad_enabled() and drive.requires_grad:
            outputs: tuple[tuple[Tensor, ...], States] = super().multi_step_functional_forward(inputs, states)
            return outputs
        # One timestep's layout, so that a static input (stride 0 in time) and channels_last both come out dense.
        result = torch.empty_like(drive[0]).new_empty(0)
        for t in range(len(drive)):
            (output,), states = self.single_step_functional_forward((drive[t],), states)
            if t == 0:
                result = _sequence_like(output, len(drive))
            result[t] = output
        return (result,), states

    def multi_step_forward(self, x_seq: Tensor) -> Tensor:
        """Run every timestep of [T, *shape], carrying the states on and counting events."""
        states = tuple(getattr(self, name) for name in self.states)
        if states[0] is None:
            states = self.begin(x_seq[0] + self.offset)
        elif states[0].shape != x_seq.shape[1:]:
            raise ValueError(
                f"the neuron's state has shape {tuple(states[0].shape)} and its input {tuple(x_seq.shape[1:])}: reset "
                "it, or select the samples that go on in its state too."
            )
        (output,), after = self.multi_step_functional_forward((x_seq,), states)
        for name, value in zip(self.states, after, strict=True):
            setattr(self, name, value)
        with torch.no_grad():
            events = self.events(output.detach()).sum(0)
            self.emitted = events if self.emitted is None else self.emitted + events
        return output


def _sequence_like(step: Tensor, length: int) -> Tensor:
    """Return an empty [T, *shape] in which every timestep has the memory layout of ``step``."""
    return step.new_empty_strided((length, *step.shape), (step.numel(), *step.stride()))
