from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import torch

import toy_plugin
from read_back import read_back
from snnfw.capture.export import capture
from snnfw.config.resolution import resolve
from snnfw.contracts import DataSource, ModelSource, Task
from snnfw.errors import SnnfwError
from snnfw.pipeline import run
from snnfw.planning.placement import place
from snnfw.registry import Registry
from snnfw.values import Bundle, Resources
from snnfw_tasks.events import task as events
from snnfw_tasks.events.data import motion as events_motion
from snnfw_tasks.events.data.digits import MovingDigits
from snnfw_tasks.events.models.small import EventsSmall
from snnfw_tasks.events.task import Events
from snnfw_tasks.networks.imported import CallableModel
from snnfw_tasks.networks.torchvision_zoo import TorchvisionModel
from snnfw_tasks.samples.labelled import LabelledData

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Generate the recordings once for all tests here, with fewer pictures: what they show matters little."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.setattr(events_motion, "STEPS", 8)
        MovingDigits().open(None)
        patch.setattr(events_motion, "record", None)  # from here on everything comes from the cache
        yield folder


def load(model: ModelSource | None = None, data: DataSource | None = None, **options: Any) -> Bundle:
    return Events(**options).load(model or EventsSmall(), data or MovingDigits(), Resources())


@dataclass(frozen=True, slots=True)
class Foreign:
    name: ClassVar[str] = "foreign"
    tasks: ClassVar[tuple[str, ...]] = ()


def test_describing_the_task_imports_nothing_heavy() -> None:
    heavy = ("torch", "torchvision", "sklearn", "tonic", "lightning", "numpy", "scipy")
    code = (
        "import sys, snnfw_tasks.events.task as e;"
        "[hook() for hook in (e.snnfw_register_tasks, e.snnfw_register_models, e.snnfw_register_data)];"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  # our own words
    assert done.stdout.strip() == "[]"


def test_everything_registered_fulfils_its_contract() -> None:
    models = {source.name: source for source in events.snnfw_register_models()}
    data = {source.name: source for source in events.snnfw_register_data()}
    assert list(models) == ["events-small"]
    assert list(data) == ["moving-digits", "cifar10-dvs", "ncaltech101", "ncars", "dvs-gesture", "action-recognition"]
    assert Events.default_model in models
    assert Events.default_data in data
    assert isinstance(Events(), Task)
    assert isinstance(EventsSmall(), ModelSource)
    assert isinstance(MovingDigits(), DataSource)
    sources: list[Any] = [*models.values(), *data.values()]
    assert all(source.tasks == ("events",) for source in sources)


def test_the_default_bundle_is_complete() -> None:
    bundle = load()
    assert bundle.data.frames == 10
    assert bundle.judgement.headline == "accuracy"
    assert bundle.example[0].shape == (2, 2, 24, 24)
    assert bundle.model(*bundle.example).shape == (2, 20)
    assert not bundle.model.training
    assert bundle.data.tuning is not None
    assert bundle.judgement.logits is not None
    assert bundle.judgement.correct is not None
    assert bundle.training is not None
    evaluation = next(iter(bundle.data.evaluation))
    assert evaluation.inputs[0].shape == (128, 10, 2, 24, 24)
    assert next(iter(bundle.data.tuning)).inputs[0].shape == (64, 10, 2, 24, 24)
    assert {key: value for key, value in bundle.description.items() if key != "classes"} == {
        "sample_shape": [10, 2, 24, 24],
        "calibration_samples": 64,
        "evaluation_samples": 597,
        "parameters": 120596,
    }


def test_calibration_holds_the_tuning_recordings() -> None:
    bundle = load(calibration=5, batch=22)
    assert bundle.data.tuning is not None
    recordings = [inputs for (inputs,) in bundle.data.calibration]
    assert [some.shape for some in recordings] == [(n, 10, 2, 24, 24) for n in (2, 2, 1)]  # about 22 frames in each
    assert torch.cat(recordings).equal(torch.cat([batch.inputs[0] for batch in bundle.data.tuning]))


def test_a_batch_smaller_than_a_recording_calibrates_with_one_recording() -> None:
    assert [inputs[0].shape[:2] for inputs in load(calibration=2, batch=1).data.calibration] == [(1, 10), (1, 10)]


def test_frames_are_scaled_and_mostly_empty() -> None:
    (frames,) = next(iter(load().data.calibration))
    assert frames.min() == 0
    assert frames.max() == 1
    assert 0.02 < frames.count_nonzero() / frames.numel() < 0.3


def test_static_input_is_the_sum_of_the_frames() -> None:
    framed = load(data=MovingDigits(clip=1000), limit=8)
    static = load(data=MovingDigits(clip=1000, static=True), limit=8)
    assert static.data.frames is None
    assert static.example[0].shape == (2, 2, 24, 24)
    (frames, summed) = (next(iter(bundle.data.evaluation)).inputs[0] for bundle in (framed, static))
    assert summed.shape == (8, 2, 24, 24)
    assert torch.allclose(summed, frames.mean(1), atol=1e-6)
    assert next(iter(static.data.calibration))[0].shape == (64, 2, 24, 24)


def test_the_sum_hardly_tells_the_sense_that_the_frames_tell() -> None:
    data = MovingDigits(noise=1.0).open(None)
    frames = torch.stack([data.evaluation[index][0] for index in range(100)])
    difference = (frames[:, :, 1] - frames[:, :, 0]).abs()
    summed = (frames[:, :, 1] - frames[:, :, 0]).sum(1).abs()
    assert summed.sum() < 0.25 * difference.sum()


@pytest.mark.parametrize(("label", "classes"), [("digit", "0123456789"), ("sense", ["clockwise", "counter-clockwise"])])
def test_labels_may_be_the_digit_or_the_sense_alone(label: Any, classes: Any) -> None:
    both, one = MovingDigits().open(None), MovingDigits(label=label).open(None)
    assert one.classes == tuple(classes)
    for index in range(40):
        digit, sense = both.classes[both.evaluation[index][1]].split(" ")
        assert one.classes[one.evaluation[index][1]] == (digit if label == "digit" else sense)


def test_every_split_holds_the_twenty_classes_in_proportion() -> None:
    data = MovingDigits().open(None)
    assert [len(data.training), len(data.calibration), len(data.evaluation)] == [944, 256, 597]
    for split in (data.training, data.calibration, data.evaluation):
        counts = torch.bincount(torch.tensor([split[index][1] for index in range(len(split))]), minlength=20)
        assert (counts - len(split) / 20).abs().max() <= 4


def test_training_batches_are_full_moved_at_random_and_fixed_by_the_seed() -> None:
    bundle = load()
    assert bundle.training is not None
    torch.manual_seed(0)
    first = [batch.target for batch in bundle.training.batches(100, 0, 7)]
    again = [batch.target for batch in bundle.training.batches(100, 0, 7)]
    other = [batch.target for batch in bundle.training.batches(100, 0, 8)]
    assert [len(target) for target in first] == [100] * 9
    assert torch.cat(first).equal(torch.cat(again))
    assert not torch.cat(first).equal(torch.cat(other))
    one, two = (next(iter(bundle.training.batches(100, 0, 7))).inputs[0] for _ in range(2))
    assert one.shape == (100, 10, 2, 24, 24)
    assert not one.equal(two)


def test_the_network_captures_and_its_weights_come_from_the_seed(tmp_path: Path) -> None:
    first, again, other = (EventsSmall().build(11, Resources(seed=seed)) for seed in (0, 0, 1))
    weights = [network.state_dict()["0.weight"] for network in (first, again, other)]
    assert weights[0].equal(weights[1])
    assert not weights[0].equal(weights[2])
    torch.save(other.state_dict(), tmp_path / "other.pth")
    loaded = EventsSmall(tmp_path / "other.pth").build(11, Resources())
    assert loaded.state_dict()["0.weight"].equal(weights[2])
    x = torch.rand(3, 2, 24, 24)
    assert torch.allclose(capture(first.eval(), (x,))(x), first(x), atol=1e-6)
    assert sum(parameter.numel() for parameter in first.parameters()) < 300_000


def test_the_shipped_weights_take_a_film_run_backwards_for_the_other_sense() -> None:
    registry = Registry()
    config = resolve(["task=events", "plugin=inflor", "timesteps=10", "task.limit=200"], registry)
    bundle = config.task.load(config.model, config.data, Resources())
    plan = place(graph := capture(bundle.model, bundle.example), config.layers, temporal=True)
    model = config.converter.convert(graph, plan, bundle.data.calibration, 10, Resources())
    right, reversed_right = [], []
    for batch in bundle.data.evaluation:
        (frames,) = batch.inputs
        right.append(model(frames).argmax(1) == batch.target)
        # Backwards, and what became brighter becomes darker.
        reversed_right.append(model(frames.flip(1, 2)).argmax(1) == batch.target)
    assert torch.cat(right).float().mean() > 0.9
    assert torch.cat(reversed_right).float().mean() < 0.1


def test_biases_are_corrected_on_whole_recordings(tmp_path: Path) -> None:
    words = ["task=events", "plugin=calibration", "timesteps=10", "task.limit=100", f"out={tmp_path / 'run'}"]
    run(resolve(words, registry := Registry()), registry)
    report = read_back(tmp_path / "run")
    (last,) = (point for point in report["checkpoints"] if point["timestep"] == 10)
    assert last["scores"]["accuracy"] > 0.6
    assert last["scores"]["accuracy"] < report["network"]["scores"]["accuracy"]


@pytest.mark.parametrize("side", [24, 31, 48])
def test_the_network_takes_frames_of_any_usual_size(side: int) -> None:
    network = EventsSmall().build(10, Resources()).eval()
    assert network(torch.rand(2, 2, side, side)).shape == (2, 10)


def test_other_networks_serve_where_the_channels_fit() -> None:
    model = CallableModel(
        "snnfw_tasks.networks.cifar_resnet:CifarResNet", args={"depth": 8, "width": 4, "channels": 2, "classes": 20}
    )
    assert load(model).model(torch.rand(2, 2, 24, 24)).shape == (2, 20)


@dataclass(frozen=True, slots=True)
class Labelled:
    """A recording with a label outside the classes."""

    name: ClassVar[str] = "labelled"
    tasks: ClassVar[tuple[str, ...]] = ()

    def open(self, preprocess: None) -> LabelledData:
        usual, wrong = [(torch.zeros(3, 2, 24, 24), 0)] * 3, [(torch.zeros(3, 2, 24, 24), 7)]
        return LabelledData(tuple("abcdefg"), (3, 2, 24, 24), usual, usual, wrong, frames=3)


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "a foreign model": (
        {"model": Foreign()},
        "model 'foreign' has no preprocess, which task 'events' asks for: see snnfw_tasks.samples.labelled.ClassifierSource.",
    ),
    "foreign data": (
        {"data": Foreign()},
        "data set 'foreign' has no open, which task 'events' asks for: see snnfw_tasks.samples.labelled.ClassifierData.",
    ),
    "other channels": (
        {"model": TorchvisionModel("resnet18")},
        "model 'torchvision' does not fit data 'moving-digits': layer 'conv1' expects 3 channels and gets 2 "
        "from samples of shape [2, 24, 24]. This data is the task's own: give the network's, data=NAME data.root=FOLDER.",
    ),
    "other classes": (
        {
            "model": CallableModel(
                "snnfw_tasks.networks.cifar_resnet:CifarResNet", args={"depth": 8, "channels": 2, "classes": 11}
            )
        },
        "model 'callable' does not fit data 'moving-digits': it has 11 outputs and the data 20 classes; "
        "choose weights that were trained on these classes.",
    ),
    "a label outside the classes": (
        {"data": Labelled()},
        "sample 0 of data 'labelled' (evaluation) has the label 7, outside the network's 7 classes (0 to 6).",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_sentence(mistake: str) -> None:
    options, message = MISTAKES[mistake]
    with pytest.raises(SnnfwError) as caught:
        list(load(**options).data.evaluation)
    assert str(caught.value) == message


def test_without_tonic_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("tonic", "tonic.transforms"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SnnfwError) as caught:
        load()
    assert str(caught.value) == "task 'events' needs the package tonic: pip install 'snnfw[events]'."


REFUSALS = {
    "data.frames=0": "data.frames=0 is not allowed: it must be at least 1.",
    "data.slicing=space": "data.slicing=space is not allowed: it must be 'time', 'count' or 'maximum'.",
    "data.clip=0": "data.clip=0 is not allowed: it must be at least 1.",
    "data.contrast=0": "data.contrast=0 is not allowed: it must be greater than 0.",
    "data.label=colour": "data.label=colour is not allowed: it must be 'digit-and-sense', 'digit' or 'sense'.",
    "data.seed=-1": "data.seed=-1 is not allowed: it must be at least 0.",
    "data=ncars": "data set 'ncars' needs a value for 'root': give data.root=...",
    "data=cifar10-dvs/nowhere data.size=0": "data.size=0 is not allowed: it must be at least 1.",
}


@pytest.mark.parametrize("words", REFUSALS)
def test_an_option_out_of_range_is_refused_by_name(words: str) -> None:
    with pytest.raises(SnnfwError) as caught:
        resolve(
            ["task=events", "neuron=burst", *words.split()], Registry(plugins=[toy_plugin, events], entry_points=False)
        )
    assert str(caught.value) == REFUSALS[words]
