from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from snnfw.values import Batch, View
from snnfw_tasks.samples.labelled import Preprocess
from snnfw_tasks.segmentation.pictures import draw, find_padding, label_colour, predict_labels, undo_normalisation

PREPARE = Preprocess(resize=8, crop=8, mean=(0.5, 0.4, 0.3), std=(0.25, 0.2, 0.1))


def view(samples: int = 3, classes: int = 4) -> View:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(samples, 3, 8, 8, generator=generator)
    labels = torch.randint(classes, (samples, 8, 8), generator=generator)
    labels[:, 6:] = 255
    output = torch.randn(samples, classes, 4, 4, generator=generator)
    scores = {"mIoU": 0.75, "pixel accuracy": 0.9}
    spiking = {"mIoU": 0.625, "pixel accuracy": 0.8}
    return View(
        Batch((images,), labels), {"out": output}, {2: output, 8: output}, scores, {2: {"mIoU": 0.5}, 8: spiking}
    )


def test_the_picture_is_named_and_its_caption_tells_the_scores() -> None:
    (drawing,) = draw(view(), ("a", "b", "c", "d"), PREPARE)

    assert drawing.name == "segments"
    assert drawing.caption == (
        "3 images and the class of every pixel: the true one, and what both networks say. The last column is black where "
        "they say different things, 0.0% of these pixels. Over all evaluation images, mIoU: network 75.0%, spiking "
        "network 62.5% at T = 8."
    )
    picture = np.asarray(Image.open(io.BytesIO(drawing.image)).convert("RGB"))
    assert picture.std() > 20
    height, width, _ = picture.shape
    assert width > height > 500, "five columns, three rows and a legend"


def test_pictures_show_as_many_classes_as_there_is_room_for() -> None:
    (drawing,) = draw(view(classes=60), [f"class {number}" for number in range(60)], PREPARE)

    assert drawing.image.startswith(b"\x89PNG")


def test_images_are_shown_as_they_were_before_normalisation() -> None:
    colours = torch.tensor([0.1, 0.9, 0.35]).view(1, 3, 1, 1).expand(2, 3, 4, 4)
    mean, deviation = (torch.tensor(values).view(3, 1, 1) for values in (PREPARE.mean, PREPARE.std))

    assert torch.allclose(undo_normalisation((colours - mean) / deviation, PREPARE), colours)


def test_answers_stop_where_the_image_does() -> None:
    truth = torch.zeros(1, 4, 4, dtype=torch.long)
    truth[0, 0, 0], truth[0, 3], truth[0, :, 3] = 255, 255, 255

    assert find_padding(truth)[0].int().tolist() == [[0, 0, 0, 1]] * 3 + [[1, 1, 1, 1]]
    assert predict_labels(torch.zeros(1, 2, 4, 4), truth).unique().tolist() == [0, 255]


@pytest.mark.parametrize("classes", [11, 21, 91])
def test_neighbouring_classes_have_colours_of_their_own(classes: int) -> None:
    assert len({label_colour(label) for label in (*range(classes), 255)}) == classes + 1
