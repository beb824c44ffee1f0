"""The options that data sets with masks share."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from pathlib import Path  # pydantic resolves the fields' types at run time
from typing import Annotated, ClassVar, TypeAlias

from pydantic import Field

# pydantic resolves these at run time
from snnfw_tasks.samples.options import Deviation, Mean, Size

Skip: TypeAlias = Annotated[
    bool, Field(description="leave out images and masks that cannot be read, instead of stopping")
]
Mirror: TypeAlias = Annotated[bool, Field(description="show half of the training images in a mirror")]


@dataclass(frozen=True, slots=True)
class MaskOptions:
    """Where the files are, how they are prepared and distorted, and what becomes of broken ones."""

    name: ClassVar[str]
    tasks: ClassVar[tuple[str, ...]] = ("segmentation",)

    root: Path
    _: KW_ONLY
    size: Size = None
    mean: Mean = None
    std: Deviation = None
    mirror: Mirror = True
    skip_broken: Skip = False
