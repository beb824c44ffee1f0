"""Draw an image as it is."""

from __future__ import annotations

from snnfw_tasks.samples.drawing import sketch_image
from snnfw_tasks.samples.gallery import Look

LOOK = Look(sketch_image, 0.8, "images")
