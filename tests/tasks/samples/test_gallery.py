from __future__ import annotations

import io
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from snnfw.simulate import Accuracy
from snnfw.values import Batch, View
from snnfw_tasks.classification.pictures import LOOK as IMAGES
from snnfw_tasks.events.pictures import LOOK as RECORDINGS
from snnfw_tasks.pointcloud.pictures import look_at as look_at_clouds
from snnfw_tasks.samples.answers import (
    MOST_CLASSES,
    MOST_NUMBERS,
    MOST_SAMPLES,
    choose_samples,
    gather_samples,
    likeliest,
    probabilities,
)
from snnfw_tasks.samples.confusions import Confusions
from snnfw_tasks.samples.gallery import ROWS, Look, draw, make_gallery
from snnfw_tasks.speech.pictures import LOOK as CLIPS
from snnfw_tasks.text.pictures import look_at as look_at_texts

LOOKS: dict[str, tuple[Look, tuple[int, ...]]] = {
    "images": (IMAGES, (3, 8, 8)),
    "grey images": (IMAGES, (1, 8, 8)),
    "moving recordings": (RECORDINGS, (5, 2, 8, 8)),
    "summed recordings": (RECORDINGS, (2, 8, 8)),
    "stacked recordings": (RECORDINGS, (6, 8, 8)),
    "other than recordings": (RECORDINGS, (3, 8, 8)),
    "clips": (CLIPS, (1, 400)),
    "clouds": (look_at_clouds(1), (3, 20)),
    "texts": (look_at_texts(lambda position: rf"text {position} is worth $\no$ more " * 20), (7,)),
}


def names(count: int) -> list[str]:
    return [f"class {number}" for number in range(count)]


def logits_of(answers: list[int], classes: int) -> torch.Tensor:
    """Return logits [N, K] whose largest is the answer's."""
    return torch.eye(classes)[torch.tensor(answers)] * 4


def counted(truth: list[int], answers: list[int], classes: int) -> Confusions:
    scorer = Confusions(Accuracy(classes))
    for half in (slice(None, 3), slice(3, None)):
        scorer.update(logits_of(answers[half], classes), torch.tensor(truth[half]))
    return scorer


def view(
    look: tuple[int, ...] = (1, 4, 4), classes: int = 7, timesteps: tuple[int, ...] = (1, 2, 3, 4), wrong: bool = True
) -> View:
    """Return nine samples; the network is wrong about the second, the spiking one about the second and the last."""
    truth = [number % classes for number in range(9)]
    network, said = list(truth), list(truth)
    network[1] = said[1] = (truth[1] + 1) % classes if wrong else truth[1]
    said[8] = (truth[8] + 1) % classes if wrong else truth[8]
    scorer = counted(truth, said, classes)
    batch = Batch((torch.rand(9, *look, generator=torch.Generator().manual_seed(0)),), torch.tensor(truth))
    chosen = choose_samples(batch, logits_of(network, classes), scorer, ROWS)
    spiking = {step: logits_of([said[each] for each in chosen], classes) * step for step in timesteps}
    scores = {step: {"accuracy": 0.5 + step / 100} for step in (2, timesteps[-1])}
    return View(batch, logits_of(network, classes), spiking, {"accuracy": 0.75}, scores, scorer, chosen)


def size(image: bytes) -> tuple[int, int]:
    picture = Image.open(io.BytesIO(image))
    assert np.asarray(picture.convert("RGB")).std() > 10
    return picture.size


@pytest.mark.parametrize("kind", LOOKS)
def test_every_kind_of_sample_is_drawn(kind: str) -> None:
    look, shape = LOOKS[kind]
    samples, confusion = draw(view(shape), names(7), look)
    assert (samples.name, confusion.name) == ("samples", "confusion")
    assert size(samples.image)[0] == 960, "as wide as a page"
    size(confusion.image)


def test_captions_tell_what_is_shown_of_how_many() -> None:
    samples, confusion = draw(view(), names(7), IMAGES)
    assert samples.caption == (
        "6 images: the true class, both answers, and how likely the classes are after each timestep, also where a "
        "sample would leave early. Of all 9 images the two networks answer 1 differently, which stand first. Over "
        "all evaluation images, accuracy: network 75.0%, spiking network 54.0% at T = 4."
    )
    assert confusion.caption == (
        "How often the spiking network gives each true class (rows) each answer (columns), over all 9 evaluation images "
        "at T = 4: 2 of them are wrong."
    )
    seen = view()
    seen.scorer.update(logits_of([0], 7), torch.tensor([0]))
    assert "Of the first 9 evaluation clips the two" in draw(seen, names(7), CLIPS)[0].caption
    assert "answer none differently" in draw(view(wrong=False), names(7), IMAGES)[0].caption


@pytest.mark.parametrize("wrong", [True, False])
def test_of_many_classes_the_errors_alone_are_drawn(wrong: bool) -> None:
    drawn = draw(view(classes=40, wrong=wrong), names(40), IMAGES)
    assert [drawing.name for drawing in drawn] == ["samples", *["confusion"] * wrong]
    if wrong:
        assert drawn[1].caption.startswith(
            "What the spiking network most often takes for what, of 40 classes, over all 9"
        )


@pytest.mark.parametrize("timesteps", [(2,), (1, 2), tuple(range(2, 130, 2))])
def test_any_number_of_timesteps_can_be_drawn(timesteps: tuple[int, ...]) -> None:
    assert size(draw(view(timesteps=timesteps), names(7), IMAGES)[0].image)


def test_names_of_classes_are_drawn_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    save = Figure.savefig

    def look(figure: Figure, *given: Any, **named: Any) -> None:
        texts = [
            text for axes in figure.axes for text in (*axes.texts, *axes.get_xticklabels(), *axes.get_yticklabels())
        ]
        shown.extend(text.get_text() for text in texts if not text.get_parse_math())
        save(figure, *given, **named)

    monkeypatch.setattr(Figure, "savefig", look)
    seen = view()
    seen.scorer.answers[0] = 3  # it left early, when it said something else
    draw(seen, [r"_a$\bad$", "<b>", "$", "x" * 60, *names(3)], IMAGES)
    assert "spiking, left early" in shown
    for name in (r"_a$\bad$", "<b>", "$", "x" * 18 + "…", "x" * 19 + "…"):
        assert name in shown


def test_samples_that_the_networks_tell_apart_come_first_then_errors_then_right_ones_of_many_classes() -> None:
    truth = [0, 0, 0, 1, 2, 2, 1, 1, 0]
    network = [0, 0, 1, 1, 2, 2, 1, 1, 0]
    said = [0, 1, 1, 1, 0, 2, 1, 1, 0]
    batch = Batch((torch.zeros(9, 1),), torch.tensor(truth))
    choose = partial(choose_samples, batch, logits_of(network, 3), counted(truth, said, 3))
    assert choose(6) == [1, 4, 2, 0, 3, 5]
    assert choose(3) == [1, 4, 0], "a third are right"
    assert choose(100) == [1, 4, 2, 0, 3, 5, 6, 8, 7]


def test_as_many_samples_are_looked_at_as_are_small_enough() -> None:
    def gathered(samples: int, numbers: int, batch: int = 16) -> int:
        images = [torch.empty(min(batch, samples - start), numbers) for start in range(0, samples, batch)]
        return len(gather_samples([Batch((each,), torch.zeros(len(each))) for each in images], ROWS).target)

    assert gathered(40, 10) == 40
    assert gathered(MOST_SAMPLES + 5, 1, 512) == MOST_SAMPLES
    assert gathered(40, MOST_NUMBERS // 20) == 20
    assert gathered(40, MOST_NUMBERS) == ROWS
    assert gathered(2, MOST_NUMBERS) == 2


def test_a_gallery_asks_for_every_timestep_of_what_it_chooses() -> None:
    gallery = make_gallery([view().batch], names(7), IMAGES)
    assert gallery.every
    assert gallery.choose is not None
    seen = view()
    assert gallery.choose(gallery.batch(), seen.network, seen.scorer) == seen.chosen


def test_the_truth_and_what_both_say_are_always_drawn_and_each_once() -> None:
    network = torch.tensor([0.1, 0.6, 0.1, 0.1, 0.1, 0.0])
    over_time = torch.tensor([[0.0, 0.0, 0.1, 0.0, 0.9, 0.0], [0.1, 0.1, 0.1, 0.5, 0.1, 0.1]])
    assert likeliest(network, over_time, truth=5) == [5, 1, 3, 4]
    assert likeliest(network, over_time, truth=1) == [1, 3, 4, 0]
    assert len(likeliest(network, over_time, 0)) == MOST_CLASSES
    assert likeliest(network[:2], over_time[:, :2], 0) == [0, 1]


def test_probabilities_add_up() -> None:
    assert torch.allclose(probabilities(torch.randn(4, 5, dtype=torch.float64)).sum(1), torch.ones(4))


def test_errors_are_counted_beside_the_scores() -> None:
    scorer = counted([0, 0, 0, 1, 1], [1, 1, 0, 1, 0], 2)
    assert scorer.compute() == {"accuracy": pytest.approx(0.4)}
    assert scorer.errors() == [(0, 1, 2), (1, 0, 1)]
    assert scorer.counts()[1, 1] == 1
