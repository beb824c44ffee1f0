"""Write a trained network's weights as they are shipped: in half precision, with what they score and how they came."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar

import torch
from safetensors.torch import save as serialise

from snnfw.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import nn

Measured = TypeVar("Measured")


def save_scored(network: nn.Module, out: Path, key: str, measure: Callable[[Path], Measured], **facts: str) -> Measured:
    """Write the weights with ``facts`` and with what ``measure`` finds of them, under ``key``, and return that.

    What counts is what a user gets, so a file of the weights is measured, read back. The file appears under its name
    only when it is complete.
    """
    state = {
        name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in network.state_dict().items()
    }
    known = {**facts, "torch": torch.__version__}
    out.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(out) as written:
        written.write_bytes(serialise(state, metadata=known))
        found = measure(written)
        written.write_bytes(serialise(state, metadata={key: json.dumps(found), **known}))
    return found
