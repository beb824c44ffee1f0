from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import torch
from torch import nn

import snnfw
from given_sources import Foreign, GivenModel
from snnfw.capture.export import capture
from snnfw.contracts import DataSource, ModelSource, Task
from snnfw.errors import SnnfwError
from snnfw.planning.kinds import Kind
from snnfw.planning.placement import place
from snnfw.simulate.run import network_output
from snnfw.values import Bundle, Resources, View
from snnfw_tasks.pointcloud import task as pointcloud
from snnfw_tasks.pointcloud.augment import turn
from snnfw_tasks.pointcloud.models.pointnet import PointNetModel
from snnfw_tasks.pointcloud.pictures import SAMPLES
from snnfw_tasks.pointcloud.sources import Cloud, Clouds, CloudSamples
from snnfw_tasks.pointcloud.task import PointCloud
from snnfw_tasks.samples.confusions import Confusions

if TYPE_CHECKING:
    from collections.abc import Callable

POINTS = 12
PARTS = {"cup": ("handle", "body"), "ball": ("all",), "rod": ("one", "two")}
FIRST = (0, 2, 3)


@dataclass(frozen=True, slots=True)
class Given:
    """Clouds of three categories that differ in their extent along the axes."""

    count: int
    change: Callable[[Cloud], Cloud] = lambda cloud: cloud

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Cloud:
        category = index % 3
        points = torch.randn(POINTS, 3, generator=torch.Generator().manual_seed(index))
        points[:, category] *= 4
        parts = torch.arange(POINTS) % len(PARTS[list(PARTS)[category]]) + FIRST[category]
        return self.change(Cloud(points / points.norm(dim=1).max(), category, parts))


@dataclass(frozen=True, slots=True)
class GivenData:
    name: ClassVar[str] = "given"
    tasks: ClassVar[tuple[str, ...]] = ()
    samples: CloudSamples = Given(24)
    calibration: CloudSamples = Given(8)
    parts: Any = None
    training: int = 9

    def open(self) -> Clouds:
        parts = PARTS if self.parts is None else self.parts
        return Clouds(
            tuple(PARTS), parts, POINTS, lambda: Given(self.training), self.calibration, self.samples, turn=30
        )


TINY = PointNetModel(width=0.1, features=16)


def load(
    head: Any = "cls", model: ModelSource = TINY, data: DataSource | None = None, seed: int = 0, **options: Any
) -> Bundle:
    return PointCloud(**{"head": head, "limit": None, **options}).load(model, data or GivenData(), Resources(seed=seed))


def test_describing_the_task_imports_neither_torch_nor_open3d() -> None:
    code = "import sys, snnfw_tasks.pointcloud; print([m for m in ('torch', 'open3d', 'h5py') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  # our own
    assert ran.stdout.strip() == "[]"


def test_everything_registered_fulfils_its_contract() -> None:
    models = {source.name: source for source in pointcloud.snnfw_register_models()}
    data = {source.name: source for source in pointcloud.snnfw_register_data()}
    assert list(models) == ["pointnet-shapes", "pointnet"]
    assert list(data) == ["shapes", "shapenet-part", "modelnet40", "clouds"]
    assert PointCloud.default_model in models
    assert PointCloud.default_data in data
    assert isinstance(PointCloud(), Task)
    sources: list[Any] = [*models.values(), *data.values()]
    assert all(source.tasks == ("pointcloud",) for source in sources)
    assert PointCloud.defaults == {"timesteps": 16, "search": None, "exit": None}


def test_a_bundle_for_categories_is_complete() -> None:
    bundle = load(calibration=5, batch=3)
    assert bundle.judgement.headline == "accuracy"
    assert bundle.example[0].shape == (2, 3, POINTS)
    assert bundle.model(*bundle.example).shape == (2, 3)
    assert [len(points) for (points,) in bundle.data.calibration] == [3, 2]
    batch = next(iter(bundle.data.evaluation))
    assert batch.target.tolist() == [0, 1, 2]
    assert bundle.judgement.correct is not None
    assert bundle.judgement.correct(torch.eye(3), batch.target).all()
    assert bundle.description["evaluation_samples"] == 24


def test_a_bundle_for_parts_gives_the_category_with_the_points() -> None:
    bundle = load("parts", calibration=5, batch=3)
    assert bundle.judgement.headline == "IoU"
    batch = next(iter(bundle.data.evaluation))
    points, category = batch.inputs
    assert points.shape == (3, 3, POINTS)
    assert category.equal(torch.eye(3))
    assert batch.target[:, 0].tolist() == [0, 1, 2]
    assert batch.target[2, 1:].tolist() == [3, 4] * 6
    assert bundle.model(points, category).shape == (3, 5, POINTS)
    truth = nn.functional.one_hot(batch.target[:, 1:], 5).transpose(1, 2).float()
    scorer = bundle.judgement.scorer()
    scorer.update(truth, batch.target)
    assert set(scorer.compute().values()) == {1.0}
    assert bundle.judgement.correct is not None
    assert bundle.judgement.correct(truth, batch.target).tolist() == [1.0] * 3
    kept = bundle.judgement.target_of(batch.target, torch.tensor([2]))
    assert kept.equal(batch.target[2:])


def test_one_calibration_cloud_is_enough() -> None:
    assert [len(points) for (points,) in load(calibration=1).data.calibration] == [1]


def test_the_seed_draws_calibration_and_never_the_test() -> None:
    first, other = load(limit=6, calibration=4), load(limit=6, calibration=4, seed=1)
    tests = [torch.cat([batch.inputs[0] for batch in bundle.data.evaluation]) for bundle in (first, other)]
    assert tests[0].equal(tests[1])
    drawn = [torch.cat([points for (points,) in bundle.data.calibration]) for bundle in (first, other)]
    assert not drawn[0].equal(drawn[1])


def test_training_turns_clouds_about_the_vertical() -> None:
    bundle = load()
    assert bundle.training is not None
    batch = next(iter(bundle.training.batches(9, 0, 0)))
    output = bundle.model(*batch.inputs)
    expected = torch.nn.functional.cross_entropy(output, batch.target, label_smoothing=0.1)
    assert bundle.training.loss(output, batch.target, 0.1).item() == pytest.approx(expected.item())
    points = torch.randn(2, 3, 7)
    moved = turn(points, 2, 90.0)
    assert moved[:, 2].equal(points[:, 2])
    assert torch.allclose(moved.norm(dim=1), points.norm(dim=1), atol=1e-5)
    assert not torch.allclose(moved, points)
    assert torch.allclose(turn(points, 1, 0.0), points)


def test_products_of_two_streams_stay_analog_and_those_with_static_points_do_not() -> None:
    registry = snnfw.Registry()
    plan = place(
        capture(load().model, load().example), snnfw.resolve(["task=pointcloud", "plugin=adafire"], registry).layers
    )
    products = [fate.kind for fate in plan.fates.values() if fate.operator == "bmm"]
    assert products == [Kind.LINEAR, Kind.ANALOG]
    assert [fate.kind for fate in plan.fates.values() if fate.operator == "amax"] == [Kind.MAXIMUM] * 3
    assert [fate.operator for fate in plan.analog] == ["bmm"]
    assert plan.spiking_share == pytest.approx(0.93, abs=0.02)


def test_pictures_of_parts_show_one_cloud_of_each_category_first() -> None:
    bundle = load("parts")
    assert bundle.gallery is not None
    batch = bundle.gallery.batch()
    categories = batch.target[:, 0]
    assert len(categories) == SAMPLES
    assert set(categories[:3].tolist()) == {0, 1, 2}
    output = bundle.model(*batch.inputs).detach()
    scores = {bundle.judgement.headline: 0.5}
    small = replace(batch, inputs=tuple(t[:2] for t in batch.inputs), target=batch.target[:2])
    (drawing,) = bundle.gallery.draw(View(small, output[:2], {2: -output[:2], 4: output[:2]}, scores, {4: scores}))
    assert drawing.name == "parts"
    assert drawing.image.startswith(b"\x89PNG")
    assert drawing.caption.startswith("2 clouds with the part of each point")
    assert drawing.caption.endswith("network 50.0%, spiking network 50.0% at T = 4.")


def test_pictures_of_categories_are_those_of_any_classifier() -> None:
    bundle = load("cls")
    assert bundle.gallery is not None
    assert bundle.gallery.every
    assert isinstance(bundle.judgement.scorer(), Confusions)
    assert set(bundle.gallery.batch().target.tolist()) >= {0, 1, 2}


def spoiled(change: Callable[[Cloud], Cloud]) -> GivenData:
    return GivenData(samples=Given(3, change))


def with_points(points: torch.Tensor) -> GivenData:
    return spoiled(lambda cloud: cloud._replace(points=points))


SAMPLES_REFUSED: dict[str, tuple[GivenData, str]] = {
    "shape": (with_points(torch.zeros(5, 3)), "cloud 0 of data 'given' (evaluation) has the shape [5, 3] instead of [12, 3]."),
    "NaN": (
        with_points(torch.full((POINTS, 3), torch.nan)),
        "cloud 0 of data 'given' (evaluation) holds NaN or infinity: repair or remove it.",
    ),
    "category": (
        spoiled(lambda cloud: cloud._replace(category=7)),
        "cloud 0 of data 'given' (evaluation) has the category 7, outside the 3 of the data.",
    ),
    "labels that do not match": (
        spoiled(lambda cloud: cloud._replace(parts=torch.zeros(4, dtype=torch.long))),
        "cloud 0 of data 'given' (evaluation) has 4 labels of parts for 12 points: give one for each.",
    ),
    "no labels": (
        spoiled(lambda cloud: cloud._replace(parts=None)),
        "cloud 0 of data 'given' (evaluation) has 0 labels of parts for 12 points: give one for each.",
    ),
    "a part of another category": (
        spoiled(lambda cloud: cloud._replace(parts=torch.full((POINTS,), 4))),
        "cloud 0 of data 'given' (evaluation) has a point of part 4, which is none of 'cup'.",
    ),
    "a part of none": (
        spoiled(lambda cloud: cloud._replace(parts=torch.full((POINTS,), 50))),
        "cloud 0 of data 'given' (evaluation) has a point of part 50, which is none of 'cup'.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SAMPLES_REFUSED)
def test_a_cloud_that_does_not_fit_is_named(case: str) -> None:
    data, message = SAMPLES_REFUSED[case]
    bundle = load("parts", data=data)
    with pytest.raises(SnnfwError) as raised:
        list(bundle.data.evaluation)
    assert str(raised.value) == message


class Flat(nn.Module):
    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(3, outputs)

    def forward(self, points: torch.Tensor, *category: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.linear(points.transpose(1, 2)).transpose(1, 2)
        return scores if category else scores.amax(2)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "a model without build": (
        lambda: load(model=Foreign()),  # type: ignore[arg-type]  # that is the point
        "model 'foreign' has no build, which task 'pointcloud' asks for: see snnfw_tasks.pointcloud.sources.PointNetwork.",
    ),
    "data without clouds": (
        lambda: load(data=Foreign()),  # type: ignore[arg-type]  # that is the point
        "data set 'foreign' has no open, which task 'pointcloud' asks for: see snnfw_tasks.pointcloud.sources.CloudData.",
    ),
    "data without parts": (
        lambda: load("parts", data=GivenData(parts={})),
        "task.head=parts needs points with parts, and data 'given' has none: choose data=shapes or data=shapenet-part, or leave task.head out.",
    ),
    "too little to calibrate with": (
        lambda: load(data=GivenData(calibration=Given(1))),
        "data 'given' has 1 calibration clouds, 2 or more are needed.",
    ),
    "nothing to test on": (
        lambda: load(data=GivenData(samples=Given(0))),
        "data 'given' has 0 evaluation clouds, 1 or more are needed.",
    ),
    "nothing to train on": (
        lambda: load(data=GivenData(training=1)).training.batches(2, 0, 0),  # type: ignore[union-attr]
        "data 'given' has 1 training clouds, 2 or more are needed.",
    ),
    "other categories": (
        lambda: load(model=GivenModel(Flat(7))),
        "model 'given' does not fit data 'given': it has 7 outputs and the data 3 classes; choose weights that were trained on these classes.",
    ),
    "other parts": (
        lambda: load("parts", model=GivenModel(Flat(7))),
        "model 'given' does not fit data 'given': it has 7 outputs and the data 5 classes; choose weights that were trained on these classes.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_in_one_sentence(case: str) -> None:
    call, message = REFUSED[case]
    with pytest.raises(SnnfwError) as raised:
        call()
    assert str(raised.value) == message


def test_a_network_that_knows_no_heads_serves_both() -> None:
    assert load(model=GivenModel(Flat(3))).model(torch.zeros(2, 3, 4)).shape == (2, 3)
    assert load("parts", model=GivenModel(Flat(5))).judgement.headline == "IoU"


@pytest.mark.parametrize("head", ["cls", "parts"])
def test_the_captured_network_is_the_network(head: str) -> None:
    bundle = load(head)
    graph = capture(bundle.model, bundle.example)
    batch = next(iter(bundle.data.evaluation))
    assert torch.allclose(network_output(graph, batch.inputs, None), bundle.model(*batch.inputs), atol=1e-5)
