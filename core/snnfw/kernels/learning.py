"""Run a neuron's body with gradients: forward and backward through time as operators that torch knows."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from snnfw.errors import SnnfwError
from snnfw.kernels import gpu, native
from snnfw.kernels.arguments import backward_arguments
from snnfw.kernels.body import Kernel, KernelBody
from snnfw.kernels.compiler import load_library
from snnfw.kernels.gradient_source import IN_REGISTERS, c_gradient, cuda_gradient
from snnfw.kernels.layout import FlatParameter, copy_with_layout, count_changes, dense_steps, steps_with_strides
from snnfw.kernels.multistep import TARGETS, compute_dtype, output_like, sequence_like

BODIES: dict[str, KernelBody] = {}
"""Bodies by name: operators take tensors, numbers and text. Nothing is ever replaced."""


def register_body(body: KernelBody) -> str:
    """Return the name by which operators know a body: all of it, since the same code may mean other states."""
    name = repr(body)
    BODIES.setdefault(name, body)
    return name


def run_with_gradient(
    target: str, kernel: Kernel, drive: Tensor, states: dict[str, Tensor]
) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """Return the output [T, *shape], the states after it and the events in it, all with gradients but the events.

    What torch compiles calls the operator, which it knows; a call by itself costs a tenth of that in Python.
    """
    drive = dense_steps(drive)
    step, body = drive[0], kernel.body
    real = compute_dtype(drive.dtype)
    flat = kernel.flat(step, real)
    before = [states[state].to(real).expand(step.shape) for state in body.states]
    clock = float(states[body.clock]) if body.clock else 0.0
    if torch.compiler.is_compiling():
        values, inner = [f.values for f in flat], [f.inner for f in flat]
        output, events, *after = multi_step(drive, before, values, inner, clock, register_body(body), target)
    else:
        call: Any = MultiStep.apply
        output, events, *after = call(drive, flat, clock, body, target, *before)
    changed = dict(zip(body.states, after, strict=True))
    if body.clock:
        changed[body.clock] = states[body.clock] + len(drive)
    return output, changed, events


def _forward(
    drive: Tensor, states: Sequence[Tensor], flat: Sequence[FlatParameter], clock: float, body: KernelBody, target: str
) -> list[Tensor]:
    """Return the output, the events in it, and the states after it."""
    step, real = drive[0], compute_dtype(drive.dtype)
    output, events = output_like(step, len(drive)), torch.zeros_like(step, dtype=real)
    after = [copy_with_layout(state, step, real) for state in states]
    if drive.numel():
        TARGETS[target](body, drive, output, after, flat, clock, events)
    return [output, events, *after]


def _backward(
    gradient: Tensor | None,
    after: Sequence[Tensor | None],
    drive: Tensor,
    states: Sequence[Tensor],
    flat: Sequence[FlatParameter],
    clock: float,
    body: KernelBody,
    target: str,
) -> list[Tensor]:
    """Return the gradient of the input and those of the states before it; None stands for a gradient of zeros."""
    step, real = drive[0], compute_dtype(drive.dtype)
    incoming = step.new_zeros(()).expand(drive.shape) if gradient is None else gradient
    if incoming.dtype is not drive.dtype or incoming[0].stride() != step.stride():
        incoming = output_like(step, len(drive)).copy_(incoming)
    before = [
        state if state.dtype is real and state.stride() == step.stride() else copy_with_layout(state, step, real)
        for state in states
    ]
    carried = [
        torch.zeros_like(step, dtype=real) if given is None else copy_with_layout(given, step, real) for given in after
    ]
    gx = output_like(step, len(drive))
    if drive.numel():
        GRADIENTS[target](body, incoming, drive, gx, before, carried, flat, clock)
    return [gx, *carried]


def versions(flat: Sequence[FlatParameter]) -> list[int]:
    """Return how often each parameter has changed; some are the neuron's own memory."""
    return [count_changes(each.values) for each in flat]


class MultiStep(torch.autograd.Function):
    """A body over time as autograd knows it: ``apply(drive, parameters, clock, body, target, *states)``."""

    @staticmethod
    def forward(
        ctx: Any, drive: Tensor, flat: list[FlatParameter], clock: float, body: KernelBody, target: str, *states: Tensor
    ) -> tuple[Tensor, ...]:
        """Return the output, the events in it, and the states after it; only the input is kept."""
        output, events, *after = _forward(drive, states, flat, clock, body, target)
        ctx.save_for_backward(drive, *states)
        ctx.strides, ctx.versions, ctx.rest = drive[0].stride(), versions(flat), (flat, clock, body, target)
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(events)
        return output, events, *after

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        """Return the gradients of the input and of the states before it."""
        drive, *states = ctx.saved_tensors
        if versions(ctx.rest[0]) != ctx.versions:
            raise SnnfwError(
                "a parameter of a neuron was changed in place between forward and backward: take gradients before "
                "changing it, or run the network again."
            )
        of_output, _, *of_after = gradients
        # Hooks on saved tensors may have given the input another layout than parameters were laid out for.
        drive = steps_with_strides(drive, ctx.strides)
        gx, *before = _backward(of_output, of_after, drive, states, *ctx.rest)
        return gx, None, None, None, None, *before


@torch.library.custom_op("snnfw::multi_step", mutates_args=())
def multi_step(
    drive: Tensor,
    states: list[Tensor],
    parameters: list[Tensor],
    inner: list[int],
    clock: float,
    body: str,
    target: str,
) -> list[Tensor]:
    """Return the output, the events in it, and the states after it."""
    return _forward(drive, states, _flat(parameters, inner), clock, BODIES[body], target)


@multi_step.register_fake
def _(drive: Tensor, states: list[Tensor], *_: Any) -> list[Tensor]:
    like = torch.empty_like(drive[0], dtype=compute_dtype(drive.dtype))
    return [sequence_like(drive[0], len(drive)), like, *(torch.empty_like(like) for _ in states)]


@torch.library.custom_op("snnfw::multi_step_backward", mutates_args=())
def multi_step_backward(
    gradient: Tensor,
    after: list[Tensor],
    drive: Tensor,
    states: list[Tensor],
    parameters: list[Tensor],
    inner: list[int],
    clock: float,
    body: str,
    target: str,
) -> list[Tensor]:
    """Return the gradient of the input and those of the states before it."""
    return _backward(gradient, after, drive, states, _flat(parameters, inner), clock, BODIES[body], target)


@multi_step_backward.register_fake
def _(_gradient: Tensor, after: list[Tensor], drive: Tensor, *_: Any) -> list[Tensor]:
    like = torch.empty_like(drive[0], dtype=compute_dtype(drive.dtype))
    return [sequence_like(drive[0], len(drive)), *(torch.empty_like(like) for _ in after)]


def _flat(parameters: Sequence[Tensor], inner: Sequence[int]) -> list[FlatParameter]:
    return [FlatParameter(values, width) for values, width in zip(parameters, inner, strict=True)]


def _remember(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    drive, states, parameters, inner, clock, body, target = inputs
    del output
    ctx.save_for_backward(drive, *states, *parameters)
    ctx.states, ctx.rest = len(states), (list(inner), clock, body, target)


def _take_back(ctx: Any, gradients: list[Tensor | None]) -> tuple[Any, ...]:
    drive, *saved = ctx.saved_tensors
    states, parameters = saved[: ctx.states], saved[ctx.states :]
    of_output, _, *of_after = gradients
    real = compute_dtype(drive.dtype)
    zero = torch.zeros_like(drive[0], dtype=real)
    gx, *before = multi_step_backward(
        torch.zeros_like(drive) if of_output is None else of_output,
        [zero if gradient is None else gradient for gradient in of_after],
        drive,
        states,
        parameters,
        *ctx.rest,
    )
    return gx, before, [None] * len(parameters), None, None, None, None


multi_step.register_autograd(_take_back, setup_context=_remember)


@functools.cache
def _native_gradient(body: KernelBody, dtype: str, scalars: frozenset[str]) -> Any:
    function: Any = load_library(c_gradient(body, dtype, scalars)).run
    pointer, long = ctypes.c_void_p, ctypes.c_int64
    function.argtypes = [pointer, long] * 3 + [long, long, ctypes.c_int, ctypes.c_double]
    function.argtypes += [pointer] * 2 * len(body.states) + [pointer, long, long] * len(body.parameters)
    function.restype = ctypes.c_int
    return function


def native_gradient(
    body: KernelBody,
    gradient: Tensor,
    drive: Tensor,
    gx: Tensor,
    before: Sequence[Tensor],
    carried: Sequence[Tensor],
    parameters: Sequence[FlatParameter],
    clock: float,
) -> None:
    """Take gradients back through time on the CPU, into ``gx`` and ``carried``."""
    workers = native.thread_count(drive.numel())
    arguments = backward_arguments((gradient, drive, gx), (*before, *carried), parameters, clock, workers)
    if _native_gradient(body, native.NAMES[drive.dtype], native.scalars(body, parameters))(*arguments):
        raise SnnfwError(f"there is no memory for the history of {len(drive)} timesteps: train on fewer at once.")


def gpu_gradient(
    body: KernelBody,
    gradient: Tensor,
    drive: Tensor,
    gx: Tensor,
    before: Sequence[Tensor],
    carried: Sequence[Tensor],
    parameters: Sequence[FlatParameter],
    clock: float,
) -> None:
    """Take gradients back through time on a GPU, into ``gx`` and ``carried``."""
    steps = len(drive) if len(drive) * max(1, len(before)) <= IN_REGISTERS else 0  # the input is kept there too
    shape = (0 if steps else len(drive), len(before), drive[0].numel())
    history = drive.new_empty(shape, dtype=compute_dtype(drive.dtype))
    arguments = backward_arguments((gradient, drive, gx), (history, *before, *carried), parameters, clock)
    gpu.submit(cuda_gradient(body, native.NAMES[drive.dtype], steps), drive, arguments)


GRADIENTS = {"native": native_gradient, "cupy": gpu_gradient}
