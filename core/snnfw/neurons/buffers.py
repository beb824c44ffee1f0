"""Make room for buffers as they were stored: calibrations differ in shapes, and in which buffers there are."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def adopt_buffers(module: nn.Module, state: Mapping[str, Tensor], prefix: str) -> None:
    """Give a module's own buffers the shapes that a stored state holds, before it is copied into them."""
    like = next((buffer for buffer in module.buffers() if buffer is not None), None)
    for name, stored in state.items():
        leaf = name.removeprefix(prefix)
        if not name.startswith(prefix) or "." in leaf or leaf in module._parameters:
            continue
        present = module._buffers.get(leaf)
        known = leaf in module._buffers or not hasattr(module, leaf)
        if known and (present is None or present.shape != stored.shape):
            near = like if present is None else present
            module.register_buffer(leaf, _room(stored, near))


def _room(stored: Tensor, near: Tensor | None) -> Tensor:
    """Return an empty tensor of a stored one's shape, of the kind and at the place of those beside it."""
    if near is None:
        return torch.empty_like(stored)
    same = stored.is_floating_point() and near.is_floating_point()
    return torch.empty_like(stored, device=near.device, dtype=near.dtype if same else stored.dtype)
