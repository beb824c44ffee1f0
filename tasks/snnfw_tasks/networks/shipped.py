"""The weights that come with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import Field

WEIGHTS = Path(__file__).parents[1] / "weights"

OtherWeights: TypeAlias = Annotated[
    Path | None, Field(description="a .safetensors or .pth file instead of the shipped one")
]


def shipped_weights(name: str) -> Path:
    """Return the file with the weights of this name."""
    return WEIGHTS / f"{name}.safetensors"
