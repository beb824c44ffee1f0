"""What the stages around the neurons must offer: searches, exits, and the presets that combine them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from snnfw.conversion.converter import Converter
from snnfw.errors import has_attributes, wrong_kind_error
from snnfw.planning.rules import Rule
from snnfw.values import Bundle, ExitRule, Resources

if TYPE_CHECKING:
    from snnfw.planning.placement import Plan
    from snnfw.search.results import SearchResult
    from snnfw.search.trials import Trials
    from snnfw.spiking.model import SpikingModel


@runtime_checkable
class Search(Protocol):
    """Look for a better plan by trying others on calibration data."""

    name: ClassVar[str]

    def search(self, plan: Plan, trials: Trials) -> SearchResult:
        """Return the plan to run."""
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

    ``timesteps`` is the method's own number of them, which no task changes; None leaves it to the task. ``trained``
    says that it is for networks trained with it: a run of another one is told so before it computes anything.
    """

    name: str
    layers: tuple[Rule, ...]
    converter: Converter
    timesteps: int | None = None
    search: Search | None = None
    exit: ExitPolicy | None = None
    summary: str = ""
    trained: bool = False

    def __post_init__(self) -> None:
        """Refuse rules and stages that are none."""
        layers: object = self.layers
        if not (isinstance(layers, tuple | list) and all(isinstance(rule, Rule) for rule in layers)):
            raise wrong_kind_error("Preset.layers", layers, "a tuple of rules, such as (Rule('*', AdaFire()),)")
        for name, method in {"converter": "convert", "search": "search", "exit": "prepare"}.items():
            stage = getattr(self, name)
            if not (has_attributes(stage, method) or (stage is None and name != "converter")):
                raise wrong_kind_error(f"Preset.{name}", stage, f"an instance with a method '{method}'")
