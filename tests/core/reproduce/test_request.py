from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from snnfw.config.published import read_rows
from snnfw.config.training import resolve_training
from snnfw.errors import SnnfwError
from snnfw.registry import Registry
from snnfw.reproduce.jobs import make_jobs
from snnfw.reproduce.lines import Line, as_csv, lines_of, nearest_step, read_metric
from snnfw.reproduce.request import describe_difference, read_request

TABLE = """
about: three rows
retarget: {retarget}
prepare: {prepare}
task: classification
plugin: rate
timesteps: 4
trainer: {{epochs: 3}}
grid:
  - row: first
    published:
      - {{table: "1", row: first, values: {{2: 50, 4: 60.5}}, network: 70}}
      - {{table: "1", row: first, metric: energy, values: {{2: 0.5}}}}
  - {{row: second one, words: [neuron.rho=0.5, timesteps=8]}}
"""


@pytest.fixture
def registry() -> Registry:
    return Registry()


def write(folder: Path, text: str = TABLE, **words: str) -> str:
    path = folder / "table.yaml"
    path.write_text(text.format(**{"retarget": "true", "prepare": "nothing", **words}))
    return str(path)


def test_a_file_says_what_is_published_and_what_comes_before(tmp_path: Path, registry: Registry) -> None:
    read = read_rows(write(tmp_path, prepare="train"), registry)
    assert (read.about, read.prepare, read.retarget, read.tabulated) == ("three rows", "train", True, True)
    first, second = read.rows
    assert (first.label, first.timesteps, first.published[0].values[4]) == ("first", (2, 4), 60.5)
    assert (second.words, second.timesteps) == (("neuron.rho=0.5", "timesteps=8"), ())
    assert read.plain.keys() == {"task", "plugin", "timesteps", "trainer"}


def test_every_number_of_timesteps_is_a_run_of_its_own(tmp_path: Path, registry: Registry) -> None:
    name = write(tmp_path)
    request = read_request(name, ["task.limit=3"], registry)
    jobs = make_jobs(request, request.rows[0], registry)
    assert [job.words for job in jobs] == [
        (f"experiment={name}", "task.limit=3", f"timesteps={step}", "save=false") for step in (2, 4)
    ]
    assert [job.training for job in jobs] == [None, None]


def test_or_all_are_read_off_one_run(tmp_path: Path, registry: Registry) -> None:
    request = read_request(write(tmp_path, retarget="false"), [], registry)
    (job,) = make_jobs(request, request.rows[0], registry)
    assert job.words[1:] == ("timesteps=4", "checkpoints=[2,4]", "save=false")
    assert job.timesteps == (2, 4)


def test_words_of_the_user_lie_above_those_of_a_row(tmp_path: Path, registry: Registry) -> None:
    request = read_request(write(tmp_path), ["timesteps=1", "rows=second*"], registry)
    assert [row.label for row in request.rows] == ["second one"]
    (job,) = make_jobs(request, request.rows[0], registry)
    assert job.words[1:] == ("neuron.rho=0.5", "timesteps=8", "timesteps=1", "save=false")
    assert job.timesteps == (1,)


@pytest.mark.parametrize(
    ("prepare", "words", "training"),
    [
        ("train", [], ("timesteps=2",)),
        (
            "train",
            ["trainer.epochs=1", "search=null", "task.limit=2"],
            ("trainer.epochs=1", "task.limit=2", "timesteps=2"),
        ),
        ("train", ["checkpoint=runs/mine"], None),
        ("train-network", ["neuron.rho=0.3"], ("plugin=ann", "timesteps=1")),
        ("train-network", ["model.weights=a.pth"], None),
        ("train-network", ["checkpoint=runs/mine"], None),
        ("nothing", [], None),
    ],
)
def test_what_is_trained_before_a_run(
    tmp_path: Path, registry: Registry, prepare: str, words: list[str], training: tuple[str, ...] | None
) -> None:
    request = read_request(write(tmp_path, prepare=prepare), words, registry)
    found = make_jobs(request, request.rows[0], registry)[0].training
    assert (found[1:] if found else None) == training


def test_what_differs_from_the_paper_is_told(tmp_path: Path, registry: Registry) -> None:
    words = ["trainer.epochs=2", "data.root=/data", "task.limit=1000", "neuron.rho=0.5", "out=there", "device=cpu"]
    request = read_request(write(tmp_path), words, registry)
    assert describe_difference(request) == "shortened: trainer.epochs=2, task.limit=1000; changed: neuron.rho=0.5"
    assert request.out == Path("there")
    assert describe_difference(read_request(write(tmp_path), ["data.root=/data", "seed=1"], registry)) == ""


DIFFERENCES = {
    "trainer.epochs=2": "shortened: trainer.epochs=2",
    "trainer.epochs=3": "",  # the file's
    "trainer.epochs=4": "changed: trainer.epochs=4",
    "timesteps=1": "shortened: timesteps=1",
    "timesteps=2": "",  # a published number
    "timesteps=9": "changed: timesteps=9",
    "task.limit=5": "shortened: task.limit=5",
    "task.limit=null": "",  # the file's
    "trainer.precision=bf16-mixed": "",
    "model.weights=a.pth": "",
    "data=digits": "changed: data=digits",
}


@pytest.mark.parametrize("word", DIFFERENCES)
def test_a_word_shortens_or_changes_against_what_the_file_says(word: str, tmp_path: Path, registry: Registry) -> None:
    request = read_request(write(tmp_path), ["rows=first", word], registry)
    assert describe_difference(request) == DIFFERENCES[word]


def test_a_training_that_starts_from_weights_is_another_one(tmp_path: Path, registry: Registry) -> None:
    request = read_request(write(tmp_path, prepare="train"), ["model.weights=a.pth"], registry)
    assert describe_difference(request) == "changed: model.weights=a.pth"


def test_a_pattern_may_begin_with_a_star(tmp_path: Path, registry: Registry) -> None:
    assert [row.label for row in read_request(write(tmp_path), ["rows=*one"], registry).rows] == ["second one"]


def test_a_trainer_may_be_said_at_once(tmp_path: Path, registry: Registry) -> None:
    request = read_request(write(tmp_path, prepare="train"), ["trainer={epochs: 2}"], registry)
    job = make_jobs(request, request.rows[1], registry)[0]
    assert job.words[1:] == ("neuron.rho=0.5", "timesteps=8", "save=false")
    assert job.training is not None
    assert resolve_training(job.training, registry).trainer.epochs == 2


def test_checkpoints_of_the_user_are_kept(tmp_path: Path, registry: Registry) -> None:
    request = read_request(write(tmp_path, retarget="false"), ["checkpoints=[1,4]"], registry)
    (job,) = make_jobs(request, request.rows[0], registry)
    assert job.words[1:] == ("checkpoints=[1,4]", "timesteps=4", "save=false")


MISTAKES = {
    "no timesteps": (
        {}, ["timesteps=many"], "timesteps=many is not allowed: it must be one whole number, like timesteps=8.",
    ),
    "several processes": (
        {}, ["devices=2"],
        "devices=2 is not for reproduce, which is one process: train with 'snnfw train experiment={name} "
        "devices=...', and give checkpoint=FOLDER of it.",
    ),
    "an unknown word": (
        {}, ["tusk.limit=3"], "no key named 'tusk'. Did you mean 'task'? Keys: ",
    ),
    "an experiment": (
        {}, ["experiment=x"],
        "experiment= is not for reproduce, whose experiment is its name: leave it out.",
    ),
    "no such row": (
        {}, ["rows=third"],
        "rows=third matches no row of '{name}'. Its rows: first, second one.",
    ),
    "no weights": (
        {"prepare": "weights"}, [],
        "'first' converts a trained network: give its weights, model.weights=FILE, or checkpoint=FOLDER of a training "
        "with plugin=ann.",
    ),
    "prepared otherwise": (
        {"prepare": "hope"}, [],
        "{name} cannot be used: prepare=hope is not allowed: ",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_told(mistake: str, tmp_path: Path, registry: Registry) -> None:
    changes, words, message = MISTAKES[mistake]
    name = write(tmp_path, **changes)
    with pytest.raises(SnnfwError) as caught:
        make_jobs(request := read_request(name, words, registry), request.rows[0], registry)
    assert str(caught.value).startswith(message.format(name=name))


BAD_FILES = {
    "grid: 3": "grid must be a list of rows, like [{row: 'no search', words: [search=null]}].",
    "grid: [{words: [a=b]}]": "needs a value for 'row': give row=...",
    "grid: [{row: a}, {row: a}]": "has two rows called 'a': give one another name.",
    "published: 3": "published=3 is not allowed: it must be a mapping, or a list of them.",
    "published: {table: '1'}": "needs a value for 'row': give published.row=...",
    "published: {table: '1', row: a, values: {8: many}}": "is not allowed",
}


@pytest.mark.parametrize("text", BAD_FILES)
def test_files_that_say_nonsense_are_refused(text: str, tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(SnnfwError) as caught:
        read_rows(str(path), registry)
    assert str(path) in str(caught.value)
    assert BAD_FILES[text] in str(caught.value)


REPORT = {
    "samples": 7,
    "network": {"scores": {"accuracy": 0.9}, "energy": 2.5},
    "checkpoints": [
        {"timestep": 2, "scores": {"accuracy": 0.25}, "energy": {"total": 0.125}, "energy_ratio": 0.05},
        {"timestep": 4, "scores": {"accuracy": 0.5}, "energy": {"total": 0.25}, "energy_ratio": 0.1},
    ],
}


def test_a_line_holds_ours_beside_the_published_number(tmp_path: Path, registry: Registry) -> None:
    row = read_rows(write(tmp_path), registry).rows[0]
    lines = lines_of(row, REPORT, (2, 4), "there")
    assert [(line.metric, line.timesteps, line.published, line.ours) for line in lines] == [
        ("accuracy", 2, 50, 25), ("energy", 2, 0.5, 0.125), ("accuracy", 4, 60.5, 50),
    ]  # fmt: skip
    assert lines[0] == Line("first", "1", "accuracy", 2, 2, 50, 25, 70, 90, 0.05, 7, "there")
    assert lines[1].network == 2.5
    early = lines_of(replace(row, published=row.published[1:]), REPORT, (4,), "there")
    assert [(line.timesteps, line.published_timesteps) for line in early] == [(4, 2)]
    assert as_csv(lines).splitlines()[1] == "first,1,accuracy,2,2,50.0,25.0,70.0,90.0,0.05,7,there,,"


def test_a_shorter_run_stands_beside_the_next_published_number(tmp_path: Path, registry: Registry) -> None:
    said = read_rows(write(tmp_path), registry).rows[0].published[0]
    assert [nearest_step(said, step) for step in (1, 2, 3, 4, 9)] == [2, 2, 4, 4, 4]
    unknown = read_rows(write(tmp_path), registry).rows[1]
    (line,) = lines_of(unknown, REPORT, (), "there")
    assert (line.timesteps, line.published, line.published_timesteps, line.ours) == (4, None, None, 50)


def test_a_metric_that_a_run_does_not_report_is_an_error() -> None:
    with pytest.raises(SnnfwError) as caught:
        read_metric("mIoU", REPORT, REPORT["checkpoints"][0])  # type: ignore[index]  # a list
    assert str(caught.value) == (
        "the run reports no 'mIoU': it has accuracy, energy. Correct the metric in the experiment file."
    )
