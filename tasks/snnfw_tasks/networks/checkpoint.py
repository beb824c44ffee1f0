"""Give a network the weights of a file, and check that all of them fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.parameter import is_lazy

from snnfw import SnnfwError
from snnfw_tasks.networks.weight_files import read_content, split_part
from snnfw_tasks.networks.wrappings import Candidate, find_candidates, find_states, have_same_values, strip_wrapping

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor, nn

LATER = "num_batches_tracked"
"""What batch norms of before PyTorch 0.4.1 lack, and no network computes with."""


def load_weights(module: nn.Module, path: Path) -> None:
    """Copy a file's weights into the module, cast to the module's precision; all of them have to fit.

    What training scripts put around them is taken off as far as they then fit: prefixes, and mappings that hold them.
    ``FILE#PART`` says which to take where several fit.
    """
    wanted = module.state_dict()
    names = {strip_wrapping(name): name for name in wanted}
    found = _choose_tensors(path, {short: wanted[name] for short, name in names.items()})
    try:
        # Not strict: only counters of batches may be missing, as has been checked.
        module.load_state_dict({names[short]: tensor for short, tensor in found.items()}, strict=False)
    except RuntimeError as error:  # a module's own way to load
        reason = " ".join(str(error).split())
        raise SnnfwError(f"weights '{path}' are refused by the network itself: {reason}") from error


def tensor_names(path: Path) -> set[str]:
    """Return the names of all tensors in a file, prefixes included."""
    return {name for _, state in find_states(read_content(split_part(path)[0])) for name in state}


def _choose_tensors(path: Path, wanted: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return the tensors of a file that fit the wanted ones, or say why there are none, or which there are."""
    file, part = split_part(path)
    content = read_content(file)
    found = find_candidates(content, wanted)
    if not found:
        raise SnnfwError(f"weights '{file}' hold {_otherwise(content)}: save model.state_dict() instead.")
    fitting = [candidate for candidate in found if not describe_mismatch(candidate.state, wanted)]
    if not fitting:
        raise SnnfwError(f"weights '{file}' are of another architecture: {describe_mismatch(found[0].state, wanted)}.")
    listed = ", ".join(f"{file}#{candidate.address}" for candidate in _drop_copies(fitting))
    called = _drop_copies([candidate for candidate in fitting if not part or candidate.is_called(part)])
    if not called:
        raise SnnfwError(f"weights '{path}' have no part '{part}' that fits. What fits: {listed}.")
    if len(called) > 1:
        raise SnnfwError(f"weights '{path}' hold several that fit and differ: say which, of {listed}.")
    if called[0].beside and not part:
        raise SnnfwError(
            f"weights '{file}' hold {_count([repr(name) for name in called[0].beside], 'more')} beside those that "
            f"fit: say {listed} to leave them out."
        )
    return called[0].state


def _drop_copies(fitting: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates without those that hold the same values as an earlier one."""
    distinct: list[Candidate] = []
    for candidate in fitting:
        if not any(have_same_values(candidate.state, other.state) for other in distinct):
            distinct.append(candidate)
    return distinct


def _otherwise(content: object) -> str:
    """Return a description of a file without named tensors."""
    numbered = isinstance(content, dict) and any(
        isinstance(key, int) and isinstance(value, torch.Tensor) for key, value in content.items()
    )
    return "tensors under numbers, not names" if numbered else "something other than named tensors"


def describe_mismatch(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> str:
    """Return how the given tensors differ from the wanted ones, with counts and first names, or nothing."""
    missing = [k for k in wanted if k not in given and not k.endswith(LATER)]
    unexpected = [k for k in given if k not in wanted]
    settled = {key: tensor for key, tensor in wanted.items() if not is_lazy(tensor)}
    both = [(key, given[key], tensor) for key, tensor in settled.items() if key in given]
    reshaped = [f"'{k}' is {list(g.shape)} instead of {list(w.shape)}" for k, g, w in both if g.shape != w.shape]
    retyped = [f"'{k}' is {_kind(g)} instead of {_kind(w)}" for k, g, w in both if not _holds(g, w, k)]
    counts = (
        _count([f"'{key}'" for key in missing], "missing"),
        _count([f"'{key}'" for key in unexpected], "unexpected"),
        _count(reshaped, "of another shape"),
        _count(retyped, "of another type"),
    )
    return ", ".join(count for count in counts if count)


def _holds(given: Tensor, wanted: Tensor, name: str) -> bool:
    """Tell whether a copy into the wanted tensor keeps the values, up to its precision."""
    if given.is_quantized or given.is_meta or given.layout != torch.strided:
        return False
    # Averages of weights make averages of counters too.
    return given.dtype == wanted.dtype or name.endswith(LATER) or _family(given) == _family(wanted) != "other"


def _family(tensor: Tensor) -> str:
    if tensor.is_floating_point():
        return "floating"
    return "other" if tensor.is_complex() or tensor.dtype == torch.bool else "whole"


def _kind(tensor: Tensor) -> str:
    without = " without values" if tensor.is_meta else ""
    return f"{str(tensor.dtype).removeprefix('torch.')}{without}"


def _count(names: Sequence[str], what: str) -> str:
    return f"{len(names)} {what} (first {names[0]})" if names else ""


def build_seeded(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Return the result of ``build`` with the random numbers from ``seed`` on; torch's own state stays."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return build()
