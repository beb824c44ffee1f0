"""An exponential average of the weights over a training's steps, which is what is scored and what is left."""

from __future__ import annotations

from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn


class AverageWeights(Callback):
    """Keep a(n) = d a(n - 1) + (1 - d) w(n) of every weight and estimate, a(1) = w(1), n counting optimiser steps.

    The average is swapped in while the network is scored, and at the end for good.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.average: dict[str, Tensor] = {}
        self.step = 0

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Move what a checkpoint held to where the weights are."""
        del trainer
        own = pl_module.state_dict()
        self.average = {name: average.to(own[name].device) for name, average in self.average.items()}

    @torch.no_grad()
    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Take a step's weights in."""
        del outputs, batch, batch_idx
        if trainer.global_step == self.step:
            return  # gradients are still being added up
        self.step = trainer.global_step
        for name, tensor in pl_module.state_dict().items():
            if name not in self.average or not tensor.is_floating_point():
                self.average[name] = tensor.clone()
            else:
                self.average[name].lerp_(tensor, 1 - self.decay)

    def on_validation_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Score the average."""
        del trainer
        self._swap(pl_module)

    def on_validation_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Go on with the weights themselves."""
        del trainer
        self._swap(pl_module)

    def leave(self, module: nn.Module) -> None:
        """Leave the average in the network, which is no event of Lightning's where a training had ended already."""
        self._swap(module)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"average": self.average, "step": self.step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on behind a checkpoint."""
        self.average, self.step = dict(state_dict["average"]), state_dict["step"]

    @torch.no_grad()
    def _swap(self, module: nn.Module) -> None:
        own = module.state_dict()
        for name, average in self.average.items():
            weights = own[name].clone()
            own[name].copy_(average)
            average.copy_(weights)
