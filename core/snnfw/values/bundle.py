"""What a task brings to a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from snnfw.errors import has_attributes, wrong_kind_error
from snnfw.values.pictures import Gallery
from snnfw.values.samples import Batch, Batches, Inputs, Output, count_batches

if TYPE_CHECKING:
    from torch import Tensor, nn


class Scorer(Protocol):
    """Score outputs against targets, batch by batch.

    One that is a ``MergeableScorer`` too can be used where several processes score parts of the data.
    """

    def update(self, output: Output, target: Any) -> None:
        """Take one batch: the network's output and the batch's ``target``."""
        ...

    def compute(self) -> Mapping[str, float]:
        """Return every metric by name, over all batches seen; ``IoU/chair`` is one part of what ``IoU`` sums up."""
        ...


class MergeableScorer(Scorer, Protocol):
    """A scorer that is put together from parts: of several processes, or of a run that was interrupted.

    Those who saw the first batches and the others make one, digit for digit, that saw all of them, in their order. So
    floating-point sums are kept for each batch, and added up in ``compute``.
    """

    def state(self) -> Mapping[str, Tensor]:
        """Return all that was seen, as tensors on the CPU by names that always mean the same."""
        ...

    def merge(self, state: Mapping[str, Tensor]) -> None:
        """Take what another scorer of the same kind saw, behind what this one has seen."""
        ...


@dataclass(frozen=True, slots=True)
class Data:
    """The samples of a run. All batches can be counted, and iterated again.

    ``calibration`` are batches of inputs, for converters: tuples with a tensor [N, ...] for each of the network's
    arguments. ``evaluation`` are batches with targets, for the report alone. ``tuning``, where a task has it: the same
    calibration samples in the same order, with their targets.

    Where ``frames`` is given, inputs hold that many frames, [N, frames, ...], and the network gets one of them at each
    timestep. So do those of ``calibration``, from which observers see every frame by itself.

    ``fitting`` is no task's to give: where some of the calibration samples are kept for searches and exits alone, it
    and ``tuning`` hold these, and ``calibration`` the others.
    """

    calibration: Batches[Inputs]
    evaluation: Batches[Batch]
    tuning: Batches[Batch] | None = None
    frames: int | None = None
    fitting: Batches[Inputs] | None = None

    def __post_init__(self) -> None:
        """Refuse what can be gone through once alone."""
        for name in ("calibration", "evaluation", *(["tuning"] if self.tuning is not None else [])):
            count_batches(getattr(self, name), f"Data.{name}")

    @property
    def temporal(self) -> bool:
        """Tell whether the input is another one at each timestep."""
        return self.frames is not None


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a task judges outputs. ``scorer`` makes a fresh scorer, ``headline`` names the metric that stands first.

    A higher headline is better. ``target_of(target, keep)`` selects the samples with indices ``keep`` ([K], long) from
    a batch's target, so that samples can leave a batch early. What methods may ask for beyond that, where a task has
    it: ``logits(output)``, scores of K classes as [N, K, ...], the trailing dimensions being places that are classified
    each, pixels say; ``correct(output, target)``, how much of each sample is right, from 0 to 1, as [N]: whether its
    label is, or which share of its pixels; ``distance(of, to)``, how far each sample's output is from another one, as
    [N]. ``chance``, where there is such a number, is the headline of guessing: 1 / K for the accuracy of K classes.
    """

    scorer: Callable[[], Scorer]
    headline: str
    logits: Callable[[Output], Tensor] | None = None
    correct: Callable[[Output, Any], Tensor] | None = None
    distance: Callable[[Output, Output], Tensor] | None = None
    target_of: Callable[[Any, Tensor], Any] = lambda target, keep: target[keep]
    chance: float | None = None

    def __post_init__(self) -> None:
        """Refuse a scorer where what makes one belongs: it would go on counting from one checkpoint to the next."""
        if has_attributes(self.scorer, "update", "compute") or not callable(self.scorer):
            raise wrong_kind_error(
                "Judgement.scorer", self.scorer, "a function that makes a fresh scorer, such as its class"
            )


@dataclass(frozen=True, slots=True)
class Training:
    """What a network is trained with.

    ``batches(size, workers, seed)`` gives shuffled and augmented batches in an order that the seed fixes;
    ``loss(output, target, smoothing)`` the mean over the samples, with that much label smoothing. ``settle``, where it
    is given, sets what the modules' own initialisation leaves to the whole, the biases of a head, say: it is called
    once weights were drawn anew.
    """

    batches: Callable[[int, int, int], Batches[Batch]]
    loss: Callable[[Output, Any, float], Tensor]
    settle: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything a task brings to a run: a network, its data, how it is judged and, where there is, trained and drawn.

    ``example`` holds at least two samples, single frames [N, ...] where the data is made of frames: the network is
    captured with it. ``description`` goes into the report: plain data. ``gallery`` draws what both networks see.
    Where there is no ``training``, ``untrainable`` may say why, as a sentence. ``merge``, where it is given, puts
    together in the network what only a training keeps apart, its outputs being the same: it is called once the network
    has its weights, before it is captured to be run.
    """

    model: nn.Module
    example: Inputs
    data: Data
    judgement: Judgement
    training: Training | None = None
    gallery: Gallery | None = None
    description: Mapping[str, Any] = field(default_factory=dict)
    untrainable: str | None = None
    merge: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        """Refuse what would be taken for something else much later."""
        if not isinstance(self.example, tuple | list):
            raise wrong_kind_error(
                "Bundle.example", self.example, "a tuple with one tensor for each argument, such as (x,)"
            )
        for name, kind in {"data": Data, "judgement": Judgement, "training": Training, "gallery": Gallery}.items():
            given = getattr(self, name)
            missing = given is None and name in ("training", "gallery")
            if not missing and not isinstance(given, kind):
                raise wrong_kind_error(f"Bundle.{name}", given, f"{kind.__name__}(...)")
