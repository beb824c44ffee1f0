"""A plugin of toys: something of every kind, for tests that need names to choose from and nothing to run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from snnfw.contracts import Preset
from snnfw.hookspecs import hookimpl
from snnfw.planning.rules import Rule
from snnfw.values import Keep


@dataclass(frozen=True, slots=True)
class Burst:
    """Fire up to phi spikes at once."""

    name: ClassVar[str] = "burst"
    activations: ClassVar[tuple[str, ...]] = ("relu",)
    phi: Annotated[int, Field(ge=1, description="spikes per timestep, at most")] = 4
    shift: Annotated[bool, Field(description="start half a threshold up")] = True

    def observer(self, site: Any) -> Any:
        return site

    def build(self, site: Any, stats: Any, timesteps: int) -> Any:
        return site


@dataclass(frozen=True, slots=True)
class Single:
    """Fire one spike at a time."""

    name: ClassVar[str] = "single"
    activations: ClassVar[tuple[str, ...]] = ()
    threshold: Annotated[Literal["max", "percentile"], Field(description="where the threshold lies")] = "max"
    leak: Annotated[float | None, Field(gt=0, le=1, description="share that is kept")] = None

    def observer(self, site: Any) -> Any:
        return site

    def build(self, site: Any, stats: Any, timesteps: int) -> Any:
        return site


@dataclass(frozen=True, slots=True)
class Following:
    """Follow any activation with signed spikes."""

    name: ClassVar[str] = "following"
    activations: ClassVar[tuple[str, ...]] = ()
    levels: Annotated[int, Field(ge=1, description="spikes per timestep, at most")] = 8

    def observer(self, site: Any) -> Any:
        return site

    def build(self, site: Any, stats: Any, timesteps: int) -> Any:
        return site


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Correct the neurons afterwards."""

    name: ClassVar[str] = "calibrated"
    bias: Annotated[bool, Field(description="correct the bias")] = True
    percentiles: Annotated[tuple[float, ...], Field(description="percentiles to try")] = (99.0, 99.9)

    def convert(self, graph: Any, plan: Any, calibration: Any, timesteps: int, resources: Any) -> Any:
        return graph


@dataclass(frozen=True, slots=True)
class Confident:
    """Let a sample go when the network is sure."""

    name: ClassVar[str] = "confident"
    margin: Annotated[float, Field(gt=0, description="how sure")] = 0.9

    def prepare(self, model: Any, bundle: Any, timesteps: int, resources: Any) -> Any:
        return model


@dataclass(frozen=True, slots=True)
class Flat:
    """Charge every operation the same."""

    name: ClassVar[str] = "flat"
    each: Annotated[float, Field(ge=0, description="picojoules per operation")] = 1.0

    def multiply(self, operation: Any, bits: int) -> Any:
        return {"operations": self.each * operation.macs}

    def accumulate(self, operation: Any, accumulations: float, steps: float) -> Any:
        return {"operations": self.each * accumulations}

    def fire(self, population: Any, spikes: float, steps: float) -> Any:
        return {}


@dataclass(frozen=True, slots=True)
class Greedy:
    """Change one layer after the other."""

    name: ClassVar[str] = "greedy"
    rounds: Annotated[int, Field(ge=1, description="how often")] = 2

    def search(self, plan: Any, trials: Any) -> Any:
        return plan


@dataclass(frozen=True, slots=True)
class Naming:
    """Give every picture a name."""

    name: ClassVar[str] = "naming"
    default_model: ClassVar[str] = "small"
    default_data: ClassVar[str] = "digits"
    head: Annotated[Literal["whole", "parts"], Field(description="what is named")] = "whole"

    def load(self, model: Any, data: Any, resources: Any) -> Any:
        return model


@dataclass(frozen=True, slots=True)
class Finding:
    """Find things in pictures."""

    name: ClassVar[str] = "finding"
    default_model: ClassVar[str] = "zoo/finder"
    default_data: ClassVar[str] = "folder"

    def load(self, model: Any, data: Any, resources: Any) -> Any:
        return model


@dataclass(frozen=True, slots=True)
class Small:
    """A small network."""

    name: ClassVar[str] = "small"
    tasks: ClassVar[tuple[str, ...]] = ("naming",)

    def build(self, wanted: Any, resources: Any) -> Any:
        return wanted


@dataclass(frozen=True, slots=True)
class Zoo:
    """One of many networks."""

    name: ClassVar[str] = "zoo"
    tasks: ClassVar[tuple[str, ...]] = ()
    network: Annotated[str, Field(description="which one")]
    weights: Annotated[str | None, Field(description="the weights' name, or a file")] = None

    def build(self, wanted: Any, resources: Any) -> Any:
        return wanted


@dataclass(frozen=True, slots=True)
class Called:
    """Whatever a function returns."""

    name: ClassVar[str] = "callable"
    tasks: ClassVar[tuple[str, ...]] = ()
    function: Annotated[str, Field(description="package.module:function")]

    def build(self, wanted: Any, resources: Any) -> Any:
        return wanted


@dataclass(frozen=True, slots=True)
class Digits:
    """Small pictures of digits."""

    name: ClassVar[str] = "digits"
    tasks: ClassVar[tuple[str, ...]] = ("naming",)

    def open(self) -> Any:
        return None


@dataclass(frozen=True, slots=True)
class Folder:
    """Pictures in a folder."""

    name: ClassVar[str] = "folder"
    tasks: ClassVar[tuple[str, ...]] = ()
    root: Annotated[Path | None, Field(description="the folder")] = None

    def open(self) -> Any:
        return None


@hookimpl
def snnfw_register_neurons() -> list[type]:
    return [Burst, Single, Following]


@hookimpl
def snnfw_register_converters() -> list[type]:
    return [Calibrated]


@hookimpl
def snnfw_register_searches() -> list[type]:
    return [Greedy]


@hookimpl
def snnfw_register_exit_policies() -> list[type]:
    return [Confident]


@hookimpl
def snnfw_register_energy_models() -> list[type]:
    return [Flat]


@hookimpl
def snnfw_register_tasks() -> list[type]:
    return [Naming, Finding]


@hookimpl
def snnfw_register_models() -> list[type]:
    return [Small, Zoo, Called]


@hookimpl
def snnfw_register_data() -> list[type]:
    return [Digits, Folder]


@hookimpl
def snnfw_register_presets() -> list[Preset]:
    return [
        Preset(
            "bursting",
            layers=(
                Rule("stem.*", Keep(), optional=True),
                Rule("*", Following(levels=3), activation="silu", optional=True),
                Rule("*", Burst(phi=3)),
            ),
            converter=Calibrated(bias=False),
            timesteps=6,
            exit=Confident(margin=0.5),
            summary="Bursts where the network has ReLUs.",
        ),
        Preset("plain", layers=(Rule("*", Single()),), converter=Calibrated()),
    ]
