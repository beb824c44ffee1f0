"""Where a run or a comparison keeps how far it is, and what has to be as it was for another process to go on there."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from snnfw.config.comparison import CompareConfig
from snnfw.config.resolution import to_yaml
from snnfw.config.schema import MethodConfig, RunConfig
from snnfw.config.trust import confirming_words
from snnfw.kernels.choice import choose_backend
from snnfw.ranks.group import Ranks
from snnfw.report.folder import PARTIAL, partial_folder
from snnfw.store.batches import describe_batches
from snnfw.store.digest import digest_by_name
from snnfw.store.progress import Key, PartOf, Progress
from snnfw.values import Bundle, ExitRule

COMMAND = "command.json"
"""The file of the words that a run began with, for its report."""


def begin_progress(
    config: RunConfig | CompareConfig, target: Path, tell: Callable[[str], None], ranks: Ranks
) -> Progress:
    """Return where a run or a comparison keeps how far it is: beside the folder of its results, or where it stopped."""
    if isinstance(config, CompareConfig):
        command, run = "compare", replace(config.shared, resolved=config.resolved)
    else:
        command, run = "run", config
    again = " ".join([f"'snnfw {command} resume={shlex.quote(str(target))}", *confirming_words(run)]) + "'"
    files = {"config.yaml": to_yaml(config), COMMAND: json.dumps(config.words)}
    told = _digest({key: value for key, value in config.resolved.items() if key != "tracker"})  # who may be another one
    folder, resumed = run.resume or partial_folder(target), run.resume is not None
    return Progress(folder, files, told, again, tell, resumed, ranks.rank, ranks.count)


def choose_target(resume: Path | None, ranks: Ranks, begin: Callable[[], Path]) -> Path:
    """Return where results go: of what goes on where it began, and of several processes where the first one says.

    The seconds in a name may be others in each of them.
    """
    own = resume.with_name(resume.name.removesuffix(PARTIAL)) if resume else begin()
    first: Path = ranks.gather(own)[0]
    return first


def first_words(words: tuple[str, ...], resume: Path | None) -> tuple[str, ...]:
    """Return the words that were said, or of what goes on in a folder those that it began with."""
    if resume is None:
        return words
    try:
        said = json.loads((resume / COMMAND).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return words
    return tuple(map(str, said)) if isinstance(said, list) else words


def part_of(progress: Progress | None, name: str, config: MethodConfig, bundle: Bundle) -> PartOf | None:
    """Return what keeps a pass under a name, if something does."""
    if progress is None:
        return None
    return lambda weights, rule: progress.part(name, lambda: pass_key(config, bundle, weights(), rule))


def pass_key(config: MethodConfig, bundle: Bundle, weights: Mapping[str, Tensor], rule: ExitRule | None = None) -> Key:
    """Return what the numbers of a pass over the evaluation data depend on, to the last digit."""
    data = {"first": describe_batches(bundle.data.evaluation), **bundle.description}
    left = "" if rule is None else json.dumps(rule.record(), default=str, sort_keys=True)
    return {
        **{f"the version of {name}": version(name) for name in ("snnfw", "torch", "spikingjelly")},
        "the number of torch's threads": str(torch.get_num_threads()),
        "the processor": torch.backends.cpu.get_cpu_capability(),
        "the device": torch.cuda.get_device_name(config.device) if config.device != "cpu" else "cpu",
        "the backend": choose_backend(config.backend, config.device).name,
        "the evaluation data": _digest(data),
        "the network": _digest([digest_by_name(weights), left]),
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, default=str, sort_keys=True).encode()).hexdigest()
