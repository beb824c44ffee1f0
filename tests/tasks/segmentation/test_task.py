from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from given_sources import Foreign, GivenModel
from masked_files import write_voc
from snnfw.capture.export import capture
from snnfw.contracts import DataSource, ModelSource, Task
from snnfw.errors import SnnfwError
from snnfw.values import Bundle, Resources
from snnfw_tasks.samples.labelled import Preprocess
from snnfw_tasks.samples.masked import MaskedSplits
from snnfw_tasks.segmentation import task as segmentation
from snnfw_tasks.segmentation.bundle import mirror_randomly
from snnfw_tasks.segmentation.data.voc import Voc
from snnfw_tasks.segmentation.task import Segmentation

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

CLASSES = ("background", "left", "right")
PREPARE = Preprocess(resize=8, crop=8, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))


@dataclass(frozen=True, slots=True)
class Given:
    """Images whose brightness is their number, with a label in each half."""

    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        labels = torch.ones(8, 8, dtype=torch.long)
        labels[:, 4:], labels[0, 0] = 2, 255
        return torch.full((3, 8, 8), float(index)), labels


@dataclass(frozen=True, slots=True)
class GivenData:
    name: ClassVar[str] = "given"
    tasks: ClassVar[tuple[str, ...]] = ()
    classes: tuple[str, ...] = CLASSES
    calibration: int = 4
    evaluation: int = 6
    training: int = 5
    mirror: bool = False

    def open(self, preprocess: Preprocess | None) -> MaskedSplits:
        samples = partial(Given, self.training), Given(self.calibration), Given(self.evaluation)
        return MaskedSplits(self.classes, preprocess or PREPARE, *samples, self.mirror)


@dataclass(frozen=True, slots=True)
class OneData:
    """A data set whose samples are all the same one."""

    name: ClassVar[str] = "given"
    tasks: ClassVar[tuple[str, ...]] = ()
    image: Tensor
    labels: Tensor

    def open(self, preprocess: Preprocess | None) -> MaskedSplits:
        samples = [(self.image, self.labels)] * 3
        return MaskedSplits(CLASSES, PREPARE, lambda: samples, samples, samples)


def network(classes: int = 3, stride: int = 1, channels: int = 3) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(channels, 4, 3, stride, 1), nn.ReLU(), nn.Conv2d(4, classes, 1))


class AsDict(nn.Module):
    """Return what torchvision's networks return."""

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.inside = inside

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"out": self.inside(x)}


def load(module: nn.Module | None = None, data: DataSource | None = None, **options: Any) -> Bundle:
    return Segmentation(**options).load(GivenModel(module or network()), data or GivenData(), Resources())


def test_describing_the_task_imports_nothing_heavy() -> None:
    heavy = ("torch", "torchvision", "sklearn", "lightning", "numpy", "PIL", "ultralytics")
    code = (
        "import sys, snnfw_tasks.segmentation.task as s;"
        "[hook() for hook in (s.snnfw_register_tasks, s.snnfw_register_models, s.snnfw_register_data)];"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  # our own words
    assert done.stdout.strip() == "[]"


def test_everything_registered_fulfils_its_contract() -> None:
    models = {source.name: source for source in segmentation.snnfw_register_models()}
    data = {source.name: source for source in segmentation.snnfw_register_data()}
    assert list(models) == ["scenes-fcn"]
    assert list(data) == ["voc", "coco", "masks"]
    assert Segmentation.default_model in models
    assert Segmentation.default_data == "scenes"
    assert isinstance(Segmentation(), Task)
    assert isinstance(models["scenes-fcn"](), ModelSource)


def test_the_bundle_is_complete() -> None:
    bundle = load(batch=4, calibration=3)
    assert bundle.judgement.headline == "mIoU"
    assert bundle.example[0].shape == (2, 3, 8, 8)
    assert [len(inputs[0]) for inputs in bundle.data.calibration] == [3]
    assert bundle.data.tuning is not None
    assert [batch.target.shape for batch in bundle.data.tuning] == [(3, 8, 8)]
    assert [len(batch.target) for batch in bundle.data.evaluation] == [4, 2]
    assert bundle.description == {
        "classes": list(CLASSES),
        "sample_shape": [3, 8, 8],
        "calibration_samples": 3,
        "evaluation_samples": 6,
        "parameters": 127,
    }


@pytest.mark.parametrize("module", [network(), AsDict(network())])
def test_networks_return_a_tensor_or_torchvisions_dict(module: nn.Module) -> None:
    bundle = load(module)
    graph = capture(bundle.model, bundle.example)
    scorer = bundle.judgement.scorer()
    (batch,) = bundle.data.evaluation
    with torch.no_grad():
        output = graph(*batch.inputs)
        scorer.update(output, batch.target)
    assert bundle.judgement.logits is not None
    assert bundle.judgement.correct is not None
    assert bundle.judgement.distance is not None
    assert bundle.judgement.logits(output).shape == (6, 3, 8, 8)
    scores = scorer.compute()
    assert bundle.judgement.correct(output, batch.target).mean().item() == pytest.approx(scores["pixel accuracy"])
    assert bundle.judgement.distance(output, output).tolist() == [0.0] * 6


def test_coarse_networks_are_scored_at_the_labels_size() -> None:
    bundle = load(network(stride=2))
    (batch,) = bundle.data.evaluation
    scorer = bundle.judgement.scorer()
    output = bundle.model(*batch.inputs)
    scorer.update(output, batch.target)
    at_size = F.interpolate(output, batch.target.shape[1:], mode="bilinear", align_corners=False).argmax(1)
    valid = batch.target != 255
    right = (at_size == batch.target)[valid].float().mean().item()
    assert scorer.compute()["pixel accuracy"] == pytest.approx(right)


def test_one_calibration_image_is_enough() -> None:
    assert [len(inputs[0]) for inputs in load(calibration=1).data.calibration] == [1]


def test_the_limit_draws_the_same_samples_whatever_the_seed() -> None:
    task, model = Segmentation(calibration=2, limit=3), GivenModel(network())
    one, other = (task.load(model, GivenData(calibration=40), Resources(seed=seed)) for seed in (0, 1))
    tested, tested_other = (next(iter(bundle.data.evaluation)).inputs[0] for bundle in (one, other))
    (drawn,), (drawn_other,) = (next(iter(bundle.data.calibration)) for bundle in (one, other))
    assert len(tested) == 3
    assert tested.equal(tested_other)
    assert not drawn.equal(drawn_other)


def test_training_batches_are_shuffled_and_can_be_learnt_from() -> None:
    bundle = load(data=GivenData(training=8))
    assert bundle.training is not None
    assert bundle.training.loss is not None
    (batch,) = bundle.training.batches(8, 0, 0)
    (same,) = bundle.training.batches(8, 0, 0)
    assert batch.inputs[0].equal(same.inputs[0])
    assert batch.inputs[0][:, 0, 0, 0].tolist() != list(range(8))
    optimizer = torch.optim.Adam(bundle.model.parameters(), lr=0.05)
    losses = []
    for _ in range(20):
        loss = bundle.training.loss(bundle.model(*batch.inputs), batch.target, 0.0)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.7 * losses[0]


def test_images_are_mirrored_with_their_labels() -> None:
    images = torch.arange(64.0).view(64, 1, 1, 1) + torch.tensor([0.0, 0.25]).view(1, 1, 1, 2)
    labels = torch.tensor([[[0, 1]]]).expand(64, 1, 2)
    torch.manual_seed(0)
    turned, turned_labels = mirror_randomly(images, labels)
    changed = turned_labels[:, 0, 0] == 1
    assert 16 < changed.sum() < 48
    assert turned[changed].equal(images[changed].flip(-1))
    assert turned[~changed].equal(images[~changed])


def test_a_gallery_of_the_first_images_is_read_when_it_is_needed() -> None:
    gallery = load(limit=4).gallery
    assert gallery is not None
    assert gallery.batch().inputs[0].shape == (4, 3, 8, 8)


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "too few calibration images": (
        {"data": GivenData(calibration=1)},
        "data 'given' has 1 calibration images, 2 or more are needed.",
    ),
    "no test images": (
        {"data": GivenData(evaluation=0)},
        "data 'given' has 0 evaluation images, 1 or more are needed.",
    ),
    "foreign data": (
        {"data": Foreign()},
        "data set 'foreign' has no open, which task 'segmentation' asks for: see snnfw_tasks.segmentation.sources.MaskedData.",
    ),
    "labels of another size": (
        {"data": OneData(torch.zeros(3, 8, 8), torch.zeros(4, 8))},
        "sample 2 of data 'given' has an image of shape [3, 8, 8] and labels of shape [4, 8]: "
        "expected are [3, 8, 8] and [8, 8].",
    ),
    "a label that no class has": (
        {"data": OneData(torch.zeros(3, 8, 8), torch.full((8, 8), 3))},
        "sample 2 of data 'given' has the label 3: labels go from 0 to 2, "
        "and 255 is for pixels that count for nothing.",
    ),
    "NaN in an image": (
        {"data": OneData(torch.full((3, 8, 8), torch.nan), torch.zeros(8, 8))},
        "sample 2 of data 'given' holds NaN or infinity: repair or remove it.",
    ),
    "another number of classes": (
        {"module": network(classes=21)},
        "model 'given' does not fit data 'given': it has 21 outputs and the data 3 classes; "
        "choose weights that were trained on these classes.",
    ),
    "other channels": (
        {"module": network(channels=1)},
        "model 'given' does not fit data 'given': layer '0' expects 1 channels and gets 3 "
        "from samples of shape [3, 8, 8].",
    ),
    "a classifier": (
        {"module": nn.Sequential(network(), nn.AdaptiveAvgPool2d(1), nn.Flatten())},
        "the network returns a tensor of shape [2, 3]: a network for segmentation returns logits [N, K, H, W], "
        "or a dict that holds them as 'out'.",
    ),
    "NaN in the weights": (
        {"module": nn.PReLU(init=float("nan"))},
        "parameter 'weight' of model 'given' holds NaN or infinity: use other weights.",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_sentence(mistake: str) -> None:
    options, message = MISTAKES[mistake]
    with pytest.raises(SnnfwError) as caught:
        load(**options)
    assert str(caught.value) == message


def test_a_foreign_model_is_refused() -> None:
    with pytest.raises(SnnfwError) as caught:
        Segmentation().load(Foreign(), GivenData(), Resources())  # type: ignore[arg-type]  # that is the point
    assert str(caught.value) == (
        "model 'foreign' has no preprocess, which task 'segmentation' asks for: see snnfw_tasks.samples.labelled.ClassifierSource."
    )


def test_too_few_training_images_are_an_error_when_training_begins() -> None:
    bundle = load(data=GivenData(training=1))
    assert bundle.training is not None
    with pytest.raises(SnnfwError) as caught:
        bundle.training.batches(4, 0, 0)
    assert str(caught.value) == "data 'given' has 1 training images, 2 or more are needed."


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_image_in_the_middle_of_a_run_is_named(workers: int, tmp_path: Path) -> None:
    write_voc(tmp_path, train=["a", "b"], val=["c", "d", "e"])
    (tmp_path / "JPEGImages" / "d.jpg").write_bytes(b"nothing")
    bundle = load(network(21), Voc(tmp_path, size=8), batch=1, workers=workers)
    with pytest.raises(SnnfwError) as caught:
        list(bundle.data.evaluation)
    assert str(caught.value) == (
        f"image '{tmp_path}/JPEGImages/d.jpg' of data 'voc' cannot be read: "
        "repair or remove it, or set data.skip_broken=true."
    )
    assert len(load(network(21), Voc(tmp_path, size=8, skip_broken=True), batch=1).data.evaluation) == 2
