"""Keep captured networks on disk, so that a network is captured once, by everything that its capture depends on."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch._library.custom_ops import OPDEFS  # torch has no public way to what an operator was made of
from torch.utils import _pytree as pytree

from snnfw.archive.container import pack, unpack
from snnfw.archive.graphs import graph_to_plain, plain_to_graph
from snnfw.capture.equality import check_equal
from snnfw.capture.export import capture
from snnfw.capture.graph import Graph
from snnfw.errors import SnnfwError
from snnfw.files import cache_folder, write_file
from snnfw.store.fingerprint import Fingerprints
from snnfw.store.parts import FingerprintError
from snnfw.values import Inputs

LOG = logging.getLogger("snnfw")

MOST = 2 * 2**30
"""Bytes that are kept; what was not used for longest goes first."""


def capture_once(model: nn.Module, example: Inputs) -> Graph:
    """Return the captured network: from disk where it was captured before, by the same code and with the same weights.

    A graph that was kept is held against the network once more before it is believed. Networks of which it cannot be
    told what they are made of, and those whose graph cannot be written, are captured each time, and so are those on a
    GPU. ``SNNFW_CAPTURES=none`` in the environment keeps nothing.

    Raises:
        SnnfwError: the network cannot be captured.

    """
    path = _place(model, example)
    found = _read(path) if path else None
    if found is not None and _still_holds(model, found, example):
        return found
    graph = capture(model, example)
    if path:
        _write(path, graph)
    return graph


def capture_key(model: nn.Module, example: Inputs) -> str:
    """Return the key of a capture: another one as soon as anything is that could change the graph.

    Raises:
        FingerprintError: there is a value in the network of which it is not known what it is made of.

    """
    fingerprints = Fingerprints()
    versions = [version(name) for name in ("snnfw", "torch")]
    operators = [(name, made._init_fn) for name, made in sorted(OPDEFS.items()) if not _is_ours(made._init_fn)]
    return fingerprints.key("capture", versions, fingerprints.sources.of("snnfw"), operators, model, list(example))


def _is_ours(function: Any) -> bool:
    """Tell whether an operator is the framework's or torch's, which the versions tell."""
    return str(function.__module__).partition(".")[0] in ("torch", "torchvision", "snnfw")


def _place(model: nn.Module, example: Inputs) -> Path | None:
    """Return the file of a network's capture; None where none can be kept, or what is given is no network at all."""
    if os.environ.get("SNNFW_CAPTURES") == "none" or not isinstance(model, nn.Module):
        return None
    if any(not isinstance(tensor, torch.Tensor) or tensor.device.type != "cpu" for tensor in example):
        return None
    try:
        return cache_folder("captures") / f"{capture_key(model, example)}.snngraph"
    except (FingerprintError, OSError) as error:
        LOG.debug("snnfw: this network is captured each time: %s", error)
        return None


def _still_holds(model: nn.Module, graph: Graph, example: Inputs) -> bool:
    """Tell whether a kept graph computes what the network does, which may read what no key can tell."""
    try:
        with torch.no_grad():
            computed = pytree.tree_leaves(graph.module(*example))
        check_equal(model, graph, example, computed)
    except (SnnfwError, RuntimeError) as error:
        LOG.info("snnfw: a network is captured again, what was kept of it does not hold any more: %s", error)
        return False
    return True


def _read(path: Path) -> Graph | None:
    """Return what is kept, if it is whole; a file that is not is made anew."""
    try:
        header, tensors = unpack(path)
        graph = plain_to_graph(header["graph"], tensors)
        path.touch()
        return graph
    except FileNotFoundError:
        return None
    except Exception as error:  # whatever a file that is damaged makes its readers raise
        LOG.info("snnfw: a network is captured again, '%s' is damaged: %s", path, error)
        return None


def _write(path: Path, graph: Graph) -> None:
    try:
        plain, tensors = graph_to_plain(graph)
        write_file(path, pack({"graph": plain}, tensors), refuse=())
        _tidy(path.parent)
    except (SnnfwError, OSError) as error:
        LOG.debug("snnfw: this network is captured each time: %s", error)


def _tidy(folder: Path) -> None:
    """Delete what was not used for longest, until what is kept has no more than ``MOST`` bytes."""
    kept = 0
    for path, size in _by_use(folder):
        kept += size
        if kept > MOST:
            path.unlink(missing_ok=True)


def _by_use(folder: Path) -> Iterator[tuple[Path, int]]:
    found = [(path.stat(), path) for path in folder.glob("*.snngraph")]
    for stat, path in sorted(found, key=lambda pair: pair[0].st_mtime, reverse=True):
        yield path, stat.st_size
