"""Weights are found in every file that people have, and nothing is guessed."""

from __future__ import annotations

import pickle
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from snnfw.errors import SnnfwError
from snnfw_tasks.networks.checkpoint import build_seeded, load_weights
from snnfw_tasks.samples.probe import require_finite

if TYPE_CHECKING:
    from pathlib import Path


def network(outputs: int = 2) -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, outputs), nn.BatchNorm1d(outputs))


State: TypeAlias = "dict[str, Any]"


def named(state: State, prefix: str) -> State:
    return {f"{prefix}{key}": value for key, value in state.items()}


def other(state: State) -> State:
    return {key: value + 1 for key, value in state.items()}


WRAPPINGS: dict[str, Callable[[State], object]] = {
    "nothing": lambda state: state,
    "torch.compile": lambda state: named(state, "_orig_mod."),
    "DataParallel": lambda state: named(state, "module."),
    "both": lambda state: {"model": named(state, "module._orig_mod."), "epoch": 3},
    "a compiled layer": lambda state: {key.replace("0.", "0._orig_mod."): value for key, value in state.items()},
    "Lightning": lambda state: {"state_dict": named(state, "model."), "epoch": 3, "optimizer_states": [{}]},
    "PyTorch's tutorial": lambda state: {"model_state_dict": state, "epoch": 3},
    "PyTorch's ImageNet example": lambda state: {"state_dict": named(state, "module."), "best_acc1": torch.tensor(0.9)},
    "SpikingJelly's examples": lambda state: {"net": state, "max_test_acc": 0.9},
    "an optimiser beside it": lambda state: {
        "model": state,
        "optimizer": {"state": {0: {"exp_avg": torch.ones(2, 3), "step": torch.tensor(1.0)}}, "param_groups": []},
    },
    "the script's arguments beside it": lambda state: {"model": state, "args": Namespace(rate=0.1)},
    "two mappings": lambda state: {"checkpoint": {"params": state}},
    "an equal average beside it": lambda state: {"model": state, "model_ema": dict(state)},
    "another network beside it": lambda state: {"generator": network(5).state_dict(), "classifier": state},
    "no counters of batches": lambda state: {k: v for k, v in state.items() if "num_batches" not in k},
}


@pytest.mark.parametrize("name", ["w.pth", "model_best.pth.tar", "last.ckpt", "weights"])
@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_weights_are_found_in_what_scripts_wrap_around_them(tmp_path: Path, wrapping: str, name: str) -> None:
    saved, loaded = network(), network()
    torch.save(WRAPPINGS[wrapping](saved.state_dict()), tmp_path / name)
    load_weights(loaded, tmp_path / name)
    wanted = saved.state_dict()
    assert all(tensor.equal(wanted[key]) for key, tensor in loaded.state_dict().items())


def test_safetensors_are_known_by_their_content(tmp_path: Path) -> None:
    saved, loaded = network(), network()
    (tmp_path / "w.bin").write_bytes(write_safetensors(tmp_path / "w", saved.state_dict()).read_bytes())
    load_weights(loaded, tmp_path / "w.bin")
    assert loaded.state_dict()["0.weight"].equal(saved.state_dict()["0.weight"])


def test_a_part_says_which_of_several_to_take(tmp_path: Path) -> None:
    state, path = network().state_dict(), tmp_path / "w.pth"
    torch.save(
        {"model": state, "model_ema": other(state), "lightning": named(state, "a.") | named(other(state), "b.")}, path
    )
    for part, offset in {"model": 0, "model_ema": 1, "a": 0, "lightning.b": 1}.items():
        loaded = network()
        load_weights(loaded, tmp_path / f"w.pth#{part}")
        assert loaded.state_dict()["0.weight"].equal(state["0.weight"] + offset)


def test_a_network_that_is_compiled_itself_takes_plain_names(tmp_path: Path) -> None:
    saved, loaded = network(), network()
    loaded[0] = torch.compile(loaded[0])  # type: ignore[assignment]  # a module all the same
    torch.save(saved.state_dict(), tmp_path / "w.pth")
    load_weights(loaded, tmp_path / "w.pth")
    assert loaded.state_dict()["0._orig_mod.weight"].equal(saved.state_dict()["0.weight"])


def test_half_precision_is_cast_to_the_networks(tmp_path: Path) -> None:
    state = {key: value.half() for key, value in network().state_dict().items()}
    save_file(state, tmp_path / "w.safetensors")
    loaded = network()
    load_weights(loaded, tmp_path / "w.safetensors")
    weight = loaded.state_dict()["0.weight"]
    assert weight.dtype == torch.float32
    assert weight.equal(state["0.weight"].float())


def endless() -> State:
    content: State = {"epoch": 3}
    content["again"] = content
    return content


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (sorted, ("unpickled",))


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
        "weights 'FILE' have an unknown format: give a safetensors file, or one that torch.save wrote.",
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
        lambda f: write(f / "w.pt", pickle.dumps(Evil(), 2)),
        "weights 'FILE' cannot be read with weights_only=True (they hold a sorted, which could run as code): "
        "save model.state_dict() again, or convert them to safetensors.",
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
    "a wrapped one of another width": (
        lambda f: write_pytorch(f / "w.pth", {"net": named(network(5).state_dict(), "module."), "x": torch.ones(1)}),
        "weights 'FILE' are of another architecture: "
        "6 of another shape (first '0.weight' is [5, 3] instead of [2, 3]).",
    ),
    "numbers for names": (
        lambda f: write_pytorch(f / "w.pth", {0: torch.zeros(1)}),
        "weights 'FILE' hold tensors under numbers, not names: save model.state_dict() instead.",
    ),
    "a mapping that holds itself": (
        lambda f: write_pytorch(f / "w.pth", endless()),
        "weights 'FILE' hold something other than named tensors: save model.state_dict() instead.",
    ),
    "two that fit": (
        lambda f: write_pytorch(f / "w.pth", {"model": network().state_dict(), "ema": other(network().state_dict())}),
        "weights 'FILE' hold several that fit and differ: say which, of FILE#model, FILE#ema.",
    ),
    "two that fit under prefixes": (
        lambda f: write_pytorch(f / "w.pth", named(network().state_dict(), "q.") | named(network().state_dict(), "k.")),
        "weights 'FILE' hold several that fit and differ: say which, of FILE#q, FILE#k.",
    ),
    "more beside what fits": (
        lambda f: write_pytorch(f / "w.pth", {"loss.weight": torch.ones(2), **named(network().state_dict(), "model.")}),
        "weights 'FILE' hold 1 more (first 'loss.weight') beside those that fit: say FILE#model to leave them out.",
    ),
    "one layer too many": (
        lambda f: write_pytorch(f / "w.pth", {"2.weight": torch.ones(2), **network().state_dict()}),
        "weights 'FILE' are of another architecture: 1 unexpected (first '2.weight').",
    ),
    "whole numbers": (
        lambda f: write_pytorch(f / "w.pth", {k: (9 * v).to(torch.int8) for k, v in network().state_dict().items()}),
        "weights 'FILE' are of another architecture: 6 of another type (first '0.weight' is int8 instead of float32).",
    ),
    "tensors without values": (
        lambda f: write_pytorch(f / "w.pth", {k: v.to("meta") for k, v in network().state_dict().items()}),
        "weights 'FILE' are of another architecture: "
        "7 of another type (first '0.weight' is float32 without values instead of float32).",
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
    one, same, other = (build_seeded(network, seed).state_dict()["0.weight"] for seed in (1, 1, 2))
    assert one.equal(same)
    assert not one.equal(other)
    assert torch.get_rng_state().equal(before)


def test_a_part_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = write_pytorch(tmp_path / "w.pth", {"model": network().state_dict()})
    with pytest.raises(SnnfwError) as caught:
        load_weights(network(), tmp_path / "w.pth#ema")
    assert str(caught.value) == f"weights '{path}#ema' have no part 'ema' that fits. What fits: {path}#model."
