"""What Lightning trains: the loss through time, the optimiser, its schedule, and the score on held-out data."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import lightning
import torch
from torch import Tensor

from snnfw.errors import SnnfwError
from snnfw.simulate.states import merge_state, state_of
from snnfw.training.network import TrainingNetwork, mean_over_time, split_timesteps
from snnfw.training.pairs import Pair, split_pair
from snnfw.training.processes import ranks_of
from snnfw.training.settings import TrainerSettings
from snnfw.values import Judgement

Loss = Callable[[Any, Any, float], Tensor]

NOTHING = "no parameter of the network may change, so there is nothing to train"


class Learner(lightning.LightningModule):
    """Minimise the task's loss by backpropagation through time.

    With ``shares_scores`` each of several processes scores a part of the evaluation samples.
    """

    def __init__(
        self,
        network: TrainingNetwork,
        loss: Loss,
        judgement: Judgement,
        settings: TrainerSettings,
        steps: int,
        shares_scores: bool = False,
    ) -> None:
        super().__init__()
        if not any(parameter.requires_grad for parameter in network.parameters()):
            raise SnnfwError(f"{NOTHING}: it has none, or all are frozen (requires_grad=False).")
        self.network, self.settings = network, settings
        network.spreads = settings.spread > 0
        self._loss = loss
        self._judgement, self._steps, self._shares_scores = judgement, steps, shares_scores
        self._scorer = judgement.scorer()

    def training_step(self, batch: Pair, index: int) -> Tensor:
        """Return the loss of one batch."""
        inputs, target = split_pair(batch)
        outputs = self.network(*inputs)
        smoothing = self.settings.smoothing
        if self.settings.loss == "tet":
            losses = [self._loss(output, target, smoothing) for output in split_timesteps(outputs)]
            loss = torch.stack(losses).mean()
        else:
            loss = self._loss(mean_over_time(outputs), target, smoothing)
        if self.settings.spread:
            loss = loss - self.settings.spread * self.network.spread()
        if not bool(torch.isfinite(loss)):
            kept = " The checkpoint of the last epoch is kept." if self.current_epoch else ""
            raise SnnfwError(
                f"the loss is {loss.item()} at batch {index} of epoch {self.current_epoch}: lower trainer.rate, or set "
                f"trainer.clip.{kept}"
            )
        if not loss.requires_grad:
            raise SnnfwError(f"{NOTHING}: no gradient reaches those that may, past neurons or operators without one.")
        told, size = loss.detach(), len(inputs[0])
        # the mean over the epoch, and over processes
        self.log("loss", told, prog_bar=True, on_step=False, on_epoch=True, sync_dist=True, batch_size=size)
        return loss

    def on_train_start(self) -> None:
        """Let the network learn."""
        self.train()

    def on_validation_model_train(self) -> None:
        """Go back to learning: Lightning would restore flags, and a spiking model has more to switch."""
        self.train()

    def on_validation_epoch_start(self) -> None:
        """Begin a new score."""
        self._scorer = self._judgement.scorer()

    def validation_step(self, batch: Pair, index: int) -> None:
        """Score the output of one batch, as a run reads it; one that comes again to keep in step is not."""
        loaded: Any = self.trainer.val_dataloaders
        if index >= len(loaded.own):
            return
        inputs, target = split_pair(batch)
        self._scorer.update(self.network.model(*inputs), target)

    def on_validation_epoch_end(self) -> None:
        """Log every score of the epoch, of all processes where each has scored a part."""
        ranks = ranks_of(self.trainer)
        if self._shares_scores:
            states = ranks.gather(state_of(self._scorer))
            self._scorer = self._judgement.scorer()
            for state in states:
                merge_state(self._scorer, state)
        if not self.trainer.sanity_checking:
            for name, value in self._scorer.compute().items():
                self.log(name, value, prog_bar=name == self._judgement.headline)

    def configure_optimizers(self) -> Any:
        """Return the optimiser, and its schedule over all steps: linear warm-up, then the fall."""
        optimiser = _optimiser(self.parameters(), self.settings)
        warm = self.settings.warmup * self._steps // self.settings.epochs
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser,
            lambda step: learning_rate_at(step, warm, self._steps, self.settings.schedule, self.settings.final),
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def learning_rate_at(step: int, warm: int, steps: int, schedule: str, final: float = 0.0) -> float:
    """Return the learning rate before a step, as a share of its highest: half a cosine, or a line, to ``final``."""
    if step < warm:
        return (step + 1) / warm
    if schedule == "constant":
        return 1.0
    gone = min(1.0, (step - warm) / max(1, steps - warm))
    left = 1 - gone if schedule == "linear" else 0.5 * (1 + math.cos(math.pi * gone))
    return final + (1 - final) * left


def _optimiser(parameters: Any, settings: TrainerSettings) -> torch.optim.Optimizer:
    if settings.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, settings.rate, settings.momentum, weight_decay=settings.decay, nesterov=settings.nesterov
        )
    kind = torch.optim.Adam if settings.optimizer == "adam" else torch.optim.AdamW
    return kind(parameters, settings.rate, weight_decay=settings.decay)
