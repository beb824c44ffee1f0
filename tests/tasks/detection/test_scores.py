from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn

from snnfw.capture.export import capture
from snnfw.errors import SnnfwError
from snnfw.values import Resources
from snnfw_tasks.detection.batches import Truth, batch_images
from snnfw_tasks.detection.bundle import choose_first, open_split
from snnfw_tasks.detection.data.yolo import Yolo
from snnfw_tasks.detection.models.networks import prepare_for_capture
from snnfw_tasks.detection.models.scenes import SIDE, build_embedded
from snnfw_tasks.detection.scores import MeanAveragePrecision
from snnfw_tasks.samples.batches import as_batch
from snnfw_tasks.scenes.files import scenes_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from snnfw.capture.graph import Graph
    from snnfw.values import Batch, Output

COUNT = 24


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield scenes_folder("train", "test", counts={"train": 2, "test": COUNT}) / "data.yaml"


@pytest.fixture(scope="module")
def graph() -> Graph:
    network = prepare_for_capture(build_embedded("scenes-yolo-relu", None).network)
    return capture(network, (torch.rand(2, 3, SIDE, SIDE),))


@pytest.fixture(scope="module")
def seen(file: Path, graph: Graph) -> list[tuple[Output, Batch]]:
    """Return the outputs for all images, in batches of ten."""
    splits = Yolo(file=file, split="test").open()
    images, _ = open_split(
        splits, SIDE, splits.evaluation, lambda files: choose_first(files, None), "test", Resources()
    )
    with torch.no_grad():
        return [(graph(*item.inputs), item) for item in batch_images(images, 10, 0, as_batch)]


def scored(seen: list[tuple[Output, Batch]]) -> dict[str, float]:
    scorer = MeanAveragePrecision(tuple("0123456789"), end2end=False, most=6)
    for output, item in seen:
        scorer.update(output, item.target)
    return scorer.compute()


class Wrapped(nn.Module):
    """What ultralytics' validator asks of a network."""

    def __init__(self, graph: Any) -> None:
        super().__init__()
        self.graph, self.names, self.stride = graph, dict(enumerate("0123456789")), torch.tensor([8.0, 16.0])

    def forward(self, images: Tensor) -> Output:
        return self.graph(images)


def test_scores_are_those_of_ultralytics_own_validator_to_the_last_digit(
    file: Path, graph: Graph, seen: list[tuple[Output, Batch]], tmp_path: Path
) -> None:
    from ultralytics.models.yolo.detect import DetectionValidator

    words = {"model": "snn", "data": str(file), "split": "test", "imgsz": SIDE, "batch": 10, "device": "cpu"}
    quiet = {"rect": False, "plots": False, "verbose": False, "workers": 0, "project": str(tmp_path), "name": "own"}
    own = DetectionValidator(args={**words, **quiet})(model=Wrapped(graph))
    found = scored(seen)
    assert found["mAP50"] > 0.5
    assert found == {"mAP50": own["metrics/mAP50(B)"], "mAP50-95": own["metrics/mAP50-95(B)"]}


def test_ultralytics_time_limit_leaves_no_image_out(
    seen: list[tuple[Output, Batch]], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = scored(seen)
    clock = iter(range(0, 10**6, 60))
    monkeypatch.setattr(time, "time", lambda: next(clock))  # a minute passes between any two looks at it
    assert scored(seen) == expected


def test_each_scorer_begins_anew(seen: list[tuple[Output, Batch]]) -> None:
    assert scored(seen) == scored(seen)
    assert scored(seen[:1]) != scored(seen)


def test_an_output_with_nan_is_an_error() -> None:
    scorer = MeanAveragePrecision(("a",), end2end=False, most=1)
    truth = Truth(torch.zeros(1), torch.full((1, 4), 0.5), (32, 32), (32, 32), None, "a.jpg")
    with pytest.raises(SnnfwError) as raised:
        scorer.update(torch.full((1, 5, 7), torch.nan), (truth,))
    assert str(raised.value) == (
        "the detector's output holds NaN, so no box can be chosen: check the network's weights."
    )


def test_a_perfect_detector_scores_one() -> None:
    scorer = MeanAveragePrecision(("a", "b"), end2end=False, most=1)
    truth = Truth(torch.ones(1), torch.tensor([[0.5, 0.5, 0.25, 0.25]]), (32, 32), (32, 32), None, "a.jpg")
    output = torch.zeros(1, 6, 7)
    output[0, :4, 3], output[0, 5, 3] = torch.tensor([16.0, 16.0, 8.0, 8.0]), 0.8
    scorer.update(output, (truth,))
    # what ultralytics' interpolation makes of 1
    assert scorer.compute() == {"mAP50": pytest.approx(0.995), "mAP50-95": pytest.approx(0.995)}
