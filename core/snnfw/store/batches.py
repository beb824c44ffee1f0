"""Tell one set of data from another by its first batch."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import Tensor

from snnfw.values import Batch, Batches, Inputs


def describe_batches(batches: Batches[Any]) -> dict[str, Any]:
    """Return how many batches of inputs there are, how many samples the first one has, and its hash."""
    item = next(iter(batches))
    first: Inputs = tuple(item.inputs if isinstance(item, Batch) else item)
    digest = hashlib.sha256()
    for tensor in first:
        digest.update(f"{tensor.dtype}{list(tensor.shape)}".encode())
        digest.update(_bytes_of(tensor))
    return {"batches": len(batches), "first_batch": len(first[0]), "first_batch_sha256": digest.hexdigest()}


def _bytes_of(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes()
