"""Work in somebody else's program: print nothing unasked, and leave its random numbers as they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from rich.console import Console

from snnfw.config.schema import MethodConfig
from snnfw.stages import acquire_resources
from snnfw.values import Resources, tell_nothing


def quiet_resources(config: MethodConfig, verbose: bool) -> Resources:
    """Return what the stages may use: progress shows in terminals and notebooks, lines where asked for."""
    console = Console(stderr=True)
    resources = acquire_resources(config, console)
    return resources if verbose else replace(resources, tell=tell_nothing)


@contextmanager
def own_randomness(device: str) -> Iterator[None]:
    """Leave the program's random numbers as they are."""
    with torch.random.fork_rng([torch.device(device)] if device.startswith("cuda") else []):
        yield
