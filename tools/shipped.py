"""What makers of weights share: a quiet training, and a file with what the weights score and how they came."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

import lightning
import torch
from safetensors.torch import save as serialise

from snnfw.files import replace_file
from snnfw_tasks.networks.checkpoint import load_weights

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import nn
    from torch.utils.data import DataLoader

Measured = TypeVar("Measured")


def fit(training: lightning.LightningModule, loader: DataLoader[Any], epochs: int) -> None:
    """Train on the CPU for so many epochs, and keep nothing but the network."""
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
    )
    trainer.fit(training, loader)


def read_back(network: nn.Module, file: Path) -> nn.Module:
    """Return a network built anew with the weights of a file, ready to be scored."""
    load_weights(network, file)
    return network.eval()


def save_scored(network: nn.Module, out: Path, key: str, measure: Callable[[Path], Measured], **facts: str) -> Measured:
    """Write the weights as halves with ``facts`` and what ``measure`` finds of them, under ``key``; return that.

    What counts is what a user gets, so a file of the weights is measured, read back. The file appears under its name
    only when it is complete.
    """
    state = {
        name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in network.state_dict().items()
    }
    known = {**facts, "torch": torch.__version__}
    with replace_file(out) as written:
        written.write_bytes(serialise(state, metadata=known))
        found = measure(written)
        written.write_bytes(serialise(state, metadata={key: json.dumps(found), **known}))
    return found
