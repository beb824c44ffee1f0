from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from snnfw.values import Batch, View
from snnfw_tasks.speech.bundle import pick_varied
from snnfw_tasks.speech.pictures import MOST_CLASSES, SAMPLES, draw, likeliest, probabilities

CLASSES = [f"word {number}" for number in range(7)]


def view(samples: int = 3, timesteps: tuple[int, ...] = (1, 2, 3, 4)) -> View:
    generator = torch.Generator().manual_seed(0)
    waves = torch.rand(samples, 1, 400, generator=generator) - 0.5
    network = torch.randn(samples, 7, generator=generator)
    spiking = {step: torch.randn(samples, 7, generator=generator) for step in timesteps}
    scores = {step: {"accuracy": 0.5 + step / 100, "accuracy_top5": 1.0} for step in (2, timesteps[-1])}
    return View(Batch((waves,), torch.arange(samples)), network, spiking, {"accuracy": 0.75}, scores)


def test_the_picture_is_named_and_its_caption_tells_the_scores() -> None:
    (drawing,) = draw(view(), CLASSES)
    assert drawing.name == "words"
    assert drawing.caption == (
        "A clip, and how likely each class is after so many timesteps: lines are the spiking network's, dashes the "
        "network's own. accuracy over all evaluation clips: network 75.0 %, spiking network 54.0 % at T = 4."
    )
    picture = np.asarray(Image.open(io.BytesIO(drawing.image)).convert("RGB"))
    assert picture.std() > 20


def test_names_of_classes_are_drawn_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    save = Figure.savefig

    def look(figure: Figure, *given: Any, **named: Any) -> None:
        for left, right in zip(figure.axes[::2], figure.axes[1::2], strict=True):
            legend = right.get_legend()
            assert legend is not None
            shown.extend([left.get_title("left"), *(text.get_text().strip() for text in legend.get_texts())])
        save(figure, *given, **named)

    monkeypatch.setattr(Figure, "savefig", look)
    draw(view(1), [r"_a$\bad$", "_silence_", "$", *CLASSES[3:]])
    assert shown[0] == shown[1] == r"_a$\bad$"
    assert len(shown) == 1 + MOST_CLASSES


@pytest.mark.parametrize("timesteps", [(1,), (1, 2), tuple(range(2, 130, 2))])
def test_any_number_of_timesteps_can_be_drawn(timesteps: tuple[int, ...]) -> None:
    (drawing,) = draw(view(1, timesteps), CLASSES)
    assert drawing.image.startswith(b"\x89PNG")


def test_the_truth_and_what_both_say_are_always_drawn_and_each_once() -> None:
    network = torch.tensor([0.1, 0.6, 0.1, 0.1, 0.1, 0.0])
    over_time = torch.tensor([[0.0, 0.0, 0.1, 0.0, 0.9, 0.0], [0.1, 0.1, 0.1, 0.5, 0.1, 0.1]])
    assert likeliest(network, over_time, truth=5) == [5, 1, 3, 4]
    assert likeliest(network, over_time, truth=1) == [1, 3, 4, 0]
    assert len(likeliest(network, over_time, 0)) == MOST_CLASSES
    assert likeliest(network[:2], over_time[:, :2], 0) == [0, 1]


def test_probabilities_add_up() -> None:
    assert torch.allclose(probabilities(torch.randn(4, 5, dtype=torch.float64)).sum(1), torch.ones(4))


def test_clips_of_different_classes_are_shown_first() -> None:
    labels = torch.tensor([2, 2, 0, 2, 1, 0, 0, 0])
    batches = [Batch((torch.arange(8.0),), labels), Batch((torch.zeros(1),), labels[:1])]
    picked = pick_varied(batches)
    assert picked.target.tolist() == [2, 0, 1, 2, 2, 0]
    assert picked.inputs[0].tolist() == [0, 2, 4, 1, 3, 5]
    assert len(picked.target) == SAMPLES
