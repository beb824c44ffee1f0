"""The experiments that plugins ship are complete, and each of them runs, shortened, on data in its published layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file

from published_layouts import LAYOUTS
from snnfw.config.published import Experiment, list_experiments
from snnfw.config.resolution import resolve
from snnfw.config.training import resolve_training
from snnfw.errors import SnnfwError
from snnfw.registry import Registry
from snnfw.reproduce.jobs import make_jobs
from snnfw.reproduce.request import read_request
from snnfw.reproduce.running import reproduce
from snnfw.train import train
from snnfw.values import Bundle, Resources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from snnfw.config.schema import RunConfig

EXPERIMENTS = {experiment.name: experiment for experiment in list_experiments(Registry())}

RUN = (
    "adafire/action_recognition",
    "adafire/cifar10_resnet20",
    "adafire/coco_segmentation",
    "adafire/coco_yolov2",
    "adafire/coco_yolov2_calibration",
    "adafire/digits",
    "adafire/ncaltech101",
    "adafire/ncars",
    "adafire/shapenet_cls",
    "adafire/shapenet_cls_calibration",
    "adafire/table7",
    "adafire/voc_segmentation_calibration",
    "ibra/cifar100_resnet18",
    "ibra/cifar10dvs_resnet18",
    "ibra/coco_spikeyolo_m",
    "ibra/digits",
    "ibra/imagenet_resnet18_ann",
    "ibra/imagenet_resnet34_a2s",
    "inflor/cifar100_resnet20",
    "inflor/cifar10dvs_resnet19",
    "msat/cifar100_vgg16",
    "msat/digits",
    "msat/imagenet_resnet34",
    "msat/imdb_lstm",
    "msat/imdb_lstm_rmp",
    "msat/speech_m5",
    "msat/speech_m5_rmp",
)
"""Those that are run: every data set, network, search and exit is in one, and every method with each of its tasks,
preparations and searches. Of the others networks and data are opened."""

SMALL_MODEL = {
    "vgg16": ("model.width=8", "model.hidden=[8]"),
    "cifar-resnet": ("model.width=8", "model.depth=8"),
    "cifar-resnet18": ("model.width=8",),
    "resnet19": ("model.width=8",),
    "resnet20": ("model.width=8",),
    "pointnet": ("model.width=0.1", "model.features=16"),
    "torchvision": (),
    "digits-resnet20": (),
    "m5": ("model.widths=[4,4,4,4]", "model.stride=4", "data.rate=2000"),
    "lstm": (
        "model.layers=1",
        "model.hidden=4",
        "model.embedding=4",
        "model.head=4",
        "task.length=6",
        "task.vocabulary=9",
    ),
    "spike-yolo": (
        "model.width=0.0625",
        "model.depth=0.1",
        "model.side=64",
        "data.size=64",
        "trainer.precision=32-true",
    ),
    "yolov2": ("model.scale=0.05", "model.side=64", "data.size=64"),
}
"""Words that make each network small."""

SMALL_DATA = {
    "imagenet": "data.size=32",
    "voc": "data.size=32",
    "coco": "data.size=32",
    "shapenet-part": "data.points=32",
}
SMALL_SEARCH = {
    "pareto": ("search.samples=2", "search.space.phi=[1,4]"),
    "adafire": (
        "search.phi.samples=2", "search.phi.space.phi=[1,4]", "search.ssc.samples=2", "search.ssc.ratios=[1,2]",
    ),
}  # fmt: skip
SHORT = (
    "trainer.epochs=1",
    "trainer.rate=1e-4",
    "trainer.batch=4",
    "task.limit=2",
    "task.calibration=4",
    "task.batch=4",
    "fitting=0",
)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry()


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Write every data set once."""
    places = {name: tmp_path_factory.mktemp(name) for name in LAYOUTS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        for name, write in LAYOUTS.items():
            write(places[name], patch)
        yield places


def base(experiment: Experiment, registry: Registry) -> RunConfig:
    """Return what the first row of an experiment runs."""
    row = experiment.rows[0]
    return resolve([f"experiment={row.experiment}", *row.words, *root_word(experiment, Path("/none"))], registry)


def root_word(experiment: Experiment, root: Path) -> list[str]:
    """Return the word that says where the data is, if it is not embedded."""
    if experiment.plain.get("task") == {"name": "detection"}:
        return [f"data.file={root / 'data.yaml'}"]
    return [] if experiment.name.endswith("/digits") else [f"data.root={root}"]


def shorten(experiment: Experiment, registry: Registry, root: Path) -> list[str]:
    """Return the words of a run of seconds."""
    config = base(experiment, registry)
    words = [*SHORT, *root_word(experiment, root), *SMALL_MODEL[config.model.name]]
    if config.model.name == "torchvision" and config.task.name == "classification":
        words.append("model.arch=resnet18")
    if config.data.name in SMALL_DATA:
        words.append(SMALL_DATA[config.data.name])
    if config.task.name == "events":
        words.append("data.size=32")
    if config.search is not None:
        words += SMALL_SEARCH[config.search.name]
    if config.exit is not None and config.exit.name == "entropy":
        words.append("exit.correct_only=false")  # no random network is ever right
    frames = getattr(config.data, "frames", None)
    moving = frames and not getattr(config.data, "stacked", False)
    return [*words, "timesteps=2", *(["data.frames=2"] if moving else [])]


def write_weights(experiment: Experiment, registry: Registry, words: list[str], path: Path) -> None:
    """Write random weights of the network that is converted."""
    opened = open_first(experiment, registry, words)
    save_file({name: tensor.contiguous() for name, tensor in opened.model.state_dict().items()}, path)


def open_first(experiment: Experiment, registry: Registry, words: list[str]) -> Bundle:
    """Return the network that the first row converts, with random weights, and its data."""
    row = experiment.rows[0]
    kept = [word for word in words if not word.startswith("trainer.")]
    config = resolve([f"experiment={row.experiment}", *row.words, *kept], registry)
    return config.task.load(config.model, config.data, Resources())


@pytest.mark.parametrize("name", RUN)
def test_a_shortened_run_passes_on_data_in_its_published_layout(
    name: str, registry: Registry, roots: dict[str, Path], tmp_path: Path
) -> None:
    experiment = EXPERIMENTS[name]
    words = shorten(experiment, registry, roots.get(base(experiment, registry).data.name, tmp_path))
    if not preparation(experiment).startswith("train"):
        words = [word for word in words if not word.startswith("trainer.")]
    if preparation(experiment) == "weights":
        write_weights(experiment, registry, words, tmp_path / "weights.safetensors")
        words.append(f"model.weights={tmp_path / 'weights.safetensors'}")
    label = experiment.rows[0].label.replace("[", "[[]")
    lines = reproduce(name, [*words, f"rows={label}", f"out={tmp_path / 'out'}"], registry)
    assert all(line.ours is not None for line in lines if line.metric in ("accuracy", "energy", "mIoU", "class_IoU"))
    told = json.loads((tmp_path / "out" / "reproduction.json").read_text())
    assert told["difference"].startswith("shortened: ")
    assert "task.limit=2" in told["difference"]
    assert len(told["lines"]) == len(lines)
    assert (tmp_path / "out" / lines[0].folder / "report.html").is_file()


@pytest.mark.parametrize("name", sorted({*EXPERIMENTS} - {*RUN}))
def test_the_networks_of_all_others_take_their_data(
    name: str, registry: Registry, roots: dict[str, Path], tmp_path: Path
) -> None:
    experiment = EXPERIMENTS[name]
    opened = open_first(
        experiment, registry, shorten(experiment, registry, roots[base(experiment, registry).data.name])
    )
    inputs = next(iter(opened.data.evaluation)).inputs
    with torch.no_grad():
        opened.model.eval()(*((x[:, 0] for x in inputs) if opened.data.temporal else inputs))


def kinds(experiment: Experiment, registry: Registry) -> set[tuple[object, ...]]:
    """Return what an experiment is one of."""
    config = base(experiment, registry)
    search, left = (part.name if part else None for part in (config.search, config.exit))
    alone = {config.data.name, config.model.name, search, left, config.converter.name}
    paired = {config.task.name, preparation(experiment), search}
    return {*((kind,) for kind in alone), *((config.plugin, kind) for kind in paired)}


def test_a_run_is_there_for_every_kind_of_experiment(registry: Registry) -> None:
    missing = {name: kinds(file, registry) for name, file in EXPERIMENTS.items()}
    covered = set().union(*(missing[name] for name in RUN))
    assert not {name: left for name, kind in missing.items() if (left := kind - covered)}, "add one to RUN"


def preparation(experiment: Experiment) -> str:
    own = experiment.rows[0].experiment
    return experiment.prepare if own == experiment.name else EXPERIMENTS[own].prepare


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_row_resolves_and_says_what_it_is(name: str, registry: Registry) -> None:
    experiment = EXPERIMENTS[name]
    assert experiment.about
    root = root_word(experiment, Path("/none"))
    request = read_request(name, [*root, *([] if not root else ["model.weights=/none.pth"])], registry)
    for row in experiment.rows:
        for job in make_jobs(request, row, registry):
            config = resolve(job.words, registry)
            assert not job.timesteps or config.timesteps == job.timesteps[-1]
    bare = read_request(name, root, registry)
    trained = [row for row in experiment.rows if EXPERIMENTS[row.experiment].prepare.startswith("train")]
    for row in trained:
        for job in make_jobs(bare, row, registry):
            assert job.training is not None
            resolve_training(job.training, registry)


def test_what_a_paper_does_not_say_is_noted() -> None:
    rows = [(name, said) for name, file in EXPERIMENTS.items() for row in file.rows for said in row.published]
    of_logs = [said for name, said in rows if name.startswith("msat/") and said.table.startswith("figure")]
    assert len(of_logs) > 20
    assert all(said.note.startswith("from published code and logs") for said in of_logs)
    guessed = [said for name, said in rows if name.startswith("adafire/") and said.table == "7"]
    assert len(guessed) > 30
    assert all("T = 8 is a guess" in said.note for said in guessed)
    early = [said for _, said in rows if said.metric == "ANS"]
    assert len(early) == 8
    assert all("within the first 16 timesteps" in said.note for said in early)
    assert not [said for name, said in rows if name.startswith("inflor/table") and said.values]


def test_without_a_root_the_data_source_says_what_it_needs(registry: Registry) -> None:
    with pytest.raises(SnnfwError) as caught:
        resolve_training(["experiment=inflor/cifar10_resnet20"], registry)
    assert str(caught.value) == "data set 'cifar10' needs a value for 'root': give data.root=..."


def test_without_the_files_the_data_source_says_what_it_expects(registry: Registry, tmp_path: Path) -> None:
    words = ["experiment=ibra/imagenet_resnet34", f"data.root={tmp_path / 'no'}", f"out={tmp_path / 'out'}"]
    with pytest.raises(SnnfwError) as caught:
        train(resolve_training(words, registry))
    assert str(caught.value) == (
        f"data 'imagenet' finds no folder '{tmp_path}/no': expected there are train/CLASS/*.JPEG and "
        "val/CLASS/*.JPEG, with one folder per class such as n01440764."
    )


def test_the_frames_of_cifar10_dvs_are_zeros_and_ones(registry: Registry, roots: dict[str, Path]) -> None:
    data: Any = resolve_training(
        ["experiment=inflor/cifar10dvs_resnet19", f"data.root={roots['cifar10-dvs']}"], registry
    ).run.data
    sample, _ = data.open(None).training[0]
    assert sample.shape == (10, 2, 48, 48)
    assert sample.unique().tolist() == [0.0, 1.0]
