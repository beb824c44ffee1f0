"""Trace the programs of a model with torch.export, for any number of samples, and say which layer it fails at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from snnfw.errors import SnnfwError
from snnfw.exports.programs import Programs, at_least_two
from snnfw.exports.slots import Slot
from snnfw.values import Inputs

Translate = Callable[[ExportedProgram], Any]


@torch.no_grad()
def trace_programs(programs: Programs, inputs: Inputs) -> tuple[ExportedProgram, ExportedProgram]:
    """Return begin and step as programs of torch.export, without the samples that they were traced with.

    Raises:
        SnnfwError: torch.export cannot trace one of them.

    """
    first = programs.first_given(at_least_two(inputs))
    given = programs.begin(*first)
    frames = programs.frames_given(at_least_two(inputs), 0)
    split = len(programs.constants)
    slots = (*programs.constants, *programs.frames, *programs.states)
    begin = _trace(programs.begin, first, {"inputs": _sizes(programs.inputs)})
    try:
        step = _trace(programs.step, (*given[:split], *frames, *given[split:]), {"values": _sizes(slots)})
    except Exception as error:
        raise _refusal(programs, "torch.export", error, lambda traced: traced) from error
    return begin, step


def translate(programs: Programs, traced: ExportedProgram, what: str, translator: Translate) -> Any:
    """Return what another format makes of a traced program.

    Raises:
        SnnfwError: the format has no word for something in it; the layer is named where it is a neuron's step.

    """
    try:
        return translator(traced)
    except Exception as error:
        raise _refusal(programs, what, error, translator) from error


def _trace(program: nn.Module, given: Sequence[Tensor], sizes: dict[str, Any]) -> ExportedProgram:
    traced = torch.export.export(program, tuple(given), dynamic_shapes=sizes, strict=False)
    traced._example_inputs = None  # they are the user's samples
    return traced


def _sizes(slots: Sequence[Slot]) -> tuple[dict[int, Any], ...]:
    samples = Dim("samples")
    return tuple(
        {slot.place.dim: samples if slot.per_sample == 1 else slot.per_sample * samples} if slot.place else {}
        for slot in slots
    )


class _Neuron(nn.Module):
    """One neuron's step alone, to see whether it is what cannot be exported."""

    def __init__(self, neuron: Any) -> None:
        super().__init__()
        self.neuron = neuron

    def forward(self, drive: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        (output,), after = self.neuron.single_step_functional_forward((drive,), states)
        return output, *(state + 0 for state in after)


def _refusal(programs: Programs, what: str, error: Exception, translator: Translate) -> SnnfwError:
    """Return the error that names the layer: the first neuron that fails alone, or else the reason as it was given."""
    if isinstance(error, SnnfwError):
        return error
    reason = _first_line(error)
    for node, site in programs.step.sites.items():
        neuron: Any = programs.step.neurons[node]
        drive = torch.zeros(2, *programs.step.graph_shape(node), dtype=neuron.threshold.dtype)
        try:
            alone = torch.export.export(_Neuron(neuron), (drive, *neuron.begin(drive)), strict=False)
            translator(alone)
        except Exception as found:
            return SnnfwError(
                f"{what} cannot hold the neuron at '{site}', {type(neuron).__name__} ({_first_line(found)}): choose "
                "another neuron there, or another format."
            )
    return SnnfwError(f"{what} cannot hold this network ({reason}): choose another format, or report it.")


def _first_line(error: BaseException) -> str:
    """Return the first line of the innermost reason."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].strip()[:200]
