"""What a network is called with and what it returns: inputs, outputs, and batches of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from snnfw.errors import wrong_kind_error

if TYPE_CHECKING:
    from torch import Tensor


Inputs: TypeAlias = "tuple[Tensor, ...]"
"""What a network is called with: one tensor per argument, samples in dimension 0."""


Output: TypeAlias = Any
"""What a network returns: a tensor, or any tree of tensors."""


Item = TypeVar("Item")
"""What batches hold: inputs, or inputs with targets."""
Item_co = TypeVar("Item_co", covariant=True)


class Batches(Protocol[Item_co]):
    """Batches that can be iterated again and again, and counted: a list, or a torch DataLoader."""

    def __iter__(self) -> Iterator[Item_co]:
        """Start over."""
        ...

    def __len__(self) -> int:
        """Return the number of batches."""
        ...


def count_batches(batches: Batches[Any], what: str) -> int:
    """Return the number of batches, refusing what has none, or can be gone through once alone."""
    try:
        return len(batches)
    except TypeError as error:
        wanted = (
            "batches that can be counted and gone through again, such as a list, or a DataLoader of a mapped data set"
        )
        raise wrong_kind_error(what, batches, wanted) from error


@dataclass(frozen=True, slots=True)
class Batch:
    """Some evaluation samples: what the network is called with, and what a scorer compares its output with."""

    inputs: Inputs
    target: Any

    def __post_init__(self) -> None:
        """Refuse a tensor where a tuple of them belongs: its samples would be taken for arguments."""
        if not isinstance(self.inputs, tuple | list):
            raise wrong_kind_error(
                "Batch.inputs", self.inputs, "a tuple with one tensor for each argument, such as (x,)"
            )
