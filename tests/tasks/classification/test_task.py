from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import nn

from given_sources import Foreign, GivenModel
from snnfw.contracts import DataSource, ModelSource, Task
from snnfw.errors import SnnfwError
from snnfw.values import Bundle, Resources
from snnfw_tasks.classification import task as classification
from snnfw_tasks.classification.data.digits import Digits
from snnfw_tasks.classification.models.digits import DigitsResNet20, DigitsVgg
from snnfw_tasks.classification.task import Classification
from snnfw_tasks.networks.torchvision_zoo import TorchvisionModel
from snnfw_tasks.samples.labelled import LabelledData, Preprocess

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Given:
    """Samples made in a test."""

    items: Sequence[tuple[Tensor, int]]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.items[index]


def samples(count: int, shape: tuple[int, ...] = (1, 8, 8), label: int = 0) -> Given:
    return Given([(torch.full(shape, float(index)), label) for index in range(count)])


@dataclass(frozen=True, slots=True)
class GivenData:
    name: ClassVar[str] = "given"
    tasks: ClassVar[tuple[str, ...]] = ()
    calibration: Given = field(default_factory=lambda: samples(4))
    evaluation: Given = field(default_factory=lambda: samples(4))
    classes: tuple[str, ...] = tuple("0123456789")

    def open(self, preprocess: Preprocess | None) -> LabelledData:
        return LabelledData(self.classes, (1, 8, 8), self.calibration, self.calibration, self.evaluation)


class Returning(nn.Module):
    """A network that returns whatever a test wants."""

    def __init__(self, output: Any) -> None:
        super().__init__()
        self.output = output

    def forward(self, x: Tensor) -> Any:
        return self.output


def load(model: ModelSource | None = None, data: DataSource | None = None, **options: Any) -> Bundle:
    return Classification(**options).load(
        model or GivenModel(nn.Sequential(nn.Flatten(), nn.Linear(64, 10))), data or Digits(), Resources()
    )


def test_describing_the_task_imports_nothing_heavy() -> None:
    heavy = ("torch", "torchvision", "sklearn", "timm", "lightning", "numpy", "PIL")
    code = (
        "import sys, snnfw_tasks.classification.task as c;"
        "[hook() for hook in (c.snnfw_register_tasks, c.snnfw_register_models, c.snnfw_register_data)];"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  # our own words
    assert done.stdout.strip() == "[]"


def test_everything_registered_fulfils_its_contract() -> None:
    models = {source.name: source for source in classification.snnfw_register_models()}
    data = {source.name: source for source in classification.snnfw_register_data()}
    small = ["cifar-resnet", "cifar-resnet18", "resnet19", "resnet20", "vgg16"]
    assert list(models) == ["digits-resnet20", "digits-vgg", *small, "torchvision", "timm", "callable"]
    assert list(data) == ["digits", "cifar10", "cifar100", "imagenet", "folder"]
    assert Classification.default_model in models
    assert Classification.default_data in data
    assert isinstance(Classification(), Task)
    assert isinstance(DigitsVgg(), ModelSource)
    assert isinstance(Digits(), DataSource)


def test_the_default_bundle_is_complete() -> None:
    bundle = load(DigitsResNet20())
    assert bundle.judgement.headline == "accuracy"
    assert bundle.example[0].shape == (2, 1, 8, 8)
    assert not bundle.model.training
    assert sum(len(inputs[0]) for inputs in bundle.data.calibration) == 256
    assert sum(len(batch.target) for batch in bundle.data.evaluation) == 597
    assert len(bundle.data.evaluation) == len(list(bundle.data.evaluation)) == 5
    assert bundle.description == {
        "classes": list("0123456789"),
        "sample_shape": [1, 8, 8],
        "calibration_samples": 256,
        "evaluation_samples": 597,
        "parameters": 272186,
        "preprocess": {
            "resize": 8,
            "crop": 8,
            "mean": (0.305,),
            "std": (0.376,),
            "interpolation": "bilinear",
            "squash": False,
        },
    }


def test_scoring_the_evaluation_batches_gives_the_networks_accuracy() -> None:
    bundle = load(DigitsVgg(), limit=64, batch=16)
    scorer = bundle.judgement.scorer()
    right: list[Tensor] = []
    with torch.no_grad():
        for batch in bundle.data.evaluation:
            output = bundle.model(*batch.inputs).roll(int(len(right) == 1), 1)  # one batch is mistaken
            scorer.update(output, batch.target)
            right.append(output.argmax(1) == batch.target)
    assert scorer.compute()["accuracy"] == torch.cat(right).float().mean() == 0.75
    assert set(scorer.compute()) == {"accuracy", "accuracy_top5"}


def test_batches_can_be_iterated_again_and_keep_their_order() -> None:
    bundle = load(batch=100)
    first, second = (torch.cat([batch.target for batch in bundle.data.evaluation]) for _ in range(2))
    assert first.equal(second)


def test_the_seed_draws_the_calibration_samples_but_not_the_limited_test_samples() -> None:
    task, model = Classification(calibration=32, limit=20), DigitsVgg()
    one, other = (task.load(model, Digits(), Resources(seed=seed)) for seed in (0, 1))
    again = task.load(model, Digits(), Resources(seed=0))
    (drawn,), (drawn_other,), (drawn_again,) = (next(iter(bundle.data.calibration)) for bundle in (one, other, again))
    assert len(drawn) == 32
    assert drawn.equal(drawn_again)
    assert not drawn.equal(drawn_other)
    tested, tested_other = (next(iter(bundle.data.evaluation)).target for bundle in (one, other))
    assert len(tested) == 20
    assert tested.equal(tested_other)


def test_asking_for_more_samples_than_there_are_takes_all() -> None:
    bundle = load(calibration=10_000, limit=10_000)
    assert bundle.description["calibration_samples"] == 256
    assert bundle.description["evaluation_samples"] == 597


def test_loading_leaves_torchs_random_numbers_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    bundle = load(TorchvisionModel("squeezenet1_1"), GivenColour())
    list(bundle.data.calibration)
    assert torch.rand(3).equal(expected)


@dataclass(frozen=True, slots=True)
class GivenColour:
    name: ClassVar[str] = "colour"
    tasks: ClassVar[tuple[str, ...]] = ()

    def open(self, preprocess: Preprocess | None) -> LabelledData:
        images = samples(4, (3, 32, 32))
        return LabelledData(("a", "b"), (3, 32, 32), images, images, images)


def test_a_target_follows_the_samples_that_stay() -> None:
    bundle = load()
    target = next(iter(bundle.data.evaluation)).target
    assert bundle.judgement.target_of(target, torch.tensor([2, 5])).tolist() == [target[2], target[5]]


@pytest.mark.parametrize("option", ["batch", "calibration", "limit"])
def test_counts_below_one_are_refused(option: str) -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        TypeAdapter(Classification).validate_python({option: 0})


NAN = Given([(torch.full((1, 8, 8), torch.nan), 0)] * 3)

MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "a foreign model": (
        {"model": Foreign()},
        "model 'foreign' has no preprocess, which task 'classification' asks for: see snnfw_tasks.samples.labelled.ClassifierSource.",
    ),
    "foreign data": (
        {"data": Foreign()},
        "data set 'foreign' has no open, which task 'classification' asks for: see snnfw_tasks.samples.labelled.ClassifierData.",
    ),
    "too few calibration samples": (
        {"data": GivenData(calibration=samples(1))},
        "data 'given' has 1 calibration samples, 2 or more are needed.",
    ),
    "no test samples": (
        {"data": GivenData(evaluation=samples(0))},
        "data 'given' has 0 evaluation samples, 1 or more are needed.",
    ),
    "NaN in calibration data": (
        {"data": GivenData(calibration=NAN)},
        "calibration data holds NaN or infinity: repair or remove sample 2 of data 'given'.",
    ),
    "an image of another shape": (
        {"data": GivenData(calibration=samples(2, (1, 9, 8)))},
        "sample 0 of data 'given' (calibration) has the shape [1, 9, 8], "
        "but the data set's samples have the shape [1, 8, 8].",
    ),
    "other channels": (
        {"model": TorchvisionModel("squeezenet1_1")},
        "model 'torchvision' does not fit data 'digits': layer 'features.0' expects 3 channels and gets 1 "
        "from samples of shape [1, 8, 8]. This data is the task's own: give the network's, data=NAME data.root=FOLDER.",
    ),
    "another number of classes": (
        {"model": DigitsVgg(), "data": GivenData(classes=("a", "b"))},
        "model 'digits-vgg' does not fit data 'given': it has 10 outputs and the data 2 classes; "
        "choose weights that were trained on these classes.",
    ),
    "an output that is no tensor": (
        {"model": GivenModel(Returning({}))},
        "the network returns a dict: a classifier returns one tensor of logits [N, K].",
    ),
    "an output of another rank": (
        {"model": GivenModel(Returning(torch.zeros(2, 10, 4)))},
        "the network returns a tensor of shape [2, 10, 4]: a classifier returns one tensor of logits [N, K].",
    ),
    "NaN in the weights": (
        {"model": GivenModel(nn.PReLU(init=float("nan")))},
        "parameter 'weight' of model 'given' holds NaN or infinity: use other weights.",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_sentence(mistake: str) -> None:
    options, message = MISTAKES[mistake]
    with pytest.raises(SnnfwError) as caught:
        load(**options)
    assert str(caught.value) == message


def test_a_label_outside_the_networks_classes_is_refused_when_it_is_met() -> None:
    bundle = load(data=GivenData(evaluation=samples(3, label=10)))
    with pytest.raises(SnnfwError) as caught:
        list(bundle.data.evaluation)
    assert str(caught.value) == (
        "sample 0 of data 'given' (evaluation) has the label 10, outside the network's 10 classes (0 to 9)."
    )
