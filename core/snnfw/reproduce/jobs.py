"""The runs that the rows of a request are made of, and the training that comes before each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from snnfw.config.published import ExperimentRow, Preparation, read_rows
from snnfw.config.training import WITHOUT_EFFECT
from snnfw.errors import SnnfwError
from snnfw.registry import Registry
from snnfw.reproduce.request import OF_A_METHOD, Request, key_of


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a row: its words, the words of the training before it or none, and the timesteps to read off.

    Without ``timesteps`` it is what the file says.
    """

    row: ExperimentRow
    name: str
    words: tuple[str, ...]
    training: tuple[str, ...] | None
    timesteps: tuple[int, ...]


def make_jobs(request: Request, row: ExperimentRow, registry: Registry) -> tuple[Job, ...]:
    """Return a row's runs: one for each number of timesteps, or one for all where the file says ``retarget: false``."""
    own = request.experiment
    file = own if row.experiment == own.name else read_rows(row.experiment, registry)
    require_weights(file.prepare, row, request)
    given = request.timesteps_given
    steps = (given,) if given is not None else row.timesteps
    groups = [steps] if not file.retarget or not steps else [(step,) for step in steps]
    return tuple(_job(request, row, file.prepare, group, given is None) for group in groups)


def _job(request: Request, row: ExperimentRow, prepare: Preparation, steps: tuple[int, ...], published: bool) -> Job:
    words = [f"experiment={row.experiment}", *row.words, *request.words]
    if steps and published:
        words.append(f"timesteps={steps[-1]}")
        if len(steps) > 1 and not any(key_of(word) == "checkpoints" for word in request.words):
            words.append(f"checkpoints=[{','.join(map(str, steps))}]")
    name = row.label.replace("/", "-") + (f", T = {steps[-1]}" if steps else "")
    runs = [word for word in words if not is_for_training(word)]
    if not any(key_of(word) == "save" for word in runs):
        runs.append("save=false")
    return Job(row, name, tuple(runs), training_words(prepare, words, request.weights_given), steps)


def training_words(prepare: Preparation, words: list[str], weights_given: bool) -> tuple[str, ...] | None:
    """Return the words of the training that a run needs, or none."""
    useful = [word for word in words if key_of(word).partition(".")[0] not in WITHOUT_EFFECT]
    if prepare == "train" and not any(key_of(word) == "checkpoint" for word in words):
        return tuple(useful)
    if prepare == "train-network" and not weights_given:
        kept = [word for word in useful if key_of(word).partition(".")[0] not in OF_A_METHOD]
        return (*kept, "plugin=ann", "timesteps=1")
    return None


def is_for_training(word: str) -> bool:
    """Tell whether a word is the trainer's: ``trainer.epochs=2``, or ``trainer={epochs: 2}``."""
    return key_of(word).partition(".")[0] == "trainer"


def require_weights(prepare: Preparation, row: ExperimentRow, request: Request) -> None:
    """Refuse to convert a network that nobody has trained."""
    if prepare == "weights" and not request.weights_given:
        raise SnnfwError(
            f"'{row.label}' converts a trained network: give its weights, model.weights=FILE, or checkpoint=FOLDER of "
            "a training with plugin=ann."
        )


def require_effect(request: Request, jobs: Sequence[Job]) -> None:
    """Refuse words for a training where nothing is trained."""
    word = next(filter(is_for_training, request.words), None)
    if word and jobs and all(job.training is None for job in jobs):
        raise SnnfwError(
            f"{word} has no effect: nothing is trained, since the weights are there or given. Leave it out."
        )
