"""What a neuron's kernel says: one element, one timestep, in C that both targets understand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from snnfw.errors import SnnfwError
from snnfw.kernels.layout import FlatParameter, flatten

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class KernelBody:
    """A neuron's step in C, for one element.

    ``code`` sees ``x`` (the input current), ``t`` (the number of this timestep since the reset, from 1), every state
    and every parameter by name, all of type ``real``. It sets ``y`` (the output), ``events`` (how many the output
    holds) and the states. It may call FLOOR, ABS, EXP, TANH, ERF, CLAMP(a, low, high), which propagate NaN as torch
    does. It must compute in the order in which the reference step does, so that both agree bit for bit.

    ``backward``, for a neuron that learns, is one timestep of back-propagation through time: it sees the same names,
    with the states as they were *before* the timestep, ``gy`` (the gradient of y) and ``g_STATE`` (the gradient of each
    state after the timestep). It sets ``gx`` and changes every ``g_STATE`` to the gradient of the state before.
    Parameters get no gradient.

    ``clock`` names the state without dimensions that counts timesteps, where the neuron has one. Names that begin with
    ``snn_`` are the loops' own, and refused.
    """

    states: tuple[str, ...]
    parameters: tuple[str, ...]
    code: str
    clock: str | None = None
    backward: str = ""

    def __post_init__(self) -> None:
        """Refuse what the code around a body would take for its own."""
        found = re.search(r"\bsnn_\w*", " ".join((*self.states, *self.parameters, self.code, self.backward)))
        if found:
            raise SnnfwError(
                f"the kernel's body names '{found[0]}': names that begin with snn_ are those of the loops around it. "
                "Give it another name."
            )


@dataclass(frozen=True, slots=True)
class Kernel:
    """A body with its parameters: numbers, or tensors that broadcast against the activation.

    ``laid_out`` remembers how parameters lie along the memory of a timestep, by its layout and type.
    """

    body: KernelBody
    parameters: Mapping[str, Tensor | float]
    laid_out: dict[Any, list[FlatParameter]] = field(default_factory=dict, compare=False, repr=False)

    def flat(self, step: Tensor, dtype: torch.dtype) -> list[FlatParameter]:
        """Return the parameters along the memory of one timestep's tensor, in the order of the body."""
        key = (step.shape, step.stride(), step.device, dtype)
        if key not in self.laid_out:
            self.laid_out[key] = [flatten(self.parameters[name], step, dtype) for name in self.body.parameters]
        return self.laid_out[key]
