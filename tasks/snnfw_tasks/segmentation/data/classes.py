"""The classes of PASCAL VOC, and what COCO calls them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_VOC = (
    "background aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person "
    "pottedplant sheep sofa train tvmonitor"
)
VOC_CLASSES = tuple(_VOC.split())
"""What the masks' labels 0 to 20 are."""

COCO_AS_VOC: Mapping[str, str] = MappingProxyType(
    {
        **{name: name for name in VOC_CLASSES},
        "airplane": "aeroplane",
        "dining table": "diningtable",
        "motorcycle": "motorbike",
        "potted plant": "pottedplant",
        "couch": "sofa",
        "tv": "tvmonitor",
    }
)
"""COCO's names of the classes that VOC has too."""
