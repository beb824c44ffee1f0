"""The contracts: the values that pass from stage to stage and what a method, a task and a source must offer.

Importing this module imports no torch, and neither may a module that only *describes* a method: its frozen
dataclass holds parameters, and the ``nn.Module`` is imported inside ``build`` (or ``convert``, ``load``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor, nn

    from snnfw.capture.graph import Graph
    from snnfw.plan.place import Plan
    from snnfw.simulate.trials import Trials
    from snnfw.spiking.model import SpikingModel
    from snnfw.spiking.neuron import SpikingNeuron

Inputs: TypeAlias = "tuple[Tensor, ...]"
"""What a network is called with: one tensor per argument, samples in dimension 0."""

Output: TypeAlias = Any
"""What a network returns: a tensor, or any tree of tensors."""

Item = TypeVar("Item")
Item_co = TypeVar("Item_co", covariant=True)


class Batches(Protocol[Item_co]):
    """Batches that can be iterated again and again, and counted: a list, or a torch DataLoader."""

    def __iter__(self) -> Iterator[Item_co]:
        """Start over."""
        ...

    def __len__(self) -> int:
        """Return the number of batches."""
        ...


class Track(Protocol):
    """Wrap an iterable so that progress through it can be shown."""

    def __call__(self, items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
        """Yield the items unchanged."""
        ...


def untracked(items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
    """Show nothing."""
    del description, total
    return items


@dataclass(frozen=True, slots=True)
class Resources:
    """What a stage may use: where it computes, with which backend, in how much memory, and whom it tells.

    ``memory`` is the budget in bytes for the activations of one chunk of timesteps.
    """

    device: str = "cpu"
    backend: str = "auto"
    memory: int = 2 * 2**30
    seed: int = 0
    track: Track = untracked


@dataclass(frozen=True, slots=True)
class Site:
    """One call of an activation function in the network: a place where a neuron can go.

    ``name`` is the user's module path (``layer1.0.relu``), with ``#2``, ``#3`` ... for further calls of the same
    module; ``activation`` is the kind of function (``relu``, ``silu`` ...) and ``function`` computes it, its
    arguments bound, which ``arguments`` lists. ``shape`` is the activation's shape with ``None`` in the batch's
    dimension, ``channel`` the axis that holds its channels.
    """

    name: str
    node: str
    activation: str
    function: Callable[[Tensor], Tensor] = field(repr=False, compare=False)
    shape: tuple[int | None, ...]
    channel: int
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class SiteStats:
    """What calibration learnt of one site, every tensor of a shape that broadcasts against the activation.

    ``threshold`` is the firing threshold, ``initial`` the membrane potential before the first timestep, ``offset`` a
    constant added to the input current at every timestep.
    """

    threshold: Tensor
    initial: Tensor | None = None
    offset: Tensor | None = None


class Observer(Protocol):
    """Watch a site's activations, batch by batch, and sum them up."""

    def update(self, activation: Tensor) -> None:
        """Take the network's activations of one calibration batch, in the site's shape."""
        ...

    def stats(self) -> SiteStats:
        """Return what was learnt of all batches seen."""
        ...


@runtime_checkable
class Neuron(Protocol):
    """A spiking neuron as a method: a frozen dataclass whose fields are its parameters.

    ``activations`` lists the kinds of activation that it can stand in for; an empty tuple means all of them. A neuron
    that fires more than one event in a timestep says how many in an attribute ``burst``, for the report's break-even
    rate.
    """

    name: ClassVar[str]
    activations: ClassVar[tuple[str, ...]]

    def observer(self, site: Site) -> Observer:
        """Return what watches the network's activations at ``site`` and finds this neuron's threshold."""
        ...

    def build(self, site: Site, stats: SiteStats, timesteps: int) -> SpikingNeuron:
        """Return the stateful module that replaces the activation, for a run of ``timesteps`` steps."""
        ...


@runtime_checkable
class Quantiser(Neuron, Protocol):
    """A neuron whose mean output for a constant input is known in closed form, so that thresholds can be fitted."""

    def quantise(self, activation: Tensor, threshold: Tensor, timesteps: int) -> Tensor:
        """Return the mean output over ``timesteps`` steps when the network's activation is ``activation``."""
        ...


@dataclass(frozen=True, slots=True)
class Keep:
    """Leave the activation as it is: the layer stays analog."""

    name: ClassVar[str] = "keep"


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a recipe: the neuron for every site whose module path matches a glob, first match wins."""

    match: str
    neuron: Neuron | Keep
    activation: str | None = None
    optional: bool = False

    def __str__(self) -> str:
        narrowed = f" ({self.activation})" if self.activation else ""
        return f"{self.match}{narrowed}"


@dataclass(frozen=True, slots=True)
class Preset:
    """What ``plugin=NAME`` stands for: a recipe and the stages that its paper combines it with."""

    name: str
    layers: tuple[Rule, ...]
    converter: Converter
    timesteps: int = 8
    search: Search | None = None
    exit: ExitPolicy | None = None
    summary: str = ""


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
    """Decide, after a timestep, which samples have been computed long enough."""

    def done(self, output: Output, timestep: int, timesteps: int) -> Tensor:
        """Return a boolean per sample, [N]: true where the sample leaves with this output."""
        ...

    def record(self) -> Mapping[str, Any]:
        """Return what the report keeps of the rule, such as its thresholds: plain data, as JSON holds it."""
        ...


@runtime_checkable
class ExitPolicy(Protocol):
    """Let samples leave before the last timestep, by a rule that calibration data may shape."""

    name: ClassVar[str]

    def prepare(self, model: SpikingModel, bundle: Bundle, timesteps: int, resources: Resources) -> ExitRule:
        """Return the rule for this model, whose state a run on calibration data may change."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Some evaluation samples: what the network is called with, and what a scorer compares its output with."""

    inputs: Inputs
    target: Any


class Scorer(Protocol):
    """Score outputs against targets, batch by batch."""

    def update(self, output: Output, target: Any) -> None:
        """Take one batch: the network's output and the batch's ``target``."""
        ...

    def compute(self) -> Mapping[str, float]:
        """Return every metric by name, over all batches seen."""
        ...


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything a task brings to a run.

    ``example`` has at least two samples. ``calibration`` are batches of inputs, ``evaluation`` batches with targets;
    both can be iterated again. ``scorer`` makes a fresh scorer, ``headline`` names the metric that stands first
    (higher is better). ``target_of(target, keep)`` selects the samples with indices ``keep`` ([K], long) from a
    batch's target, so that samples can leave a batch early.

    What methods may ask for beyond that, where a task has it: ``tuning``, the calibration samples with their targets;
    ``logits(output)``, scores of K classes as [N, K, ...], the trailing dimensions being places that are classified
    each, pixels say; ``correct(output, target)``, whether each sample is right, as [N]; ``distance(of, to)``, how far
    each sample's output is from another one, as [N], for tasks without logits.
    """

    model: nn.Module
    example: Inputs
    calibration: Batches[Inputs]
    evaluation: Batches[Batch]
    scorer: Callable[[], Scorer]
    headline: str
    description: Mapping[str, Any] = field(default_factory=dict)
    target_of: Callable[[Any, Tensor], Any] = lambda target, keep: target[keep]
    tuning: Batches[Batch] | None = None
    logits: Callable[[Output], Tensor] | None = None
    correct: Callable[[Output, Any], Tensor] | None = None
    distance: Callable[[Output, Output], Tensor] | None = None


@runtime_checkable
class ModelSource(Protocol):
    """A network as a method: a frozen dataclass whose fields say which one.

    ``tasks`` names the tasks it serves; an empty tuple means any.
    """

    name: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]]


@runtime_checkable
class DataSource(Protocol):
    """A data set as a method: a frozen dataclass whose fields say where it is and how it is split."""

    name: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]]


@runtime_checkable
class Task(Protocol):
    """What a network is used for: it brings models and data together and knows how outputs are scored.

    A task's fields are its options. ``model`` and ``data`` name the embedded defaults.
    """

    name: ClassVar[str]
    default_model: ClassVar[str]
    default_data: ClassVar[str]

    def load(self, model: ModelSource, data: DataSource, resources: Resources) -> Bundle:
        """Return everything a run needs, on ``resources.device``."""
        ...
