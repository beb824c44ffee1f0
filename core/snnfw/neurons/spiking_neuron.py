"""The contract of a spiking neuron: one pure step, run over time, with the events that its output holds."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from spikingjelly.activation_based.base import MemoryModule
from torch import Tensor

from snnfw.kernels.compiler import CompilerMissing
from snnfw.kernels.layout import count_changes
from snnfw.kernels.learning import run_with_gradient
from snnfw.kernels.multistep import compute_dtype, is_supported, run_kernel, sequence_like
from snnfw.neurons.buffers import adopt_buffers
from snnfw.neurons.timefold import select
from snnfw.values import RATE

if TYPE_CHECKING:
    from snnfw.capture.graph import BatchDim
    from snnfw.kernels.body import Kernel
    from snnfw.neurons.integrator import Integrator
    from snnfw.values import SiteStats

LOG = logging.getLogger("snnfw")

States = tuple[Tensor, ...]
"""What a neuron remembers from one timestep to the next."""


@dataclass(slots=True)
class _Made:
    """The kernel made of a neuron's parameters, and what they were; None where they are to be looked at anew."""

    seen: Sequence[tuple[Tensor, int]] | None = None
    kernel: Kernel | None = None


class SpikingNeuron(MemoryModule):  # type: ignore[misc]  # SpikingJelly carries no type information
    """A neuron on SpikingJelly's multi-step contract, emitting analog spikes: n(t) · θ.

    Input and output are currents [T, *shape] with the shape of the activation that the neuron replaces, so the layers
    around it keep their weights. What calibration finds lives here: ``threshold`` θ, ``initial`` potential and
    ``offset``, a constant added to the input at each timestep, all broadcasting against ``shape``.

    A subclass names its states and says how they begin (``begin``) and change in one timestep (``step``). ``emitted``
    holds the events of each element since the reset, [*shape].
    """

    states: ClassVar[tuple[str, ...]] = ("potential",)
    coding: ClassVar[str] = RATE
    """What its streams mean, see ``snnfw.values``: that of the method which builds it."""

    calibrated: ClassVar[bool] = True
    """Whether an error of the mean output can be mended by ``offset`` and ``initial``."""

    backend: str = "reference"
    """What runs the time loop: ``reference`` (the step, timestep by timestep), ``native`` or ``cupy`` (its kernel)."""

    insists: bool = False
    """Whether a kernel that turns out not to compile is an error rather than a reason to use the reference."""

    threshold: Tensor
    initial: Tensor
    offset: Tensor
    emitted: Tensor | None

    def __init__(self, stats: SiteStats) -> None:
        super().__init__()
        self.step_mode = "m"
        self._made = _Made()
        zero = torch.zeros_like(stats.threshold)
        self.register_buffer("threshold", stats.threshold.clone())
        self.register_buffer("initial", zero.clone() if stats.initial is None else stats.initial.clone())
        self.register_buffer("offset", zero if stats.offset is None else stats.offset.clone())
        for name in self.states:
            self.register_memory(name, None)
        self.register_memory("emitted", None)

    def reset(self) -> None:
        """Forget every state, and what was made of the parameters, which may change between runs."""
        super().reset()
        self._made.seen = None

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *others: Any) -> None:
        """Take what a calibration found in the shapes in which it was stored."""
        adopt_buffers(self, state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *others)
        self._made.seen = None

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

    def kernel(self) -> Kernel | None:
        """Return the step as a kernel for fast backends, with the parameters of now; None where there is none."""
        return None

    def integrator(self) -> Integrator | None:
        """Return the step as integrate, fire once and reset, for formats that have a word for that; None for others."""
        return None

    def multi_step_functional_forward(
        self, inputs: tuple[Tensor, ...], states: States, **_: object
    ) -> tuple[tuple[Tensor, ...], States]:
        """Run every timestep of [T, *shape] with explicit states by the reference step, keeping nothing in between."""
        drive = inputs[0]
        if torch.is_grad_enabled() and drive.requires_grad:
            outputs: tuple[tuple[Tensor, ...], States] = super().multi_step_functional_forward(inputs, states)
            return outputs
        # One timestep's layout, so that a static input (stride 0 in time) and channels_last both come out dense.
        result = sequence_like(drive[0] if len(drive) else drive.new_empty(drive.shape[1:]), len(drive))
        for t in range(len(drive)):
            (output,), states = self.single_step_functional_forward((drive[t],), states)
            if t == 0:
                result = sequence_like(output, len(drive))
            result[t] = output
        return (result,), states

    def multi_step_forward(self, x_seq: Tensor, in_place: bool = False) -> Tensor:
        """Run every timestep of [T, *shape], carrying the states on and counting events.

        ``in_place`` lets a fast backend write the output over the input.
        """
        states = tuple(getattr(self, name) for name in self.states)
        if self.emitted is None:
            states = self.begin(self._first(x_seq))
        elif self.emitted.shape != x_seq.shape[1:]:
            raise ValueError(
                f"the neuron's state has shape {tuple(self.emitted.shape)} and its input {tuple(x_seq.shape[1:])}: "
                "reset it, or select the samples that go on in its state too."
            )
        output, after = self._accelerated(x_seq, states, in_place) or self._reference(x_seq, states)
        for name, value in zip(self.states, after, strict=True):
            setattr(self, name, value)
        return output

    def _accelerated(self, x_seq: Tensor, states: States, in_place: bool) -> tuple[Tensor, States] | None:
        """Run the kernel, where there is one for this backend and this kind of tensor."""
        kernel = self._current_kernel() if self._fast(x_seq) else None
        if kernel is None or (self._learns(x_seq) and not kernel.body.backward):
            return None
        values = kernel.parameters.values()
        if torch.is_grad_enabled() and any(isinstance(value, Tensor) and value.requires_grad for value in values):
            return None  # kernels give parameters no gradient
        named = dict(zip(self.states, states, strict=True))
        try:
            if self._learns(x_seq):
                output, after, events = run_with_gradient(self.backend, kernel, x_seq, named)
                self.emitted = events if self.emitted is None else self.emitted + events
            else:
                output, after, self.emitted = run_kernel(self.backend, kernel, x_seq, named, self.emitted, in_place)
        except CompilerMissing as error:
            if self.insists:
                raise
            LOG.warning("snnfw: %s runs on the reference backend: %s", type(self).__name__, error)
            self.backend = "reference"
            return None
        return output, tuple(after[name] for name in self.states)

    def _current_kernel(self) -> Kernel | None:
        """Return the kernel, made anew where a parameter has changed since the last timesteps of this run."""
        seen = [(buffer, count_changes(buffer)) for buffer in self._buffers.values() if buffer is not None]
        if self._made.seen is None or not _are_unchanged(self._made.seen, seen):
            self._made.seen, self._made.kernel = seen, self.kernel()
        return self._made.kernel

    def _reference(self, x_seq: Tensor, states: States) -> tuple[Tensor, States]:
        """Run the reference step, computing half precision in 32 bits as kernels do."""
        real = compute_dtype(x_seq.dtype)
        (output,), after = self.multi_step_functional_forward((x_seq.to(real),), states)
        with torch.no_grad():
            events = self.events(output.detach()).sum(0)
            self.emitted = events if self.emitted is None else self.emitted + events
        return output.to(x_seq.dtype), after

    def _first(self, x_seq: Tensor) -> Tensor:
        """Return one timestep's input in the type that states have: they begin with its shape, not with its values."""
        first = x_seq[0].detach() if len(x_seq) else x_seq.new_zeros(x_seq.shape[1:])
        return first.to(torch.promote_types(compute_dtype(x_seq.dtype), self.offset.dtype))

    def _fast(self, x_seq: Tensor) -> bool:
        """Tell whether a kernel may run: chosen, and for this kind of tensor."""
        wanted = {"native": "cpu", "cupy": "cuda"}.get(self.backend)
        return x_seq.device.type == wanted and is_supported(x_seq) and len(x_seq) > 0

    def _learns(self, x_seq: Tensor) -> bool:
        """Tell whether somebody asks for gradients, of the input or of an earlier chunk."""
        states = (getattr(self, name) for name in self.states)
        return torch.is_grad_enabled() and any(
            value.requires_grad for value in (x_seq, *states) if isinstance(value, Tensor)
        )


def _are_unchanged(before: Sequence[tuple[Tensor, int]], now: Sequence[tuple[Tensor, int]]) -> bool:
    """Tell whether these are the same tensors, unchanged; held rather than numbered, since numbers are used again."""
    return len(before) == len(now) and all(
        old is new and version == other for (old, version), (new, other) in zip(before, now, strict=True)
    )
