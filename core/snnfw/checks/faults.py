"""What a check says: the faults of a plugin in sentences, or why it could not be tried."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from snnfw.failures import failure_text


class NotTriedError(Exception):
    """Something that a check needs is not there: files, a package, a parameter; said in one sentence."""


def faults_or_failure(examine: Callable[[], Iterable[str]], doing: str) -> list[str]:
    """Return the faults that are found, and what a stranger's code raises on the way as one more.

    Raises:
        NotTriedError: a package is not there.

    """
    found: list[str] = []
    try:
        found.extend(examine())
    except NotTriedError:
        raise
    except Exception as error:  # whatever a stranger's code raises
        if _is_absence(error) or (error.__cause__ and _is_absence(error.__cause__)):
            raise NotTriedError(f"{error_text(error)}.") from error
        found.append(f"{doing} fails: {error_text(error)}.")
    return found


def error_text(error: Exception) -> str:
    """Return the text of an error in one line, without a full stop."""
    return failure_text(error).rstrip(".")


def _is_absence(error: BaseException) -> bool:
    """Tell whether a package is not there that is not the framework's own, nor a module of the plugin."""
    return isinstance(error, ImportError) and not (error.name or "").startswith("snnfw")


def pickle_faults(method: object) -> Iterator[str]:
    """See that a method is plain: pickled and read again it is the same, as processes that work together need."""
    try:
        again = pickle.loads(pickle.dumps(method))  # noqa: S301  # what was pickled a moment ago
    except Exception as error:  # whatever a stranger's code raises
        yield f"it cannot be pickled: {error_text(error)}."
        return
    if again != method:
        yield "pickled and read again it is another one: let its fields alone say what it is."


def record_faults(record: Any, what: str) -> Iterator[str]:
    """See that a record is plain data that JSON holds."""
    try:
        json.dumps(record, allow_nan=False)
    except (TypeError, ValueError) as error:
        yield f"{what} is not plain data, as JSON holds it: {error_text(error)}."


def are_same(first: Any, second: Any) -> bool:
    """Tell whether two trees of tensors and plain values are equal, bit by bit."""
    ours, theirs = pytree.tree_flatten(first), pytree.tree_flatten(second)
    return bool(ours[1] == theirs[1]) and all(_equal(a, b) for a, b in zip(ours[0], theirs[0], strict=True))


def are_finite(output: Any) -> bool:
    """Tell whether every number of a tree of tensors is one."""
    return all(bool(torch.isfinite(leaf).all()) for leaf in pytree.tree_leaves(output) if isinstance(leaf, Tensor))


def _equal(first: Any, second: Any) -> bool:
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        alike = first.dtype == second.dtype and first.shape == second.shape
        return alike and bool(((first == second) | (first.isnan() & second.isnan())).all())
    return bool(first == second)
