"""Diagnose a spiking network that somebody holds: where its error comes from, and what mends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from snnfw.config.diagnosis import Look
from snnfw.config.fields import build_dataclass
from snnfw.conversion.activations import take_samples, to_device
from snnfw.conversion.converter import Converter
from snnfw.cures import Patient, preset_neurons
from snnfw.diagnosing import examine
from snnfw.diagnosis.findings import Diagnosis
from snnfw.network.batches import read_batches
from snnfw.network.changing import convert_again
from snnfw.network.conversion import Conversion
from snnfw.network.inputs import require_fitting
from snnfw.planning.placement import Plan
from snnfw.registry import Registry
from snnfw.search.fitting import InputsAlone
from snnfw.spiking.model import SpikingModel
from snnfw.values import Inputs, Resources


def diagnose_model(
    model: SpikingModel,
    conversion: Conversion | None,
    data: Any,
    resources: Resources,
    about: Any,
    *,
    site: str | None,
    neurons: Sequence[int] | None,
    samples: int,
    tries: int,
    seconds: float,
) -> Diagnosis:
    """Return the diagnosis of a spiking model on data as a user has it."""
    said = {"site": site, "neurons": None if neurons is None else list(neurons)}
    look = build_dataclass(Look, {**said, "samples": samples, "tries": tries, "seconds": seconds}, "", "the diagnosis")
    read = read_batches(data, len(model.graph.inputs), "the data to diagnose on")
    batches = [to_device(inputs, resources.device) for inputs in take_samples(InputsAlone(read), look.samples)]
    for inputs in batches:
        require_fitting(model, inputs)
    patient = _patient(model, conversion, batches, look, resources) if conversion else None
    network = conversion.bundle.model if conversion and conversion.bundle else None
    return replace(examine(model, batches, network, patient, look, resources), about=dict(about))


def _patient(
    model: SpikingModel, conversion: Conversion, batches: list[Inputs], look: Look, resources: Resources
) -> Patient:
    """Return how the model was converted, so that it can be converted with a knob turned."""

    def convert(plan: Plan, converter: Converter, timesteps: int) -> SpikingModel:
        return convert_again(replace(conversion, converter=converter, timesteps=timesteps), plan, model)

    frames = batches[0][0].shape[1] if model.plan.temporal else None
    others = preset_neurons(Registry().presets.values())
    return Patient(
        model.plan, conversion.converter, model.timesteps, convert, batches, look.samples, resources, frames, others
    )
