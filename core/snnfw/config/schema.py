"""What a run is told: its settings, and the typed configuration that every stage reads from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from snnfw.contracts import DataSource, ExitPolicy, ModelSource, Search, Task, Tracker
    from snnfw.conversion.converter import Converter
    from snnfw.energy.model import EnergyModel
    from snnfw.launching.launcher import Launcher
    from snnfw.planning.rules import Rule

UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def parse_bytes(given: object) -> object:
    """Turn ``512MiB`` into a number, and leave everything else for pydantic to judge."""
    if not isinstance(given, str):
        return given
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(B|KiB|MiB|GiB|TiB)", given)
    if not found:
        raise ValueError("it must be a number of bytes, or a number with a unit like 512MiB or 2GiB")
    return int(float(found[1]) * UNITS[found[2]])


def as_list(given: object) -> object:
    """Return one value as a list of it, and leave everything else for pydantic to judge."""
    if isinstance(given, list):
        return tuple(given)  # the only list that pydantic takes in Python's own values
    return (given,) if isinstance(given, int | str) and not isinstance(given, bool) else given


def require_known_device(given: object) -> object:
    """Accept the devices that a run can compute on; whether this machine has one is seen later."""
    if not re.fullmatch(r"cpu|cuda(:\d+)?", str(given)):
        raise ValueError("it must be cpu, cuda, or one of several like cuda:1")
    return given


def default_checkpoints(timesteps: int) -> tuple[int, ...]:
    """Return the powers of two below ``timesteps``, and ``timesteps`` itself."""
    return (*(2**n for n in range((timesteps - 1).bit_length())), timesteps)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a run is told that is not a choice of a method."""

    timesteps: Annotated[int, Field(ge=1, description="timesteps to simulate; a plugin may bring its own")] = 8
    checkpoints: Annotated[
        tuple[int, ...] | None,
        BeforeValidator(as_list),
        Field(description="timesteps to score at; without it, powers of two and the last one"),
    ] = None
    backend: Annotated[
        Literal["auto", "reference", "native", "cupy"], Field(description="how the neurons' time loop is computed")
    ] = "auto"
    device: Annotated[
        str, BeforeValidator(require_known_device), Field(description="where to compute: cpu, cuda or cuda:1")
    ] = "cpu"
    devices: Annotated[
        int, Field(ge=1, description="processes on each machine, each with a device, that share evaluation or training")
    ] = 1
    nodes: Annotated[int, Field(ge=1, description="machines, each of which is given the same command")] = 1
    seed: Annotated[int, Field(ge=0, lt=2**32, description="seed of everything random")] = 0
    memory: Annotated[
        int,
        BeforeValidator(parse_bytes),
        Field(gt=0, description="bytes for the activations of one chunk of timesteps: 512MiB, 2GiB"),
    ] = 2 * 2**30
    fitting: Annotated[
        float | None,
        Field(
            ge=0,
            lt=1,
            description="share of the calibration samples that exits and searches have to themselves; without it, a "
            "quarter if that is enough",
        ),
    ] = None
    settled: Annotated[
        bool,
        Field(
            description="run the quantised network at which a delta-coded one settles: one timestep that carries every "
            "change whole, whatever timesteps and checkpoints say"
        ),
    ] = False
    strict: Annotated[bool, Field(description="fail if anything stays analog or multiplies at every timestep")] = False
    checkpoint: Annotated[
        Path | None,
        Field(
            description="the folder of a training: run its network, with the weights it ended with; or the net.snn of "
            "a run: score that spiking network"
        ),
    ] = None
    save: Annotated[bool, Field(description="write the spiking network into the run's folder, as net.snn")] = True
    out: Annotated[Path | None, Field(description="the folder to make for the results, instead of one under runs/")] = (
        None
    )


@dataclass(frozen=True, slots=True)
class MethodConfig:
    """How a network is converted and simulated, completely: every method built, every setting checked.

    ``layers`` are the recipe's rules in order. ``plugin`` names the preset that it started from. ``resolved`` is the
    same configuration as plain values.
    """

    layers: tuple[Rule, ...]
    converter: Converter
    search: Search | None
    exit: ExitPolicy | None
    timesteps: int
    checkpoints: tuple[int, ...]
    backend: str
    device: str
    seed: int
    memory: int
    fitting: float | None
    settled: bool
    strict: bool
    energy: EnergyModel
    launcher: Launcher | None
    plugin: str | None
    resolved: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunConfig(MethodConfig):
    """One run, completely: a method, and a task with its network and its data.

    Its ``resolved`` can be read from a file by ``experiment=``. ``words`` are those of the command line, if it was
    asked for there, and ``resume`` is the folder of a run that was stopped and goes on.
    """

    task: Task
    model: ModelSource
    data: DataSource
    devices: int
    nodes: int
    checkpoint: Path | None
    save: bool
    out: Path | None
    tracker: Tracker | None = None
    words: tuple[str, ...] = field(default=(), compare=False)
    resume: Path | None = field(default=None, compare=False)


METHODS: Mapping[str, str] = {
    "task": "tasks",
    "model": "models",
    "data": "data",
    "neuron": "neurons",
    "converter": "converters",
    "search": "searches",
    "exit": "exit_policies",
    "energy": "energy_models",
    "launcher": "launchers",
    "tracker": "trackers",
}
"""The keys that choose a method by name, each with the registry's kind."""

SOURCES: Mapping[str, str] = {
    "recipe": "a YAML file that says which neuron goes where",
    "experiment": "a YAML file with any of these keys, such as the config.yaml of a run",
    "load": "a list of Python files, each a plugin",
}
"""The keys that bring in others, with their descriptions."""

KEYS = ("plugin", *SOURCES, *METHODS, "layers", *(setting.name for setting in fields(Settings)))
RECIPE_KEYS = (
    "layers",
    "neuron",
    "converter",
    "search",
    "exit",
    "timesteps",
    "checkpoints",
    "fitting",
    "settled",
    "energy",
    "load",
)

SETTINGS_OF_A_RUN = ("devices", "nodes", "checkpoint", "save", "out")
"""The settings that no method has: who shares a run, where it gets its weights, and what it writes where."""

RUN_KEYS = (*KEYS, "resume")
"""The keys of a run: those of all that is computed, and the folder of one that goes on."""

KEYS_OF_A_RUN = ("experiment", "task", "model", "data", "tracker", *SETTINGS_OF_A_RUN)

KEYS_WITHOUT_TASK = tuple(key for key in KEYS if key not in KEYS_OF_A_RUN)
"""The keys of a method alone, for a network that no task brings."""
