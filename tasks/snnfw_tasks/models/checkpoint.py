"""Read weights from safetensors and PyTorch files, run nothing in them, and check that they fit."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from snnfw.errors import SnnfwError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import Tensor, nn

SUFFIXES = (".safetensors", ".pth", ".pt")


def load_weights(module: nn.Module, path: Path) -> None:
    """Copy a file's weights into the module, cast to the module's precision; all of them have to fit."""
    state = read_weights(path)
    if mismatch := describe_mismatch(state, module.state_dict()):
        raise SnnfwError(f"weights '{path}' are of another architecture: {mismatch}.")
    module.load_state_dict(state, strict=False)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors in a file by name, without the wrappings that training scripts put around them."""
    if path.suffix not in SUFFIXES:
        raise SnnfwError(f"weights '{path}' have an unknown format: allowed are {', '.join(SUFFIXES)}.")
    if not path.is_file():
        raise SnnfwError(f"weights '{path}' do not exist: check the path.")
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pytorch(path)
    for key in ("state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(v, torch.Tensor) for v in content.values()):
        raise SnnfwError(f"weights '{path}' hold something other than named tensors: save model.state_dict() instead.")
    wrapped = all(key.startswith("module.") for key in content)  # by DataParallel
    return {key.removeprefix("module.") if wrapped else key: value for key, value in content.items()}


def _read_safetensors(path: Path) -> object:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise SnnfwError(f"weights '{path}' cannot be read as safetensors: the file is damaged.") from error


def _read_pytorch(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise SnnfwError(
            f"weights '{path}' cannot be read with weights_only=True: save model.state_dict() again, "
            "or convert them to safetensors."
        ) from error


def describe_mismatch(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> str:
    """Return how the given tensors differ from the wanted ones, with counts and first names, or nothing."""
    missing = [k for k in wanted if k not in given and not k.endswith("num_batches_tracked")]
    unexpected = [k for k in given if k not in wanted]
    reshaped = [
        f"'{key}' is {list(given[key].shape)} instead of {list(tensor.shape)}"
        for key, tensor in wanted.items()
        if key in given and given[key].shape != tensor.shape
    ]
    counts = (
        _count([f"'{key}'" for key in missing], "missing"),
        _count([f"'{key}'" for key in unexpected], "unexpected"),
        _count(reshaped, "of another shape"),
    )
    return ", ".join(count for count in counts if count)


def _count(names: Sequence[str], what: str) -> str:
    return f"{len(names)} {what} (first {names[0]})" if names else ""


def require_finite(module: nn.Module, model: str) -> None:
    """Raise an SnnfwError that names the first parameter with NaN or infinity, or the first buffer with NaN.

    A buffer may hold infinity on purpose: attention masks do.
    """
    for key, parameter in module.named_parameters():
        if not parameter.isfinite().all():
            raise SnnfwError(f"parameter '{key}' of model '{model}' holds NaN or infinity: use other weights.")
    for key, buffer in module.named_buffers():
        if buffer.isnan().any():
            raise SnnfwError(f"buffer '{key}' of model '{model}' holds NaN: use other weights.")


def seeded(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Return what ``build`` makes of the random numbers from ``seed`` on; torch's own state stays."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return build()
