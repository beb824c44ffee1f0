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
    """Score outputs against targets, batch by batch."""

    def update(self, output: Output, target: Any) -> None:
        """Take one batch: the network's output and the batch's ``target``."""
        ...

    def compute(self) -> Mapping[str, float]:
        """Return every metric by name, over all batches seen; ``IoU/chair`` is one part of what ``IoU`` sums up."""
        ...


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
            raise wrong_kind_error(
                "Bundle.example", self.example, "a tuple with one tensor for each argument, such as (x,)"
            )
        for name in ("calibration", "evaluation", *(["tuning"] if self.tuning is not None else [])):
            count_batches(getattr(self, name), f"Bundle.{name}")
        if has_attributes(self.scorer, "update", "compute"):
            raise wrong_kind_error(
                "Bundle.scorer", self.scorer, "a function that makes a fresh scorer, such as its class"
            )

    @property
    def temporal(self) -> bool:
        """Tell whether the input is another one at each timestep."""
        return self.frames is not None
