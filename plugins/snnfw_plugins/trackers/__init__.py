"""Trackers: what a run, a comparison or a training found, logged with MLflow, Weights & Biases or TensorBoard."""

from __future__ import annotations

from collections.abc import Iterable

from snnfw import Tracker, hookimpl
from snnfw_plugins.trackers.mlflow import MLflow
from snnfw_plugins.trackers.tensorboard import TensorBoard
from snnfw_plugins.trackers.wandb import WandB


@hookimpl
def snnfw_register_trackers() -> Iterable[type[Tracker]]:
    """Register ``tracker=mlflow``, ``tracker=wandb`` and ``tracker=tensorboard``."""
    return [MLflow, WandB, TensorBoard]
