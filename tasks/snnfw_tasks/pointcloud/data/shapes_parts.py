"""The sixteen categories of ShapeNet-Part and the names of their fifty parts, in the order of their labels."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "airplane": ("body", "wing", "tail", "engine"),
        "bag": ("body", "handle"),
        "cap": ("crown", "visor"),
        "car": ("roof", "hood", "wheel", "body"),
        "chair": ("back", "seat", "leg", "arm"),
        "earphone": ("cup", "band", "wire"),
        "guitar": ("head", "neck", "body"),
        "knife": ("blade", "handle"),
        "lamp": ("base", "shade", "canopy", "pole"),
        "laptop": ("keyboard", "screen"),
        "motorbike": ("tank", "seat", "wheel", "handlebar", "light", "frame"),
        "mug": ("handle", "cup"),
        "pistol": ("barrel", "grip", "trigger"),
        "rocket": ("body", "fin", "nose"),
        "skateboard": ("wheel", "deck", "axle"),
        "table": ("top", "leg", "shelf"),
    }
)
"""There are as many parts as in ShapeNet-Part, which numbers them and doesn't name them: the names are ours."""

CATEGORIES = tuple(PARTS)
