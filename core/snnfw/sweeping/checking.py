"""What a plan can tell of every job before the first one starts: what cannot be loaded, captured or placed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console

from snnfw.config.sweep import SweepConfig, SweepJob, faults_error
from snnfw.errors import SnnfwError
from snnfw.failures import failure_text
from snnfw.planning.strict import require_all_spiking
from snnfw.spiking.frames import require_frames
from snnfw.stages import Subject, acquire_resources, load_subject, place_neurons, require_device
from snnfw.tracking import require_tracker

SUBJECT = ("task", "model", "data", "checkpoint", "seed", "load")
"""What a job's network and data follow from."""


def require_plans(config: SweepConfig, jobs: Sequence[SweepJob]) -> None:
    """Place the neurons of every job, try its tracker, and refuse the sweep with all faults at once.

    Networks are loaded on this machine's CPU, each once; the devices of a launcher's machines are not known here.
    """
    faults: dict[str, str] = {}
    held: tuple[str, Subject | str] = ("", "")
    refused = _refused_trackers(jobs)
    for job in sorted(jobs, key=_subject_key):
        if _subject_key(job) != held[0]:
            held = (_subject_key(job), _load(job))
        fault = refused.get(_tracker_key(job)) or _place(job, held[1], config.launcher is None)
        if fault:
            faults[job.name] = fault
    if faults:
        raise faults_error({job.name: faults[job.name] for job in jobs if job.name in faults}, len(jobs))


def _refused_trackers(jobs: Sequence[SweepJob]) -> dict[str, str]:
    """Return what is wrong with trackers, each tried once: jobs at once would else make its database at once."""
    faults = dict[str, str]()
    for job in {_tracker_key(job): job for job in jobs}.values():
        try:
            require_tracker(job.config.tracker)
        except SnnfwError as error:
            faults[_tracker_key(job)] = str(error)
    return faults


def _tracker_key(job: SweepJob) -> str:
    return json.dumps(job.config.resolved.get("tracker"), sort_keys=True, default=str)


def _subject_key(job: SweepJob) -> str:
    return json.dumps({key: job.config.resolved.get(key) for key in SUBJECT}, sort_keys=True, default=str)


def _load(job: SweepJob) -> Subject | str:
    """Return a job's network with its data, or what is wrong with them."""
    try:
        here = replace(job.config, device="cpu", backend="auto", timesteps=1)
        return load_subject(here, acquire_resources(here, Console(quiet=True)))
    except Exception as error:  # whatever a stranger's source raises
        return str(error) if isinstance(error, SnnfwError) else failure_text(error)


def _place(job: SweepJob, subject: Subject | str, here: bool) -> str:
    """Return what is wrong with a job's network or plan, or nothing."""
    if isinstance(subject, str):
        return subject
    try:
        if here:
            require_device(job.config.device)
        require_frames(job.config.timesteps, subject.bundle.data.frames)
        plan = place_neurons(job.config, subject)
        if job.config.strict:
            require_all_spiking(plan)
    except Exception as error:  # whatever a stranger's neuron raises
        return str(error) if isinstance(error, SnnfwError) else failure_text(error)
    return ""
