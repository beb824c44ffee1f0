"""What an export leaves: the files, what was compared, and the few lines of JSON that say how to loop."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from snnfw.exports.loop import Compared
from snnfw.exports.programs import CONSTANT, FRAME, INPUT, NEXT, SITE, STATE, Programs
from snnfw.spiking.model import SpikingModel


@dataclass(frozen=True, slots=True)
class Exported:
    """The files of an export and what was seen before they were written.

    ``values`` outputs of neurons, ``timesteps`` timesteps of ``samples`` samples, were compared with the model;
    ``flips`` of them were another number of spikes. ``silent`` are the sites that did not fire on these samples.
    """

    files: tuple[Path, ...]
    format: str
    samples: int
    timesteps: int
    values: int
    flips: int
    silent: tuple[str, ...]

    def __str__(self) -> str:
        """Say what was compared, in a sentence."""
        same = "equal the model's" if not self.flips else f"equal the model's but for {self.flips}"
        said = f"{self.values} values of neurons ({self.samples} samples, {self.timesteps} timesteps) {same}"
        return f"{said}; silent on these samples: {', '.join(self.silent)}." if self.silent else f"{said}."


def tell(files: Sequence[Path], kind: str, samples: int, model: SpikingModel, seen: Compared) -> Exported:
    """Return what was exported and seen."""
    silent = tuple(site.name for site, _ in model.site_neurons() if site.name not in seen.fired)
    return Exported(tuple(files), kind, samples, model.timesteps, seen.values, seen.flips, silent)


def begin_name(path: Path) -> str:
    """Return the name of the file beside an export that holds what runs once: net.begin.onnx for net.onnx."""
    return f"{path.stem}.begin{path.suffix}"


def loop_words(path: Path, programs: Programs, exported: Exported) -> str:
    """Return the JSON beside an export: names, shapes and types of all that goes in and out, and how to loop."""
    step = {
        "file": path.name,
        "constants": [slot.words(CONSTANT) for slot in programs.constants],
        "frames": [slot.words(FRAME) for slot in programs.frames],
        "states": [_state(programs, index) for index in range(len(programs.states))],
        "outputs": list(programs.outputs),
        "sites": [SITE + site for site in programs.sites],
    }
    words: dict[str, Any] = {
        "kind": "snnfw step",
        "version": 1,
        "format": exported.format,
        "timesteps": programs.timesteps,
        "loop": (
            "begin(inputs) gives constants and states; step(constants, frames of the timestep, states) gives outputs, "
            "sites and states, each under its name for the next step, to be given to that step. "
            "Outputs are the network's answer after the timesteps so far."
        ),
        "begin": {"file": begin_name(path), "inputs": [slot.words(INPUT) for slot in programs.inputs]},
        "step": step,
        "verified": {"samples": exported.samples, "values": exported.values, "flips": exported.flips},
    }
    return json.dumps(words, indent=1) + "\n"


def _state(programs: Programs, index: int) -> dict[str, Any]:
    """Return a state as plain data; ``initial`` is its first value, null where it is not the same everywhere."""
    slot, seed = programs.states[index], programs.begin.get_buffer(f"seed_{index}")
    same = bool(torch.equal(seed, seed.flatten()[:1].reshape([1] * seed.dim()).expand_as(seed)))
    return {**slot.words(STATE), "next": NEXT + slot.name, "initial": seed.flatten()[0].item() if same else None}
