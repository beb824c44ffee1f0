"""Export a spiking model to a file of another format, compared with the model before it is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from snnfw.errors import SnnfwError, unknown_name_error, wrong_kind_error
from snnfw.exports.exported import Exported, begin_name, loop_words, tell
from snnfw.exports.loop import Run, compare_runs, real_type, run_programs
from snnfw.exports.onnx_format import read_onnx, write_onnx
from snnfw.exports.programs import Programs, build_programs
from snnfw.exports.torch_format import read_torch, write_torch
from snnfw.files import scratch_beside
from snnfw.spiking.frames import frames_in
from snnfw.spiking.model import SpikingModel
from snnfw.values import Inputs

SAMPLES = 4
"""Samples that an export is compared on, unless others are given."""


@dataclass(frozen=True, slots=True)
class StepFormat:
    """How the two programs of a model are written, and run from what was written."""

    suffix: str
    write: Callable[[Programs, Inputs, Path], None]
    read: Callable[[Programs, Path], tuple[Run, Run]]


STEP_FORMATS: Mapping[str, StepFormat] = {
    "onnx": StepFormat(".onnx", write_onnx, read_onnx),
    "torch": StepFormat(".pt2", write_torch, read_torch),
}
SUFFIXES: Mapping[str, str] = {**{name: kind.suffix for name, kind in STEP_FORMATS.items()}, "nir": ".nir"}
"""Every format, and the end of its files' names."""


@torch.no_grad()
def export_model(
    model: SpikingModel,
    path: Path,
    format: str | None = None,  # noqa: A002  # the word that the user says
    inputs: Inputs | None = None,
) -> Exported:
    """Write a model as ONNX, as a program of torch.export or as NIR, and return what was compared.

    ``inputs`` are samples to compare on, as the model takes them; without any, a few of noise. Files appear once what
    they hold was run for all timesteps and gave the model's spikes.

    Raises:
        SnnfwError: the format has no word for something in the network, or what was written does something else.

    """
    name = format_of(path, format)
    real_type(model)
    samples = noise_like(model) if inputs is None else checked_inputs(model, inputs)
    where = next(iter(model.neurons.buffers())).device
    if where.type != "cpu":
        raise SnnfwError(
            f"the model is on {where}: exports are compared on the CPU, so move it there, model.to('cpu')."
        )
    if name == "nir":
        from snnfw.exports.nir_format import export_nir

        return export_nir(model, path, samples)
    return _export_step(model, path, name, samples)


def format_of(path: Path, format: str | None) -> str:  # noqa: A002  # the word that the user says
    """Return the format that is asked for, by name or by the end of a file's name."""
    endings = ", ".join(f"{name} ({suffix})" for name, suffix in SUFFIXES.items())
    if format is None:
        found = next((name for name, suffix in SUFFIXES.items() if path.suffix == suffix), None)
        if found is None:
            raise SnnfwError(f"'{path.name}' does not say a format: give format=, or one of these endings: {endings}.")
        return found
    if format not in SUFFIXES:
        raise unknown_name_error("format", format, SUFFIXES, listing="Formats")
    if path.suffix != SUFFIXES[format]:
        raise SnnfwError(
            f"format={format} is written to a file that ends in {SUFFIXES[format]}, and not to '{path.name}'."
        )
    return format


def _export_step(model: SpikingModel, path: Path, name: str, inputs: Inputs) -> Exported:
    """Write begin, step and the JSON that says how to loop, once they were compared with the model."""
    kind, programs = STEP_FORMATS[name], build_programs(model, inputs)
    begin, loop = path.with_name(begin_name(path)), path.with_name(f"{path.name}.json")
    try:
        with scratch_beside(path) as folder:
            made = folder / path.name
            kind.write(programs, inputs, made)
            run = partial(run_programs, programs, *kind.read(programs, made), timesteps=model.timesteps)
            exported = tell((path, begin, loop), name, len(inputs[0]), model, compare_runs(model, run, inputs))
            (folder / loop.name).write_text(loop_words(path, programs, exported), encoding="utf-8")
            for file in (begin, loop, path):
                (folder / file.name).replace(file)
    except OSError as error:
        raise SnnfwError(f"cannot write '{path}' ({error}): make room, or choose another place.") from error
    return exported


def noise_like(model: SpikingModel, samples: int = SAMPLES) -> Inputs:
    """Return standard normal noise as a model takes it, whole numbers 0 and 1 where it takes those; always the same."""
    random = torch.Generator().manual_seed(0)
    frames = (model.timesteps,) if model.plan.temporal else ()
    return tuple(
        _noise((samples, *frames, *node.meta["val"].shape[1:]), _dtype(model, node.meta["val"]), random)
        for node in model.graph.inputs
    )


def checked_inputs(model: SpikingModel, inputs: Inputs) -> Inputs:
    """Return samples to compare on, refusing none, or fewer frames than there are timesteps."""
    if not isinstance(inputs, tuple) or not all(isinstance(each, Tensor) for each in inputs):
        raise wrong_kind_error("inputs", inputs, "a tuple with one tensor for each of the network's arguments")
    if not len(inputs) or not len(inputs[0]):
        raise SnnfwError("inputs holds no sample: give a few.")
    frames = frames_in(model.graph, inputs)
    if frames is not None and frames < model.timesteps:
        raise SnnfwError(f"inputs holds {frames} frames and the model runs {model.timesteps} timesteps: give as many.")
    return inputs


def _dtype(model: SpikingModel, like: Tensor) -> torch.dtype:
    return real_type(model) if like.is_floating_point() else like.dtype


def _noise(shape: tuple[int, ...], dtype: torch.dtype, random: torch.Generator) -> Tensor:
    if dtype.is_floating_point:
        return torch.randn(shape, generator=random, dtype=torch.float64).to(dtype)
    return torch.randint(0, 2, shape, generator=random).to(dtype)
