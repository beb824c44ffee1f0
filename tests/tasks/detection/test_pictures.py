from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image

from snnfw.values import Batch, View
from snnfw_tasks.detection.batches import Truth
from snnfw_tasks.detection.pictures import draw, place_label
from snnfw_tasks.samples.palette import class_colour


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


def test_an_image_is_drawn_once_beside_what_both_networks_see_in_it() -> None:
    (one,), (three,) = (draw(view(*given), ("a", "b", "c"), end2end=False) for given in ((1, (8,)), (3, (4, 8, 16))))
    assert pixels(three.image).shape[0] > 2 * pixels(one.image).shape[0]
    image = pixels(one.image)
    grey = np.nonzero((np.abs(image - 128) < 3).all(2))[1]
    first = int((grey < image.shape[1] / 3).sum())
    assert first > 10_000, "in the first of three columns"
    assert len(grey) - first < 100


def test_boxes_have_their_classes_colours() -> None:
    (drawing,) = draw(view(1, (8,)), ("a", "b", "c"), end2end=False)
    image = pixels(drawing.image)

    def where(label: int) -> set[int]:
        """Return in which thirds of the width a class's colour is seen."""
        colour = np.round(np.array(class_colour(label)) * 255)
        columns = np.nonzero((np.abs(image[: -len(image) // 6] - colour) < 3).all(2))[1]  # above the legend
        return set((columns * 3 // image.shape[1]).tolist())

    assert where(1) == {0}  # the truth's
    assert where(2) == {1, 2}  # what both networks see
    assert where(0) == set()


def test_the_caption_says_what_was_scored() -> None:
    (drawing,) = draw(view(1, (4, 8)), ("a", "b", "c"), end2end=False)
    assert drawing.name == "detections"
    assert drawing.caption == (
        "1 image with their true boxes, and the boxes that both networks see in them with a score of 0.25 or more; "
        "dashed ones are no true box of their class (IoU below 0.5). Over all evaluation images, mAP50: network 91.2%, "
        "spiking network 40.0% at T = 8."
    )


def test_labels_stand_over_no_other_label_and_within_the_image() -> None:
    image, size = (64.0, 64.0), (30.0, 10.0)
    taken: list[tuple[float, float, float, float]] = []
    for _ in range(12):
        place = place_label((20.0, 20.0, 40.0, 40.0), size, taken, image)
        if place is None:
            break
        x, y = place
        assert 0 <= x <= image[0] - size[0]
        assert 0 <= y <= image[1] - size[1]
        assert all(x >= to or x + 30 <= left or y >= bottom or y + 10 <= top for left, top, to, bottom in taken)
        taken.append((x, y, x + size[0], y + size[1]))
    assert 4 <= len(taken) < 12
    assert place_label((0.0, 0.0, 9.0, 9.0), (80.0, 10.0), [], image) is None, "wider than the image"
