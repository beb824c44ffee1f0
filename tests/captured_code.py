"""Code that networks in the tests of kept captures run, in a file of its own: what a key tells of it is the file."""

from __future__ import annotations

from torch import Tensor, nn

SCALES = {"now": 2.0}


class ReadsGlobal(nn.Module):
    """Multiply by a number that stands in a mapping outside."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, 4]."""
        result: Tensor = self.layer(x).relu() * SCALES["now"]
        return result


def other_forward(x: Tensor) -> Tensor:
    """Return the input."""
    return x
