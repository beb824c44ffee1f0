from __future__ import annotations

import copy
import io
import json
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from torch import Tensor, nn

import snnfw
from networks import ConvNet, noise, seeded
from snnfw import cli
from snnfw.archive.container import HEADER, TENSORS, pack, unpack
from snnfw.archive.files import read_network
from snnfw.archive.show import show_network
from snnfw.energy.horowitz import Horowitz
from snnfw.stages import acquire_resources, load_subject
from snnfw_plugins.yan import Yan

LABELS = torch.arange(12) % 5
REGISTRY = snnfw.Registry()


def images(samples: int = 12) -> Tensor:
    return noise(samples, 3, 8, 8).float()


@pytest.fixture(scope="module")
def net() -> nn.Module:
    return seeded(ConvNet).float().eval()


@pytest.fixture(scope="module")
def snn(net: nn.Module) -> snnfw.SpikingNetwork:
    return snnfw.convert(net, (images(), LABELS), method="adafire", timesteps=3)


def same_network(ours: snnfw.SpikingNetwork, theirs: snnfw.SpikingNetwork, x: Tensor) -> bool:
    ways = [torch.equal(ours(x), theirs(x)), torch.equal(ours(x[:2]), theirs(x[:2]))]
    tensors, others = ours.state_dict(), theirs.state_dict()
    ways += [torch.equal(tensors[name], others[name]) for name in tensors]
    return all(ways) and list(tensors) == list(others) and ours.plan.layers == theirs.plan.layers


@pytest.mark.parametrize("preset", sorted(REGISTRY.presets))
def test_every_preset_is_the_same_after_loading(preset: str, net: nn.Module, tmp_path: Path) -> None:
    if preset == "ann":
        pytest.skip("it places no neuron")
    if preset == "qcfs":
        pytest.skip("it is for networks with an activation of its own")
    made = snnfw.convert(net, (images(), LABELS), method=preset, timesteps=3, search=False)
    made.save(tmp_path / "net.snn")
    again = snnfw.load(tmp_path / "net.snn")
    assert same_network(made, again, images(7))
    assert again.about == made.about
    assert (again.memory, again.costs, again.timesteps) == (made.memory, made.costs, made.timesteps)


@pytest.mark.parametrize("neuron", sorted(REGISTRY.neurons))
def test_every_neuron_is_the_same_after_loading(neuron: str, net: nn.Module, tmp_path: Path) -> None:
    try:
        made = snnfw.convert(net, images(), method={"name": neuron}, timesteps=3, search=False)
    except snnfw.SnnfwError as error:
        pytest.skip(str(error))
    try:
        made.save(tmp_path / "net.snn")
    except snnfw.SnnfwError as error:
        assert not (tmp_path / "net.snn").exists()
        pytest.skip(f"it says that it cannot be kept: {error}")
    assert same_network(made, snnfw.load(tmp_path / "net.snn"), images(7))


EMBEDDED = [
    "task=classification plugin=adafire search=null exit=null",
    "task=classification model=digits-vgg plugin=msat",
    "task=events plugin=rate",
    "task=detection plugin=adafire",
    "task=detection model=scenes-yolo-silu plugin=burst",
    "task=segmentation plugin=adafire",
    "task=pointcloud plugin=msat",
    "task=pointcloud task.head=parts plugin=burst",
    "task=pointcloud task.head=parts plugin=sigmadelta",
    "task=events plugin=sigmadelta",
    "task=speech plugin=sigmadelta",
    "task=text plugin=msat",
    "task=text model=sentences-transformer plugin=sigmadelta",
]


@pytest.mark.parametrize("words", EMBEDDED)
def test_every_embedded_network_is_the_same_after_loading(words: str, tmp_path: Path) -> None:
    amounts = ["timesteps=2", "task.limit=6", "task.calibration=8", "task.batch=4"]
    config = snnfw.resolve([*words.split(), *amounts], REGISTRY)
    subject = load_subject(config, acquire_resources(config, Console(quiet=True)))
    data = subject.bundle.data
    made = snnfw.convert(
        subject.bundle.model, data.calibration, method=config.plugin, search=False, timesteps=2, frames=data.frames
    )
    made.save(tmp_path / "net.snn")
    again = snnfw.load(tmp_path / "net.snn")
    inputs = [tensor[:3] for tensor in next(iter(data.evaluation)).inputs]
    leaves = [torch.utils._pytree.tree_leaves(each(*inputs)) for each in (made, again)]
    assert len(leaves[0]) == len(leaves[1])
    assert all(map(torch.equal, *leaves))


COPIES: dict[str, Callable[[Any], Any]] = {
    "copy.deepcopy": copy.deepcopy,
    "pickle": lambda snn: pickle.loads(pickle.dumps(snn)),  # noqa: S301  # our own
    "torch.save": lambda snn: through_torch(snn),
}


def through_torch(snn: snnfw.SpikingNetwork) -> Any:
    file = io.BytesIO()
    torch.save(snn, file)
    return torch.load(io.BytesIO(file.getvalue()), weights_only=False)


@pytest.mark.parametrize("way", COPIES)
def test_copies_are_the_same_and_share_nothing(way: str, snn: snnfw.SpikingNetwork) -> None:
    made = COPIES[way](snn)
    assert same_network(made, snn, images(5))
    expected = snn(images(5))
    with torch.no_grad():
        for tensor in made.state_dict().values():
            tensor.zero_()
    assert torch.equal(snn(images(5)), expected)


BARE = """
import importlib.abc, sys

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torchvision", "ultralytics", "timm", "networks"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
import torch
import snnfw

snn, (x, expected) = snnfw.load(sys.argv[1]), torch.load(sys.argv[2])
assert torch.equal(snn(x), expected)
"""


def test_a_file_opens_where_neither_torchvision_nor_the_network_s_code_is(
    snn: snnfw.SpikingNetwork, tmp_path: Path
) -> None:
    snn.save(tmp_path / "net.snn")
    torch.save([images(5), snn(images(5))], tmp_path / "expected.pt")
    command = [sys.executable, "-c", BARE, str(tmp_path / "net.snn"), str(tmp_path / "expected.pt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # this very file's code
    assert done.returncode == 0, done.stderr


class Tiny(nn.Module):
    """A network small enough that every byte of its file can be tried."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, 2]."""
        result: Tensor = self.layer(x).relu()
        return result


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("tiny") / "net.snn"
    made = snnfw.convert(seeded(Tiny).eval(), noise(8, 2).float(), method="if", timesteps=2)
    bare = snnfw.SpikingNetwork(made.model)
    bare.save(path)
    return path.read_bytes()


def outcome(content: bytes) -> Any:
    """Return what a network of these bytes computes, or the sentence that says why there is none."""
    try:
        model = read_network(content, REGISTRY).model
    except snnfw.SnnfwError as error:
        return str(error).replace("\n", "a sentence has one line")
    return model(noise(3, 2).float())


def test_no_flipped_byte_is_believed(tiny: bytes) -> None:
    expected = outcome(tiny)
    assert isinstance(expected, Tensor)
    refused = 0
    for at in range(0, len(tiny), 3):
        found = outcome(bytes((*tiny[:at], tiny[at] ^ 0x55, *tiny[at + 1 :])))
        refused += isinstance(found, str)
        assert "one line" not in str(found)
        assert isinstance(found, str) or torch.equal(found, expected), at
    assert refused > 0.9 * len(tiny) / 3


def test_no_cut_file_is_believed(tiny: bytes) -> None:
    for length in range(0, len(tiny), 23):
        assert isinstance(outcome(tiny[:length]), str), length


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def changed(tiny: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    header, tensors = unpack(tiny)
    change(header)
    return pack({key: value for key, value in header.items() if key not in ("format", "schema")}, tensors)


def node(header: dict[str, Any], operation: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in header["model"]["graph"]["nodes"] if each["op"] == operation)
    return found


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "an operator of another kind": (
        lambda h: node(h, "call_function").update(target="aten.from_file.default"), "operator 'aten.from_file.default'"
    ),
    "a function of Python": (lambda h: node(h, "call_function").update(target="os.system"), "'os.system' is not allowed"),
    "a node of another kind": (lambda h: node(h, "call_function").update(op="call_module"), "'call_module' is not known"),
    "code for a name": (
        lambda h: node(h, "placeholder").update(target="x=__import__('os').abort()"), "in its graph is not allowed"
    ),
    "code for a keyword": (
        lambda h: node(h, "call_function").update(kwargs={"a=1); import os; os.abort() #": 1}), "is not allowed"
    ),
    "code for an input": (
        lambda h: h["model"]["graph"].update(input_names=["x): import os; os.abort() #"]), "in its graph is not allowed"
    ),
    "a constant that is not there": (lambda h: node(h, "get_attr").update(target="__class__"), "constant '__class__'"),
    "a name that is a path": (lambda h: node(h, "placeholder").update(name="a.b/../c"), "in its graph is not allowed"),
    "a reference to nothing": (
        lambda h: node(h, "call_function").update(args={"tuple": [{"node": "nobody"}]}), "is damaged, was changed"
    ),
    "a neuron of nobody": (
        lambda h: h["model"]["sites"][0]["neuron"].update(name="secret"), "the neuron 'secret' at .* which is not here"
    ),
    "another field": (lambda h: h["model"]["sites"][0]["neuron"].update(phi=3), "has no parameter 'phi'"),
    "another rule": (lambda h: h["model"]["layers"][0].update(run="print()"), "has no key 'run'"),
    "other kinds": (lambda h: h["model"]["kinds"].update(relu="linear"), "and was linear where it was saved"),
    "no timesteps": (lambda h: h["model"].update(timesteps=0), "timesteps=0 is not allowed"),
    "another price": (lambda h: h["costs"].update(mac_pj=-1), "mac_pj"),
    "another energy model's price": (lambda h: h["costs"].update(name="yan"), "'yan' has no parameter 'mac_pj'"),
    "an energy model of nobody": (lambda h: h["costs"].update(name="secret"), "model 'secret' is of a plugin that is not here"),
    "an energy model without a name": (lambda h: h["costs"].update(name=3), "'3' is of a plugin that is not here"),
    "no model": (lambda h: h.pop("model"), "is damaged, was changed"),
}  # fmt: skip


def test_the_energy_model_is_kept_by_name_and_parameters(net: nn.Module, tmp_path: Path) -> None:
    made = snnfw.convert(
        net, images(), method="if", timesteps=2, energy={"name": "yan", "e_w": 0.25}, registry=REGISTRY
    )
    made.save(tmp_path / "net.snn")
    assert snnfw.load(tmp_path / "net.snn").costs == made.costs == Yan(e_w=0.25)


def test_prices_of_when_there_was_one_energy_model_are_read(tiny: bytes) -> None:
    old = changed(tiny, lambda h: h.update(costs={"mac_pj": 3.2, "ac_pj": 0.1, "static": "per_step"}))
    assert read_network(old, REGISTRY).costs == Horowitz(mac_pj=3.2, ac_pj=0.1, static="per_step")


@pytest.mark.parametrize("name", CHANGES)
def test_what_somebody_changed_is_one_sentence(name: str, tiny: bytes) -> None:
    change, message = CHANGES[name]
    with pytest.raises(snnfw.SnnfwError, match=message) as raised:
        read_network(changed(tiny, change), REGISTRY)
    assert "\n" not in str(raised.value)


def members(tiny: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(tiny)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def other_schema(tiny: bytes) -> bytes:
    header = json.loads(members(tiny)[HEADER])
    return zipped({**members(tiny), HEADER: json.dumps({**header, "schema": 2}).encode()})


def claiming(tiny: bytes) -> bytes:
    """Return a file whose tensors claim a terabyte."""
    header = b'{"model/x":{"dtype":"F32","shape":[250000000000],"data_offsets":[0,1000000000000]}}'
    return zipped({**members(tiny), TENSORS: len(header).to_bytes(8, "little") + header})


FILES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "is damaged, was changed, or is no network"),
    "text": (lambda _: b"# nothing\n", "is no network of snnfw"),
    "another zip": (lambda _: zipped({"a.txt": b"x"}), "holds other members"),
    "a path": (lambda tiny: zipped({**members(tiny), "../evil.py": b"x"}), "holds other members"),
    "an absolute path": (lambda tiny: zipped({**members(tiny), "/evil.py": b"x"}), "holds other members"),
    "compressed": (lambda tiny: zipped(members(tiny), zipfile.ZIP_DEFLATED), "is compressed or encrypted"),
    "a bomb": (
        lambda tiny: zipped({**members(tiny), HEADER: b" " * 2**27}, zipfile.ZIP_DEFLATED), "is compressed or encrypted"
    ),
    "a long header": (lambda tiny: zipped({**members(tiny), HEADER: b" " * 2**27}), "its header has"),
    "no JSON": (lambda tiny: zipped({**members(tiny), HEADER: b"{"}), "is damaged, was changed"),
    "deep JSON": (lambda tiny: zipped({**members(tiny), HEADER: b"[" * 10**6}), "is damaged, was changed"),
    "JSON of something else": (lambda tiny: zipped({**members(tiny), HEADER: b"[]"}), "does not say that it is"),
    "a newer schema": (other_schema, "its schema is 2 and this version reads 1"),
    "a terabyte": (claiming, "is damaged, was changed"),
    "tensors of another": (lambda tiny: zipped({**members(tiny), TENSORS: b"\2" + bytes(7) + b"{}"}), "cannot be opened"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_what_is_no_network_is_one_sentence(name: str, tiny: bytes, tmp_path: Path) -> None:
    make, message = FILES[name]
    path = tmp_path / "net.snn"
    path.write_bytes(make(tiny))
    with pytest.raises(snnfw.SnnfwError, match=message) as raised:
        snnfw.load(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)
    if name not in ("a terabyte", "tensors of another"):  # what is shown reads no tensor
        with pytest.raises(snnfw.SnnfwError, match=message):
            show_network(path, Console(quiet=True))
    assert [each.name for each in tmp_path.iterdir()] == ["net.snn"]


def test_two_members_of_one_name_are_refused(tiny: bytes) -> None:
    file = io.BytesIO(tiny)
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(HEADER, b"{}")
    assert "holds other members" in outcome(file.getvalue())


def test_what_is_not_there_or_no_path_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(snnfw.SnnfwError, match="is not there"):
        snnfw.load(tmp_path / "net.snn")
    with pytest.raises(snnfw.SnnfwError, match="is a folder: name the file in it"):
        snnfw.load(tmp_path)
    with pytest.raises(snnfw.SnnfwError, match="what to load is an int"):
        snnfw.load(3)  # type: ignore[arg-type]


def later(begin: Callable[[Tensor], tuple[Tensor, ...]], drive: Tensor) -> tuple[Tensor, ...]:
    return tuple(state + 10 for state in begin(drive))


def test_a_neuron_that_would_be_another_one_is_refused_when_it_is_saved(
    net: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = snnfw.convert(net, images(), method="if", timesteps=3)
    for _, neuron in made.model.site_neurons():
        shifted = partial(later, neuron.begin)
        monkeypatch.setattr(neuron, "begin", shifted)
        monkeypatch.setattr(neuron, "kernel", lambda: None)
    with pytest.raises(snnfw.SnnfwError, match="cannot be saved: read back, it computes something else"):
        made.save(tmp_path / "net.snn")
    assert not list(tmp_path.iterdir())


def test_a_run_keeps_its_network_which_scores_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["task=classification", "task.limit=20", "task.calibration=32"]
    assert cli.main(["run", *words, "plugin=signed", "timesteps=2", f"out={tmp_path / 'a'}"]) == 0
    kept = tmp_path / "a" / "net.snn"
    assert cli.main(["run", *words, f"checkpoint={kept}", "save=false", f"out={tmp_path / 'b'}"]) == 0
    first, second = (json.loads((tmp_path / name / "report.json").read_text()) for name in "ab")
    for each in (first, second):
        each["network"].pop("seconds")
    assert second["network"] == first["network"]
    assert second["checkpoints"] == first["checkpoints"]
    assert second["layers"] == first["layers"]
    assert not (tmp_path / "b" / "net.snn").exists()
    capsys.readouterr()
    assert cli.main(["show", str(kept)]) == 0
    shown = capsys.readouterr().out
    assert all(said in shown for said in ("classification", "signed", "digits-resnet20", "layer1.0.relu1", "accuracy"))
    sent = changed(kept.read_bytes(), lambda header: header["about"]["versions"].update(snnfw="\x1b[2J\x07"))
    (tmp_path / "sent.snn").write_bytes(sent)
    assert cli.main(["show", str(tmp_path / "sent.snn")]) == 0
    assert "\x1b[2J" not in capsys.readouterr().out, "a terminal obeys nothing that somebody sent"
    wrong = {
        "plugin=signed": "leave plugin out",
        "neuron=if": "leave neuron out",
        "timesteps=4": "leave timesteps out",
        "checkpoints=[1,9]": "checkpoints=[1, 9] is not allowed|checkpoints=[1,9] is not allowed",
        "task=events": "takes single inputs, and the data holds frames",
        "task=segmentation": "was captured for inputs of shape",
    }
    for word, message in wrong.items():
        assert cli.main(["run", *words[:1], f"checkpoint={kept}", word]) == 2
        said = capsys.readouterr().err
        assert any(part in said for part in message.split("|")), said
    assert cli.main(["compare", *words, "methods=[if]", f"checkpoint={kept}"]) == 2
    assert "is a spiking network already" in capsys.readouterr().err
