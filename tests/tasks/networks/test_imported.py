from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
import torch

from snnfw.errors import SnnfwError
from snnfw.values import Resources
from snnfw_tasks.networks.imported import CallableModel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOURCE = """
import torch

WIDTH = 3

def net(width=WIDTH):
    import nearby_nets  # a module found only from the current folder, at call time
    return torch.nn.Linear(width, 10)

def number():
    return 7

def spread():
    return torch.nn.DataParallel(net())

def compiled():
    return torch.compile(net())
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "nearby_nets.py").write_text(SOURCE)
    (tmp_path / "nearby_broken.py").write_text("import nowhere_to_be_found")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for module in ("nearby_nets", "nearby_broken"):
        sys.modules.pop(module, None)


def test_the_current_folder_is_importable_while_building(here: Path) -> None:
    path = list(sys.path)
    one, same, other = (
        CallableModel("nearby_nets:net", args={"width": 5}).build(10, Resources(seed=seed)).state_dict()
        for seed in (0, 0, 1)
    )
    assert one["weight"].shape == (10, 5)
    assert one["weight"].equal(same["weight"])
    assert not one["weight"].equal(other["weight"])
    assert sys.path == path


def test_weights_come_from_a_file(here: Path) -> None:
    saved = torch.nn.Linear(3, 10)
    torch.save(saved.state_dict(), here / "w.pth")
    built = CallableModel("nearby_nets:net", here / "w.pth").build(10, Resources())
    assert built.state_dict()["weight"].equal(saved.weight)


@pytest.mark.parametrize("wrapped", ["spread", "compiled"])
def test_a_wrapped_network_takes_its_own_file_and_the_plain_one(here: Path, wrapped: str) -> None:
    saved = torch.nn.Linear(3, 10)
    prefix = {"spread": "module.", "compiled": "_orig_mod."}[wrapped]
    for names in ("", prefix):
        torch.save({f"{names}{key}": value for key, value in saved.state_dict().items()}, here / "w.pth")
        built = CallableModel(f"nearby_nets:{wrapped}", here / "w.pth").build(10, Resources())
        assert type(built) is torch.nn.Linear
        assert built.weight.equal(saved.weight)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            CallableModel("nearby_nets.net"),
            "model target 'nearby_nets.net' is not of the form package.module:callable.",
        ),
        (
            CallableModel("not_here.nets:net"),
            "no module named 'not_here' in 'HERE' or among the installed packages (model target 'not_here.nets:net').",
        ),
        (
            CallableModel("nearby_broken:net"),
            "module 'nearby_broken' cannot be imported: ModuleNotFoundError: No module named 'nowhere_to_be_found'.",
        ),
        (
            CallableModel("nearby_nets:nett"),
            "module 'nearby_nets' has no callable named 'nett'. Did you mean 'net'?",
        ),
        (CallableModel("nearby_nets:WIDTH"), "module 'nearby_nets' has no callable named 'WIDTH'."),
        (
            CallableModel("nearby_nets:net", args={"hight": 1}),
            "'nearby_nets:net' failed with model.args={'hight': 1}: "
            "TypeError: net() got an unexpected keyword argument 'hight'.",
        ),
        (CallableModel("nearby_nets:number"), "'nearby_nets:number' returns a int, not a torch.nn.Module."),
    ],
)
def test_a_mistake_is_told_in_one_sentence(here: Path, source: CallableModel, message: str) -> None:
    with pytest.raises(SnnfwError) as caught:
        source.build(10, Resources())
    assert str(caught.value) == message.replace("HERE", str(here))
