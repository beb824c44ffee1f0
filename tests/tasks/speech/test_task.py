from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import torch

import snnfw
from given_sources import Foreign
from read_back import read_back
from snnfw import pipeline
from snnfw.config.resolution import resolve
from snnfw.config.training import resolve_training
from snnfw.contracts import DataSource, ModelSource, Task
from snnfw.errors import SnnfwError
from snnfw.registry import Registry
from snnfw.train import train
from snnfw.values import Bundle, Resources
from snnfw_tasks.samples.labelled import LabelledData
from snnfw_tasks.speech import task as speech
from snnfw_tasks.speech.data import words
from snnfw_tasks.speech.data.words import SpokenWords, load_split
from snnfw_tasks.speech.models.m5 import M5Model, M5Words
from snnfw_tasks.speech.task import Speech
from wave_files import write_commands

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", autouse=True)
def _few_words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Speak few words, once for all tests here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(words, "COUNTS", {"train": 6, "calibration": 6, "test": 8})
        load_split.cache_clear()
        yield
    load_split.cache_clear()


def load(model: ModelSource | None = None, data: DataSource | None = None, **options: Any) -> Bundle:
    return Speech(**options).load(model or M5Words(), data or SpokenWords(), Resources())


def test_describing_the_task_imports_nothing_heavy() -> None:
    heavy = ("torch", "numpy", "scipy", "soundfile", "lightning")
    code = (
        "import sys, snnfw_tasks.speech.task as s;"
        "[hook() for hook in (s.snnfw_register_tasks, s.snnfw_register_models, s.snnfw_register_data)];"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  # our own words
    assert done.stdout.strip() == "[]"


def test_everything_registered_fulfils_its_contract() -> None:
    models = {source.name: source for source in speech.snnfw_register_models()}
    data = {source.name: source for source in speech.snnfw_register_data()}
    assert list(models) == ["m5-words", "m5"]
    assert list(data) == ["spoken-words", "speech-commands", "waves"]
    assert Speech.default_model in models
    assert Speech.default_data in data
    assert isinstance(Speech(), Task)
    sources: list[Any] = [*models.values(), *data.values()]
    assert all(source.tasks == ("speech",) for source in sources)


def test_the_default_bundle_is_complete() -> None:
    bundle = load()
    assert bundle.judgement.headline == "accuracy"
    assert bundle.example[0].shape == (2, 1, 8000)
    assert bundle.model(*bundle.example).shape == (2, 10)
    assert bundle.training is not None
    assert bundle.gallery is not None
    assert len(bundle.gallery.batch().target) == 80
    assert bundle.description["sample_shape"] == [1, 8000]
    assert bundle.description["calibration_samples"] == 60
    assert bundle.description["evaluation_samples"] == 80
    assert bundle.description["parameters"] == 100_234


def test_the_shipped_network_tells_the_words_apart() -> None:
    bundle = load()
    scorer = bundle.judgement.scorer()
    with torch.no_grad():
        for batch in bundle.data.evaluation:
            scorer.update(bundle.model(*batch.inputs), batch.target)
    assert scorer.compute()["accuracy"] > 0.85


@pytest.mark.parametrize("method", ["sigmadelta", "rate"])
def test_a_clip_does_not_depend_on_its_neighbours(method: str) -> None:
    bundle = load()
    waves = next(iter(bundle.data.evaluation)).inputs[0][:5].double()
    waves[1, :, 3000:] = 0  # as much silence as follows a short recording
    network = bundle.model.double()
    spiking = snnfw.convert(network, [waves], method=method, timesteps=8)
    for each in (network, spiking):
        with torch.no_grad():
            together, apart = each(waves), torch.cat([each(wave[None]) for wave in waves])
        assert torch.allclose(together, apart, rtol=0, atol=1e-12)


def test_training_clips_are_shifted_and_others_are_not() -> None:
    bundle = load()
    assert bundle.training is not None
    torch.manual_seed(0)
    first, second = (next(iter(bundle.training.batches(4, 0, 0))) for _ in range(2))
    assert first.target.equal(second.target)
    assert not first.inputs[0].equal(second.inputs[0])
    assert next(iter(bundle.data.evaluation)).inputs[0].equal(next(iter(bundle.data.evaluation)).inputs[0])


@dataclass(frozen=True, slots=True)
class Short:
    """Clips that are shorter than the first kernel."""

    name: ClassVar[str] = "short"
    tasks: ClassVar[tuple[str, ...]] = ()

    def open(self, preprocess: None) -> LabelledData:
        items = [(torch.zeros(1, 60), 0)] * 4
        return LabelledData(("a", "b"), (1, 60), items, items, items)


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "a foreign model": (
        {"model": Foreign()},
        "model 'foreign' has no preprocess, which task 'speech' asks for: see "
        "snnfw_tasks.samples.labelled.ClassifierSource.",
    ),
    "foreign data": (
        {"data": Foreign()},
        "data set 'foreign' has no open, which task 'speech' asks for: see snnfw_tasks.samples.labelled.ClassifierData.",
    ),
    "clips too short for the network": (
        {"model": M5Model(), "data": Short()},
        "model 'm5' does not fit data 'short': it fails on samples of shape [1, 60]: Calculated padded input size per "
        "channel: (60). Kernel size: (80). Kernel size can't be greater than actual input size.",
    ),
    "another number of words": (
        {"data": Short()},
        "model 'm5-words' does not fit data 'short': it fails on samples of shape [1, 60]: Calculated padded input "
        "size per channel: (60). Kernel size: (80). Kernel size can't be greater than actual input size.",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_sentence(mistake: str) -> None:
    options, message = MISTAKES[mistake]
    with pytest.raises(SnnfwError) as caught:
        load(**options)
    assert str(caught.value) == message


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry()


def run(registry: Registry, *given: str) -> tuple[dict[str, Any], Path]:
    folder = pipeline.run(resolve(["task=speech", *given], registry), registry)
    return read_back(folder), folder


@pytest.mark.parametrize("method", ["plugin=sigmadelta", "plugin=rate timesteps=4 exit=entropy"])
def test_a_run_draws_the_words(method: str, registry: Registry, tmp_path: Path) -> None:
    report, folder = run(registry, *method.split(), f"out={tmp_path}/run")
    assert report["network"]["scores"]["accuracy"] > 0.85
    assert (folder / "pictures/samples.png").is_file()


def test_speech_commands_run_from_disk(registry: Registry, tmp_path: Path) -> None:
    root = write_commands(tmp_path / "commands")
    given = ["model=m5", "data=speech-commands", f"data.root={root}", "plugin=sigmadelta"]
    report, _ = run(registry, *given, f"out={tmp_path}/run")
    assert report["about"]["reading"]["read"] == {"train": 12, "validation": 4, "test": 4}


@pytest.mark.parametrize("method", ["plugin=inflor", "plugin=ann"])
def test_a_training_can_be_run(method: str, registry: Registry, tmp_path: Path) -> None:
    given = ["task=speech", "model=m5", method, f"out={tmp_path}/trained", "trainer.epochs=1", "trainer.batch=30"]
    folder = train(resolve_training(given if method == "plugin=ann" else [*given, "timesteps=2"], registry))
    scores = json.loads((folder / "training.json").read_text())["scores"]
    own = ["plugin=sigmadelta"] if method == "plugin=ann" else []
    report, _ = run(registry, "model=m5", f"checkpoint={folder}", *own, f"out={tmp_path}/run")
    found = report["network"] if own else report["checkpoints"][-1]
    assert found["scores"]["accuracy"] == pytest.approx(scores["accuracy"])
