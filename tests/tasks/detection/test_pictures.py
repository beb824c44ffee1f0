from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image

from snnfw.values import Batch, View
from snnfw_tasks.detection.batches import Truth
from snnfw_tasks.detection.pictures import class_colour, draw


def view(samples: int, timesteps: tuple[int, ...], classes: int = 3) -> View:
    output = torch.zeros(samples, 4 + classes, 5)
    output[:, :4, 0] = torch.tensor([32.0, 32.0, 20.0, 20.0])
    output[:, 4 + classes - 1, 0] = 0.9
    truth = Truth(torch.tensor([1.0]), torch.tensor([[0.5, 0.5, 0.3, 0.3]]), (64, 64), (64, 64), None, "a.jpg")
    return View(
        batch=Batch((torch.full((samples, 3, 64, 64), 0.5),), (truth,) * samples),
        network=output,
        spiking=dict.fromkeys(timesteps, output),
        network_scores={"mAP50": 0.912, "mAP50-95": 0.7},
        scores={timestep: {"mAP50": timestep / 20, "mAP50-95": 0.1} for timestep in timesteps},
    )


def pixels(made: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(made)).convert("RGB")).astype(int)


def test_the_picture_has_a_row_per_image_and_a_column_per_output() -> None:
    sizes = {}
    for samples, timesteps in ((1, (8,)), (3, (4, 8, 16))):
        (drawing,) = draw(view(samples, timesteps), ("a", "b", "c"), end2end=False)
        sizes[samples] = pixels(drawing.image).shape[:2]
    assert sizes[3][0] > 2 * sizes[1][0]
    assert sizes[3][1] > 1.5 * sizes[1][1]


def test_boxes_have_their_classes_colours() -> None:
    (drawing,) = draw(view(1, (8,)), ("a", "b", "c"), end2end=False)
    image = pixels(drawing.image)

    def where(label: int) -> set[int]:
        """Return in which thirds of the width a class's colour is seen."""
        colour = np.round(np.array(class_colour(label)) * 255)
        columns = np.nonzero((np.abs(image - colour) < 3).all(2))[1]
        return set((columns * 3 // image.shape[1]).tolist())

    assert where(1) == {0}  # the truth's
    assert where(2) == {1, 2}  # what both networks see
    assert where(0) == set()


def test_the_caption_says_what_was_scored() -> None:
    (drawing,) = draw(view(1, (4, 8)), ("a", "b", "c"), end2end=False)
    assert drawing.name == "detections"
    assert drawing.caption == (
        "Boxes with a score of 0.25 or more. mAP50 over all evaluation images: network 91.2 %, "
        "spiking network 40.0 % at T = 8."
    )


def test_many_classes_have_colours_too() -> None:
    assert len({class_colour(label) for label in range(30)}) == 30
    assert class_colour(79) == class_colour(79)
