"""A training on texts leaves weights that bring their words to other texts."""

from __future__ import annotations

from pathlib import Path

import pytest

import snnfw
from snnfw.config.resolution import resolve
from snnfw.config.training import resolve_training
from snnfw.report.report import Report
from snnfw.train import train
from snnfw_tasks.text.vocabulary import unpack_words

SMALL = {
    "transformer": "model.layers=1 model.features=8 model.heads=2 model.wide=8 model.dropout=0",
    "lstm": "model.layers=1 model.embedding=8 model.hidden=4 model.head=8 model.dropout=0",
}
LEARN = "trainer.optimizer=adamw trainer.rate=0.05 trainer.batch=8"


def write(file: Path, good: str, bad: str, count: int) -> Path:
    rows = [f"the film was {word},{label}" for word, label in ((good, "good"), (bad, "bad")) for _ in range(count)]
    file.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    return file


def run(words: list[str]) -> Report:
    from rich.console import Console

    from snnfw.pipeline import report_run
    from snnfw.stages import acquire_resources, convert_and_simulate, load_subject

    config = resolve(words, snnfw.Registry())
    subject = load_subject(config, acquire_resources(config, Console(quiet=True)))
    known = unpack_words(subject.bundle.model.get_buffer("vocabulary"))
    assert known[:3] == ["[pad]", "[unk]", "film"]
    return report_run(config, subject, convert_and_simulate(config, subject))


TRAINED = {
    "the network itself": ("plugin=ann", "plugin=sigmadelta"),
    "as a spiking network": ("plugin=ibra", "plugin=ibra"),
    "over time": ("plugin=inflor timesteps=2", "plugin=inflor timesteps=2"),
}


@pytest.mark.parametrize("way", TRAINED)
@pytest.mark.parametrize("model", SMALL)
def test_a_checkpoint_reads_other_texts_with_its_own_words(model: str, way: str, tmp_path: Path) -> None:
    learnt, ran = TRAINED[way]
    first = write(tmp_path / "first.csv", "lovely", "awful", 16)
    shared = f"task=text model={model} {SMALL[model]} task.vocabulary=12 task.length=5 task.batch=8"
    words = f"{shared} data=csv data.train={first} data.test={first} {learnt} {LEARN} trainer.epochs=4"
    folder = train(resolve_training([*words.split(), f"out={tmp_path / 'trained'}"], snnfw.Registry()))
    # In these texts other words are the most frequent ones, so that the numbers of words would be others.
    other = write(tmp_path / "other.csv", "lovely lovely", "awful awful", 4)
    words = f"{shared} data=csv data.train={other} data.test={other} {ran} checkpoint={folder}"
    report = run(words.split())
    assert report.network.scores["accuracy"] == 1.0
    assert report.checkpoints[-1].scores["accuracy"] == 1.0
