"""Trained weights in a file: safetensors, with what they were trained as, written whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from snnfw.errors import SnnfwError
from snnfw.files import replace_file

WEIGHTS = "model.safetensors"
"""The file of trained weights in a training's folder."""


def save_weights(model: nn.Module, path: Path, facts: Mapping[str, str]) -> None:
    """Write a network's parameters and buffers, with facts about them; the old file or the new one, never half."""
    # Each with memory of its own, as the format asks for: tied weights are written twice.
    state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in model.state_dict().items()}
    with replace_file(path, (OSError, SafetensorError)) as scratch:
        save_file(state, scratch, metadata=dict(facts))


def load_weights(model: nn.Module, folder: Path, plugin: str | None) -> Mapping[str, str]:
    """Give a network the weights that a training left in a folder, and return what they were trained as.

    Raises:
        SnnfwError: there are none, they are damaged, of another network, or of neurons that ``plugin`` does not have.

    """
    path = folder / WEIGHTS
    if not path.is_file():
        raise SnnfwError(f"checkpoint={folder} does not work: it holds no {WEIGHTS}, which a finished training leaves.")
    try:
        with safe_open(path, "pt") as file:
            facts, state = file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
    except (SafetensorError, OSError) as error:
        raise SnnfwError(f"'{path}' is damaged: train again, or copy it again.") from error
    trained = facts.get("plugin", "ann")
    if trained not in ("ann", plugin or ""):
        neurons = f"plugin={trained}, whose neurons" if trained else "neurons of its own (neuron, layers), which"
        again = f"run it with plugin={trained}" if trained else "leave plugin out"
        raise SnnfwError(
            f"checkpoint={folder} was trained with {neurons} plugin={plugin} does not have: {again}, or train with "
            "plugin=ann what is to be converted."
        )
    if fault := first_mismatch(state, model.state_dict()):
        raise SnnfwError(f"checkpoint={folder} is of another network: {fault}. Say the model that it was trained with.")
    model.load_state_dict(state)
    return facts


def first_mismatch(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> str:
    """Return the first difference between two sets of tensors, or nothing."""
    for name in [*wanted, *given]:
        if name not in given or name not in wanted:
            return f"'{name}' is {'missing' if name in wanted else 'not part of this one'}"
        if given[name].shape != wanted[name].shape:
            return f"'{name}' has the shape {list(given[name].shape)} and not {list(wanted[name].shape)}"
        if given[name].is_floating_point() != wanted[name].is_floating_point():
            return f"'{name}' holds {given[name].dtype} and not {wanted[name].dtype}"
    return ""
