"""Say how long a training will take, once its first batches are through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback

from snnfw.durations import Estimate, describe_duration


class TellDuration(Callback):
    """Tell once how long all the epochs to come will take, where that is long."""

    def __init__(self, batches: int, tell: Callable[[str], None]) -> None:
        self.batches = batches
        self.tell = tell
        self.estimate: Estimate | None = None

    def on_train_batch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Count a batch."""
        del pl_module, batch, batch_idx
        epochs = (trainer.max_epochs or 1) - trainer.current_epoch
        self.estimate = self.estimate or Estimate(epochs * self.batches)
        left = self.estimate.step()
        if left is not None and trainer.is_global_zero:
            self.tell(f"train: about {describe_duration(left)} ({epochs} epochs of {self.batches} batches).")
