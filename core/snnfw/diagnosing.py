"""Look into a run: where its error comes from, the first bad layer, and what mends it."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from rich.console import Console
from torch import nn

from snnfw.config.diagnosis import DiagnosisConfig, Look
from snnfw.config.resolution import to_yaml
from snnfw.cures import Patient, preset_neurons, try_cures
from snnfw.diagnosis.findings import Diagnosis
from snnfw.diagnosis.normalisation import check_normalisation
from snnfw.diagnosis.splitting import split_errors
from snnfw.diagnosis.traces import require_site, trace_neurons
from snnfw.errors import SnnfwError
from snnfw.files import write_folder
from snnfw.launching import begin_launcher
from snnfw.registry import Registry
from snnfw.report.diagnosis_page import diagnosis_files
from snnfw.report.diagnosis_table import show_diagnosis
from snnfw.report.folder import run_folder
from snnfw.simulate.measuring import evaluation_inputs
from snnfw.spiking.frames import single_frames
from snnfw.spiking.model import SpikingModel
from snnfw.stages import Converted, Subject, acquire_resources, adopt_network, convert_subject, load_subject, provenance
from snnfw.values import Inputs, Resources


def diagnose(config: DiagnosisConfig, registry: Registry, console: Console) -> Path:
    """Convert as the run would, say what separates the spiking network from the network, and return the folder."""
    resources = acquire_resources(config.run, console)
    begin_launcher(config.run.launcher, config.run.search is not None, resources.tell)
    target = run_folder(config.run.out, "diagnose", config.run.plugin or config.run.task.name, datetime.now())

    subject = load_subject(config.run, resources)
    run = adopt_network(config.run, subject)
    converted = convert_subject(run, subject)
    batches = list(evaluation_inputs(converted.bundle, resources, config.look.samples))
    patient = _patient(replace(config, run=run), registry, subject, converted, batches)
    found = examine(converted.model, batches, subject.bundle.model, patient, config.look, resources)
    command = f"snnfw diagnose {shlex.join(config.words)}" if config.words else None
    about = {"command": command, **provenance(run, converted.bundle), "config": dict(config.resolved)}
    found = replace(found, about=about, notes=(*_notes(subject, run.checkpoint), *found.notes))

    show_diagnosis(found, console)  # before anything is drawn or written, which may fail
    folder = write_folder(target, {"config.yaml": to_yaml(config), **diagnosis_files(found)})
    console.print(f"open {folder / 'diagnosis.html'}", soft_wrap=True)
    return folder


def examine(
    model: SpikingModel,
    batches: list[Inputs],
    network: nn.Module | None,
    patient: Patient | None,
    look: Look,
    resources: Resources,
) -> Diagnosis:
    """Return the diagnosis of a spiking model on some samples; its state is lost.

    ``network`` is the module that it was captured from, whose batch norms remember their training, and ``patient`` how
    it was converted, for knobs to be turned, where either is at hand.
    """
    if not batches:
        raise SnnfwError("there is nothing to diagnose the network on: give at least one sample.")
    if look.site is not None:
        require_site(model, look.site)  # before anything is computed
    found = split_errors(model, batches, resources.memory, look.samples)
    some = tuple(tensor[: look.samples] for tensor in batches[0])
    fitting = check_normalisation(network, single_frames(model.graph, some)) if network is not None else None
    found = replace(found, normalisation=fitting)
    if patient is not None:
        found = try_cures(patient, found, look.tries, look.seconds)
    shown = found.bad or found.worst
    name = look.site or (shown.site if shown else None)
    return replace(found, trace=trace_neurons(model, batches[0], name, look.neurons)) if name else found


def _patient(
    config: DiagnosisConfig, registry: Registry, subject: Subject, converted: Converted, batches: list[Inputs]
) -> Patient | None:
    """Return how the run was converted; None for the network of a file."""
    if subject.made is not None:
        return None
    run, resources, data = config.run, subject.resources, converted.bundle.data
    return Patient(
        converted.found.plan,
        run.converter,
        run.timesteps,
        lambda plan, converter, steps: converter.convert(subject.graph, plan, data.calibration, steps, resources),
        batches,
        config.look.samples,
        resources,
        data.frames,
        preset_neurons(registry.presets.values()),
    )


def _notes(subject: Subject, checkpoint: Path | None) -> list[str]:
    if subject.made is not None:
        return ["The network comes from a file, without its calibration data: no knob can be turned. Diagnose the run."]
    if checkpoint is not None:
        return ["The weights were trained as a spiking network: what separates it from the network itself is no error."]
    return []
