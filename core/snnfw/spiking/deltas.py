"""Hold what a calibration adds to weights, as buffers that move, convert and are stored with the model."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

from torch import Tensor, nn

from snnfw.neurons.buffers import adopt_buffers

PREFIX = "of_"
"""Keeps a weight's name apart from those that a module has already."""


class Deltas(nn.Module, MutableMapping[str, Tensor]):
    """Changes of weights by the name of the weight's node, each in the weight's shape."""

    __eq__ = object.__eq__  # a module is told from others by what it is, not by what it holds
    __hash__ = object.__hash__

    def __getitem__(self, name: str) -> Tensor:
        return self._named()[PREFIX + name]

    def __setitem__(self, name: str, change: Tensor) -> None:
        self.register_buffer(PREFIX + name, change)

    def __delitem__(self, name: str) -> None:
        del self._buffers[PREFIX + name]

    def __iter__(self) -> Iterator[str]:
        return (name.removeprefix(PREFIX) for name in list(self._buffers))

    def __contains__(self, name: object) -> bool:
        return f"{PREFIX}{name}" in self._buffers

    def __len__(self) -> int:
        return len(self._buffers)

    def with_change(self, name: str, value: Any) -> Any:
        """Return a weight with its change, where it has one."""
        return value + self[name] if name in self else value

    def _named(self) -> dict[str, Tensor]:
        return {name: buffer for name, buffer in self._buffers.items() if buffer is not None}

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *others: Any) -> None:
        """Take exactly the changes that were stored."""
        self.clear()
        adopt_buffers(self, state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *others)
