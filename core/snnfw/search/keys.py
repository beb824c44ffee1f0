"""One key for everything that a search measures: it is another one as soon as anything is that changes the answer."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch._library.custom_ops import OPDEFS  # torch has no public way to what an operator was made of
from torch._ops import OpOverload

from snnfw.capture.graph import get_attribute
from snnfw.errors import SnnfwError
from snnfw.files import cache_folder
from snnfw.kernels.choice import choose_backend
from snnfw.store.files import Store
from snnfw.store.fingerprint import Fingerprints
from snnfw.store.parts import FingerprintError

if TYPE_CHECKING:
    from snnfw.capture.graph import Graph
    from snnfw.planning.placement import Plan
    from snnfw.search.trials import Trials

LOG = logging.getLogger("snnfw")


class Keys:
    """The keys of what is measured with some trials."""

    def __init__(self, trials: Trials) -> None:
        self._fingerprints = Fingerprints()
        common = [self._key(what, *values) for what, values in _parts(trials, self._fingerprints)]
        self._common = self._key("the trials", common)

    def of(self, what: str, *values: Any) -> str:
        """Return the key of what is measured of some values; ``what`` names them for an error."""
        return self._key(what, self._common, *values)

    def plan(self, plan: Plan) -> str:
        """Return the identity of a plan: the neuron at every site, and whether the input varies in time."""
        placed = [
            self._key(f"the neuron at '{placement.site.name}'", placement.site.name, placement.neuron)
            for placement in plan.placements
        ]
        return self._key("the plan", plan.temporal, placed)

    def _key(self, what: str, *values: Any) -> str:
        try:
            return self._fingerprints.key(*values)
        except FingerprintError as error:
            raise SnnfwError(
                f"the search cannot tell {what} from others ({error}), and might take what it measured before for what "
                "it has to measure now: let it hold plain data, functions and objects with fields alone."
            ) from error


def open_store(folder: Path | None = None) -> Store:
    """Return where measurements are kept: a folder, or this user's; nowhere, with a warning, where there is no home."""
    try:
        return Store(folder or cache_folder("search"))
    except OSError as error:
        LOG.warning("snnfw: measurements are not kept (%s): a search that is stopped starts over", error)
        return Store(None)


def _parts(trials: Trials, fingerprints: Fingerprints) -> Iterator[tuple[str, list[Any]]]:
    """Yield what every measurement depends on, with words for it."""
    graph, data, resources = trials.graph, trials.data, trials.resources
    judgement = trials.judgement
    constants = {str(node.target) for node in graph.nodes if node.op == "get_attr"}
    yield "the framework", [fingerprints.sources.of("snnfw"), *map(version, ("snnfw", "torch", "spikingjelly"))]
    yield "the network", [graph.module.code, {name: get_attribute(graph.module, name) for name in constants}]
    yield "the network's operators", list(_operators(graph))
    yield "the calibration data", [fingerprints.key(inputs) for inputs in data.calibration]
    yield "the data to fit on", [fingerprints.key(inputs) for inputs in data.fitting or ()]
    yield "the calibration data with targets", [fingerprints.key(batch) for batch in data.tuning or ()]
    yield (
        "how the task scores",
        [judgement.scorer, judgement.headline, judgement.target_of, data.frames],
    )
    yield "how the task reads outputs", [judgement.logits, judgement.correct, judgement.distance]
    yield "the converter", [trials.converter, trials.timesteps, trials.costs, *_own_kind(trials)]
    backend = choose_backend(resources.backend, resources.device).name
    yield "the resources", [resources.device, *_machine(resources.device), backend, resources.memory, resources.seed]


def _own_kind(trials: Trials) -> list[type]:
    """Return the class of trials that somebody else wrote; the framework's own is in its sources."""
    return [] if type(trials).__module__ == "snnfw.search.trials" else [type(trials)]


def _operators(graph: Graph) -> Iterator[Any]:
    """Yield what operators of plugins and users compute, where it is written in Python."""
    used = {node.target.name() for node in graph.nodes if isinstance(node.target, OpOverload)}
    for name in sorted(used):
        definition = OPDEFS.get(name)
        if definition is not None:
            yield name, definition._init_fn


def _machine(device: str) -> list[str]:
    """Return the facts of a machine that decide the last bits of a number."""
    cuda = torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else ""
    return [cuda, torch.get_float32_matmul_precision(), sys.version]
