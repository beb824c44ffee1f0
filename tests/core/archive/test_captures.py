from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from captured_code import SCALES, ReadsGlobal, other_forward
from networks import ConvNet, noise, seeded
from snnfw.archive import captures
from snnfw.archive.captures import capture_key, capture_once
from snnfw.capture import export
from snnfw.errors import SnnfwError


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv("SNNFW_CAPTURES")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "snnfw" / "captures"


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[nn.Module]:
    """Return the networks that were really captured."""
    seen: list[nn.Module] = []

    def capture(model: nn.Module, example: tuple[Tensor, ...]) -> Any:
        seen.append(model)
        return real(model, example)

    real = export.capture
    monkeypatch.setattr(captures, "capture", capture)
    return seen


def example() -> tuple[Tensor]:
    return (noise(2, 3, 8, 8),)


def network() -> nn.Module:
    return seeded(ConvNet).double().eval()


def test_a_network_is_captured_once(folder: Path, counted: list[nn.Module]) -> None:
    first, again = capture_once(network(), example()), capture_once(network(), example())
    assert len(counted) == 1
    assert len(list(folder.iterdir())) == 1
    x = noise(5, 3, 8, 8, seed=3)
    assert torch.equal(first(x), again(x))
    assert (again.where, again.macs, again.paths, again.sites) == (first.where, first.macs, first.paths, first.sites)


def set_weight(net: Any) -> None:
    with torch.no_grad():
        net.head.weight[0, 0] = torch.nextafter(net.head.weight[0, 0], torch.tensor(9.0, dtype=torch.float64))


CHANGES: dict[str, Callable[[Any], Any]] = {
    "the last bit of a weight": set_weight,
    "a statistic": lambda net: net.bn1.running_var.mul_(2),
    "an attribute of a layer": lambda net: setattr(net.bn1, "eps", 1e-3),
    "an attribute of its own": lambda net: setattr(net, "scale", 2),
    "another layer": lambda net: setattr(net, "relu", nn.SiLU()),
    "a hook": lambda net: net.register_forward_hook(lambda *_: None),
    "a forward of its own": lambda net: setattr(net, "forward", other_forward),
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_changes_the_network_changes_the_key(name: str) -> None:
    net = network()
    before = capture_key(copy.deepcopy(net), example())
    assert capture_key(copy.deepcopy(net), example()) == before
    CHANGES[name](net)
    assert capture_key(net, example()) != before


def test_another_example_or_version_has_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    examples = [
        noise(2, 3, 8, 8),
        noise(3, 3, 8, 8),
        noise(2, 3, 8, 8).float(),
        noise(2, 3, 9, 9),
        noise(2, 3, 8, 8, seed=1),
    ]
    keys = [capture_key(network(), (x,)) for x in examples]
    monkeypatch.setattr(captures, "version", lambda name: "99")
    assert len({*keys, capture_key(network(), example())}) == len(examples) + 1


def test_what_no_key_tells_is_held_against_the_network(
    folder: Path, counted: list[nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    net, x = ReadsGlobal().double().eval(), noise(2, 4)
    assert torch.equal(capture_once(net, (x,))(x), net(x))
    key = capture_key(net, (x,))
    monkeypatch.setitem(SCALES, "now", 3.0)
    assert capture_key(net, (x,)) == key, "a mapping may change as the program runs"
    assert torch.equal(capture_once(net, (x,))(x), net(x))
    assert len(counted) == 2


@pytest.mark.parametrize("content", [b"", b"nothing", None])
def test_a_damaged_file_is_made_anew(content: bytes | None, folder: Path, counted: list[nn.Module]) -> None:
    capture_once(network(), example())
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-9] if content is None else content)
    capture_once(network(), example())
    assert len(counted) == 2
    assert path.read_bytes() == whole


def test_what_was_not_used_for_longest_goes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    capture_once(network(), example())
    (first,) = folder.iterdir()
    monkeypatch.setattr(captures, "MOST", int(first.stat().st_size * 1.5))
    capture_once(network(), (noise(2, 3, 8, 8, seed=1),))
    assert len(list(folder.iterdir())) == 1
    assert not first.exists()


def test_nothing_is_kept_where_nobody_wants_it_or_nothing_can_be(
    folder: Path, counted: list[nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("a file where the folder would be")
    for _ in range(2):
        capture_once(network(), example())
    folder.unlink()
    monkeypatch.setenv("SNNFW_CAPTURES", "none")
    capture_once(network(), example())
    assert len(counted) == 3
    assert not folder.exists()


def test_what_is_no_network_is_refused_as_ever(folder: Path) -> None:
    with pytest.raises(SnnfwError, match="what to capture"):
        capture_once(3, example())  # type: ignore[arg-type]
    with pytest.raises(SnnfwError, match="in training mode"):
        capture_once(network().train(), example())
    assert not folder.exists()
