"""The sigma-delta neuron's state and step."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from snnfw import SiteStats
from snnfw.kernels import Kernel, KernelBody
from snnfw.neurons import BoundFunction, DeltaNeuron, States
from snnfw_plugins.sigmadelta.events import FORMS, LARGEST, ROUNDING, Form

RECEIVE = f"""
    received = received + x;
    const real m = received;
    real f;
    {{code}}
    const real lacking = FLOOR(f / threshold + (real){ROUNDING!r}) - sent;
    const real missing = CLAMP(lacking, (real)-{LARGEST}.0, (real){LARGEST}.0);
    real left = missing, went = 0, count = 0;
    (void)left;
"""

EMIT = """
    went = missing == missing ? went : missing;
    y = went * threshold;
    events = y == y ? count : 0;
    sent = sent + went;
"""


@functools.cache
def sigmadelta_body(code: str, form: str, digits: int | None) -> KernelBody:
    """Return the step in C for an activation function that computes ``f`` from ``m``, the value of the input."""
    return KernelBody(
        states=("received", "sent"),
        parameters=("threshold",),
        code=RECEIVE.format(code=code) + FORMS[form].code(digits) + EMIT,
    )


class SigmaDeltaNeuron(DeltaNeuron):
    """Keep the value of the input and the whole number of thresholds that went out, and send what is missing."""

    states: ClassVar[tuple[str, ...]] = ("received", "sent")

    def __init__(
        self, stats: SiteStats, function: Callable[[Tensor], Tensor], form: str, digits: int | None, code: str | None
    ) -> None:
        super().__init__(stats)
        self.function, self.form, self.digits, self.code = BoundFunction(function), form, digits, code
        self.received: Tensor
        self.sent: Tensor

    def kernel(self) -> Kernel | None:
        """Return the same step in C, where the activation function is known in C."""
        if self.code is None:
            return None
        return Kernel(sigmadelta_body(self.code, self.form, self._most), {"threshold": self.threshold})

    def begin(self, drive: Tensor) -> States:
        """Return the initial value of the input, and nothing sent."""
        return self.initial.to(drive.dtype).expand_as(drive), drive.new_zeros(()).expand_as(drive)

    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        """Send as much of what is missing as a timestep carries."""
        received, sent = states[0] + drive, states[1]
        went = self._form.send(self._missing(received, sent), self._most)
        return went * self.threshold, (received, sent + went)

    def events(self, output: Tensor) -> Tensor:
        """Return how many events an output is made of."""
        whole = (output.double() / self.threshold).round_().nan_to_num_(0.0)
        return self._form.count(whole).to(output.dtype)

    def unsent(self) -> Tensor:
        """Return how many thresholds of its output each element still lacks after the last timestep.

        A kernel may compute the function to another last bit: what is within that of being rounded is not lacking.
        """
        lacking = self._missing(self.received, self.sent)
        distance = (self.function(self.received) / self.threshold - self.sent).abs()
        return torch.where(distance <= 2 * ROUNDING - 0.5, 0 * lacking, lacking)

    @property
    def _most(self) -> int | None:
        """Return how many events a timestep carries; None for all of them."""
        return None if self.sends_all else self.digits

    @property
    def _form(self) -> Form:
        return FORMS[self.form]

    def _missing(self, received: Tensor, sent: Tensor) -> Tensor:
        wanted: Tensor = (self.function(received) / self.threshold + ROUNDING).floor_()
        return (wanted - sent).clamp_(-LARGEST, LARGEST)
