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
        digest.update(bytes_of(tensor).numpy().data)
    return digest.hexdigest()


def bytes_of(tensor: Tensor) -> Tensor:
    """Return a tensor's values in their order as bytes, [number of bytes] on the CPU, however they lie in memory."""
    dense = tensor.detach().cpu().contiguous()
    # A dimension of one entry, or none, may have any stride, and such a tensor is not seen as bytes.
    return dense.as_strided((dense.numel(),), (1,), dense.storage_offset()).view(torch.uint8)


def digest_by_name(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of named tensors, in whatever order they come."""
    names = sorted(tensors)
    named = "".join(f"{len(name)} {name} " for name in names)
    return hashlib.sha256(f"{named}{digest_of(tensors[name] for name in names)}".encode()).hexdigest()
