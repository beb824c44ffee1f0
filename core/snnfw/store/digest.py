"""Tell tensors apart by their bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor


def digest_of(tensors: Iterable[Tensor]) -> str:
    """Return the SHA-256 of some tensors' types, shapes and bytes, however they lie in memory."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(f"{tensor.dtype}{list(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def digest_by_name(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of named tensors, in whatever order they come."""
    names = sorted(tensors)
    named = "".join(f"{len(name)} {name} " for name in names)
    return hashlib.sha256(f"{named}{digest_of(tensors[name] for name in names)}".encode()).hexdigest()
