"""What passes from stage to stage whatever the method: inputs, batches, resources, what a task brings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from snnfw.errors import misgiven, offers

if TYPE_CHECKING:
    from torch import Tensor, nn


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


def count(batches: Batches[Any], what: str) -> int:
    """Return the number of batches, refusing what has none, or can be gone through once alone."""
    try:
        return len(batches)
    except TypeError as error:
        wanted = (
            "batches that can be counted and gone through again, such as a list, or a DataLoader of a mapped data set"
        )
        raise misgiven(what, batches, wanted) from error


class Track(Protocol):
    """Wrap an iterable so that progress through it can be shown."""

    def __call__(self, items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
        """Yield the items unchanged."""
        ...


def untracked(items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
    """Show nothing."""
    del description, total
    return items


def untold(line: str) -> None:
    """Say nothing."""
    del line


@dataclass(frozen=True, slots=True)
class Resources:
    """What a stage may use: where it computes, with which backend, in how much memory, and whom it tells.

    ``memory`` is the budget in bytes for the activations of one chunk of timesteps. ``tell`` takes a line for the
    user: what was read, say, and what was left out.
    """

    device: str = "cpu"
    backend: str = "auto"
    memory: int = 2 * 2**30
    seed: int = 0
    track: Track = untracked
    tell: Callable[[str], None] = untold

    def __post_init__(self) -> None:
        """Refuse what only a configuration reads, such as 2GiB, and what torch alone would take."""
        for name, kind in {"device": str, "backend": str, "memory": int, "seed": int}.items():
            if not isinstance(getattr(self, name), kind):
                raise misgiven(f"Resources.{name}", getattr(self, name), "text" if kind is str else "a whole number")


@dataclass(frozen=True, slots=True)
class Batch:
    """Some evaluation samples: what the network is called with, and what a scorer compares its output with."""

    inputs: Inputs
    target: Any

    def __post_init__(self) -> None:
        """Refuse a tensor where a tuple of them belongs: its samples would be taken for arguments."""
        if not isinstance(self.inputs, tuple | list):
            raise misgiven("Batch.inputs", self.inputs, "a tuple with one tensor for each argument, such as (x,)")


class Scorer(Protocol):
    """Score outputs against targets, batch by batch."""

    def update(self, output: Output, target: Any) -> None:
        """Take one batch: the network's output and the batch's ``target``."""
        ...

    def compute(self) -> Mapping[str, float]:
        """Return every metric by name, over all batches seen; ``IoU/chair`` is one part of what ``IoU`` sums up."""
        ...


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture that a task made: a PNG, a short name for its file, and the sentence that stands under it."""

    name: str
    caption: str
    image: bytes


@dataclass(frozen=True, slots=True)
class View:
    """What a few evaluation samples look like to the network and to the spiking network.

    ``spiking`` holds the outputs after some of the checkpoints, in increasing order, with nobody leaving early;
    ``scores`` and ``network_scores`` are those of all evaluation samples, the former by checkpoint.
    """

    batch: Batch
    network: Output
    spiking: Mapping[int, Output]
    network_scores: Mapping[str, float]
    scores: Mapping[int, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Gallery:
    """What a task shows of a run: the samples to look at, read when they are needed, and how to draw them."""

    batch: Callable[[], Batch]
    draw: Callable[[View], Sequence[Drawing]]


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything a task brings to a run.

    ``example`` has at least two samples. ``calibration`` are batches of inputs, ``evaluation`` batches with targets;
    both can be iterated again. ``scorer`` makes a fresh scorer, ``headline`` names the metric that stands first
    (higher is better). ``target_of(target, keep)`` selects the samples with indices ``keep`` ([K], long) from a
    batch's target, so that samples can leave a batch early.

    What methods may ask for beyond that, where a task has it: ``tuning``, the same calibration samples in the same
    order, with their targets;
    ``logits(output)``, scores of K classes as [N, K, ...], the trailing dimensions being places that are classified
    each, pixels say; ``correct(output, target)``, how much of each sample is right, from 0 to 1, as [N]: whether its
    label is, or which share of its pixels; ``distance(of, to)``, how far each sample's output is from another one, as
    [N]. ``gallery`` draws what both networks see. For training: ``training(batch, workers, seed)``, shuffled and
    augmented batches in an order that the seed fixes, and ``loss(output, target, smoothing)``, the mean over the
    samples, with that much label smoothing.

    Where ``frames`` is given, inputs hold that many frames, [N, frames, ...], and the network gets one of them at each
    timestep. So do those of ``calibration``, from which observers see every frame by itself; ``example`` alone holds
    single frames, [N, ...], which the network is called with.

    ``fitting`` is no task's to give: where some of the calibration samples are kept for searches and exits alone, it
    and ``tuning`` hold these, and ``calibration`` the others.
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
    gallery: Gallery | None = None
    training: Callable[[int, int, int], Batches[Batch]] | None = None
    loss: Callable[[Output, Any, float], Tensor] | None = None
    frames: int | None = None
    fitting: Batches[Inputs] | None = None

    def __post_init__(self) -> None:
        """Refuse what would fail, or be taken for something else, much later."""
        if not isinstance(self.example, tuple | list):
            raise misgiven("Bundle.example", self.example, "a tuple with one tensor for each argument, such as (x,)")
        for name in ("calibration", "evaluation", *(["tuning"] if self.tuning is not None else [])):
            count(getattr(self, name), f"Bundle.{name}")
        if offers(self.scorer, "update", "compute"):
            raise misgiven("Bundle.scorer", self.scorer, "a function that makes a fresh scorer, such as its class")

    @property
    def temporal(self) -> bool:
        """Tell whether the input is another one at each timestep."""
        return self.frames is not None
