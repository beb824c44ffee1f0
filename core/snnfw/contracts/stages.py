"""What the stages around the neurons must offer: converters, searches, exits, and the presets that combine them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from snnfw.contracts.data import Batches, Bundle, Inputs, Output, Resources
from snnfw.contracts.neurons import Rule
from snnfw.errors import misgiven, offers

if TYPE_CHECKING:
    from torch import Tensor

    from snnfw.capture.graph import Graph
    from snnfw.plan.place import Plan
    from snnfw.simulate.trials import Trials
    from snnfw.spiking.model import SpikingModel


@runtime_checkable
class Converter(Protocol):
    """Turn a planned graph into a spiking model, with the help of calibration data."""

    name: ClassVar[str]

    def convert(
        self, graph: Graph, plan: Plan, calibration: Batches[Inputs], timesteps: int, resources: Resources
    ) -> SpikingModel:
        """Return the spiking model, ready to be simulated for ``timesteps`` steps."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: the plan to run, what the report keeps of the way there, and files for the run folder.

    ``record`` is plain data, as JSON holds it. ``files`` are by path within the run folder.
    """

    plan: Plan
    record: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str | bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Score:
    """How good one plan is: the task's headline metric (higher is better) and energy per sample in millijoules."""

    metric: float
    energy: float


@runtime_checkable
class Search(Protocol):
    """Look for a better plan by trying others on calibration data."""

    name: ClassVar[str]

    def search(self, plan: Plan, trials: Trials) -> Found:
        """Return the plan to run."""
        ...


class ExitRule(Protocol):
    """Decide, after a timestep, which samples have been computed long enough.

    The output is read for it at every timestep, and reading is charged. A rule that lets nobody leave before a timestep
    says which one in an attribute ``earliest``: until then it is not asked.
    """

    def done(self, output: Output, timestep: int, timesteps: int) -> Tensor:
        """Return a boolean per sample, [N]: true where the sample leaves with this output."""
        ...

    def record(self) -> Mapping[str, Any]:
        """Return what the report keeps of the rule, such as its thresholds: plain data, as JSON holds it."""
        ...


@runtime_checkable
class ExitPolicy(Protocol):
    """Let samples leave before the last timestep, by a rule that calibration data may shape.

    One that nothing is fitted for says so in an attribute ``fits``, which is true where it is missing.
    """

    name: ClassVar[str]

    def prepare(self, model: SpikingModel, bundle: Bundle, timesteps: int, resources: Resources) -> ExitRule:
        """Return the rule for this model, whose state a run on calibration data may change."""
        ...


@dataclass(frozen=True, slots=True)
class Preset:
    """What ``plugin=NAME`` stands for: a recipe and the stages that its paper combines it with.

    ``timesteps`` is the method's own number of them, which no task changes; None leaves it to the task.
    """

    name: str
    layers: tuple[Rule, ...]
    converter: Converter
    timesteps: int | None = None
    search: Search | None = None
    exit: ExitPolicy | None = None
    summary: str = ""

    def __post_init__(self) -> None:
        """Refuse rules and stages that are none."""
        layers: object = self.layers
        if not (isinstance(layers, tuple | list) and all(isinstance(rule, Rule) for rule in layers)):
            raise misgiven("Preset.layers", layers, "a tuple of rules, such as (Rule('*', AdaFire()),)")
        for name, method in {"converter": "convert", "search": "search", "exit": "prepare"}.items():
            stage = getattr(self, name)
            if not (offers(stage, method) or (stage is None and name != "converter")):
                raise misgiven(f"Preset.{name}", stage, f"an instance with a method '{method}'")
