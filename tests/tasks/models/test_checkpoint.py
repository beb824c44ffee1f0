from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from snnfw.errors import SnnfwError
from snnfw_tasks.models.checkpoint import load_weights, require_finite, seeded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def network(outputs: int = 2) -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, outputs), nn.BatchNorm1d(outputs))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": state},
        lambda state: {f"module.{key}": value for key, value in state.items()},
    ],
)
def test_pytorch_files_load_with_and_without_wrappings(
    tmp_path: Path, wrap: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    saved, loaded = network(), network()
    torch.save(wrap(saved.state_dict()), tmp_path / "w.pth")
    load_weights(loaded, tmp_path / "w.pth")
    assert loaded.state_dict()["0.weight"].equal(saved.state_dict()["0.weight"])


def test_half_precision_is_cast_to_the_networks(tmp_path: Path) -> None:
    state = {key: value.half() for key, value in network().state_dict().items()}
    save_file(state, tmp_path / "w.safetensors")
    loaded = network()
    load_weights(loaded, tmp_path / "w.safetensors")
    weight = loaded.state_dict()["0.weight"]
    assert weight.dtype == torch.float32
    assert weight.equal(state["0.weight"].float())


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("unpickled",))


def write_safetensors(path: Path, state: dict[str, Any]) -> Path:
    save_file(state, path)
    return path


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def write_pytorch(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


MISTAKES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no file": (lambda f: f / "w.pth", "weights 'FILE' do not exist: check the path."),
    "another format": (
        lambda f: write(f / "w.onnx", b""),
        "weights 'FILE' have an unknown format: allowed are .safetensors, .pth, .pt.",
    ),
    "damaged safetensors": (
        lambda f: write(f / "w.safetensors", b"x" * 99),
        "weights 'FILE' cannot be read as safetensors: the file is damaged.",
    ),
    "damaged PyTorch file": (
        lambda f: write(f / "w.pth", b"x" * 99),
        "weights 'FILE' cannot be read with weights_only=True: save model.state_dict() again, "
        "or convert them to safetensors.",
    ),
    "a pickle that runs code": (
        lambda f: write(f / "w.pt", pickle.dumps(Evil())),
        "weights 'FILE' cannot be read with weights_only=True: save model.state_dict() again, "
        "or convert them to safetensors.",
    ),
    "no state": (
        lambda f: write_pytorch(f / "w.pth", [1, 2]),
        "weights 'FILE' hold something other than named tensors: save model.state_dict() instead.",
    ),
    "another width": (
        lambda f: write_safetensors(f / "w.safetensors", network(5).state_dict()),
        "weights 'FILE' are of another architecture: "
        "6 of another shape (first '0.weight' is [5, 3] instead of [2, 3]).",
    ),
    "other layers": (
        lambda f: write_safetensors(f / "w.safetensors", nn.Linear(3, 2).state_dict()),
        "weights 'FILE' are of another architecture: 6 missing (first '0.weight'), 2 unexpected (first 'bias').",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_unusable_weights_are_told_in_one_sentence(
    tmp_path: Path, mistake: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make, message = MISTAKES[mistake]
    path = make(tmp_path)
    with pytest.raises(SnnfwError) as caught:
        load_weights(network(), path)
    assert str(caught.value) == message.replace("FILE", str(path))
    assert "unpickled" not in capsys.readouterr().out


def test_a_parameter_or_buffer_that_is_not_a_number_is_named() -> None:
    module = network()
    state = module.state_dict()  # shares the module's memory
    state["1.running_var"][0] = torch.inf  # as attention masks hold it
    require_finite(module, "mine")
    state["1.running_var"][0] = torch.nan
    with pytest.raises(SnnfwError) as caught:
        require_finite(module, "mine")
    assert str(caught.value) == "buffer '1.running_var' of model 'mine' holds NaN: use other weights."
    state["0.bias"][1] = torch.inf
    with pytest.raises(SnnfwError) as caught:
        require_finite(module, "mine")
    assert str(caught.value) == "parameter '0.bias' of model 'mine' holds NaN or infinity: use other weights."


def test_a_seed_gives_the_same_network_and_leaves_torchs_state() -> None:
    before = torch.get_rng_state()
    one, same, other = (seeded(network, seed).state_dict()["0.weight"] for seed in (1, 1, 2))
    assert one.equal(same)
    assert not one.equal(other)
    assert torch.get_rng_state().equal(before)
