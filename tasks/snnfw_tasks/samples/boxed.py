"""Images with boxes, as ultralytics takes them, and how it distorts them to train on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

from pydantic import Field

if TYPE_CHECKING:
    from collections.abc import Callable

Chance: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Share: TypeAlias = Annotated[float, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Ultralytics' augmentation by its own names and with its own defaults; training images alone are distorted.

    ``mosaic`` (four images in one), ``mixup``, ``cutmix``, ``fliplr`` and ``flipud`` are probabilities; ``hsv_h``,
    ``hsv_s`` and ``hsv_v`` the largest changes of colour, ``translate`` and ``scale`` shares of the image, ``degrees``
    and ``shear`` angles.
    """

    mosaic: Chance = 1.0
    mixup: Chance = 0.0
    cutmix: Chance = 0.0
    hsv_h: Chance = 0.015
    hsv_s: Chance = 0.7
    hsv_v: Chance = 0.4
    degrees: Annotated[float, Field(ge=0, le=180)] = 0.0
    translate: Chance = 0.1
    scale: Share = 0.5
    shear: Share = 0.0
    perspective: Annotated[float, Field(ge=0, le=0.001)] = 0.0
    flipud: Chance = 0.0
    fliplr: Chance = 0.5


@dataclass(frozen=True, slots=True)
class Splits:
    """Images with boxes: folders or lists of images, as ultralytics takes them, with the labels beside them.

    ``calibration`` shares nothing with ``evaluation``. Without ``side`` images get the side the network was made for.
    ``place`` is where the user's own images are, of which is told what was read. ``training`` makes the training
    images ready, distorted by ``augment``, and says where they are; nothing is trained without.
    """

    names: tuple[str, ...]
    calibration: tuple[Path, ...]
    evaluation: tuple[Path, ...]
    evaluation_split: str
    side: int | None = None
    skip_broken: bool = False
    place: Path | None = None
    training: Callable[[], tuple[Path, ...]] | None = None
    augment: Augmentation = Augmentation()  # frozen
