"""Start the processes of a run with Lightning's Fabric, or join those that torchrun or a cluster has started."""

from __future__ import annotations

import atexit
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from snnfw.errors import SnnfwError
from snnfw.ranks.group import ALONE, Ranks, Together, in_step
from snnfw.ranks.starter import begin_together

LAUNCHER = "lightning.fabric.strategies.launchers.subprocess_script"

PATIENCE = timedelta(days=30)
"""How long a process waits for another one: one that ends is noticed at once, and one may write while others wait."""


@contextmanager
def start_ranks(devices: int, nodes: int, device: str) -> Iterator[Ranks]:
    """Yield this process among ``devices`` on each of ``nodes``; what one of them raises is raised in all.

    The first time, Lightning starts the command or the script again for each of the others.

    Raises:
        SnnfwError: Lightning cannot start as many.

    """
    if devices * nodes == 1:
        yield ALONE
        return
    ranks = _start(devices, nodes, device)
    with in_step(ranks):
        yield ranks


def _start(devices: int, nodes: int, device: str) -> Ranks:
    import torch
    from lightning.fabric import Fabric
    from lightning.fabric.utilities.exceptions import MisconfigurationException
    from torch import distributed

    kind, _, index = device.partition(":")
    if index:
        raise SnnfwError(f"device={device} is one device and devices={devices} are several: give device={kind}.")
    if kind == "cuda" and devices > (there := torch.cuda.device_count()):
        raise SnnfwError(
            f"devices={devices} with device=cuda needs as many GPUs, and this machine has {there}: give as many, or "
            "device=cpu."
        )
    begin_together(devices, nodes)
    try:
        fabric = Fabric(
            accelerator="gpu" if kind == "cuda" else "cpu", devices=devices, num_nodes=nodes, strategy="ddp"
        )
        with _without_chatter():
            fabric.launch()
    except (
        ValueError,
        RuntimeError,
        TypeError,
        MisconfigurationException,
    ) as error:  # what Lightning raises for settings
        raise _refused(devices, nodes, error) from error
    count = distributed.get_world_size() if distributed.is_initialized() else 1
    if count != devices * nodes:
        raise SnnfwError(
            f"devices={devices} nodes={nodes} are {devices * nodes} processes, and {count} were started: give as many "
            "as torchrun or the cluster starts."
        )
    atexit.register(_leave)
    # What is exchanged lies on the CPU, whatever the devices talk through.
    group: Any = distributed.new_group(backend="gloo", timeout=PATIENCE)
    return Together(distributed.get_rank(), count, group)


def _leave() -> None:
    """Take the process out of its groups before it ends: their threads would abort it, were they still there."""
    from torch import distributed

    if distributed.is_initialized():
        distributed.destroy_process_group()


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Leave out who came when; but which process was killed is told later on, when Lightning ends the others."""
    logging.getLogger(LAUNCHER).setLevel(logging.INFO)
    logs = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)


def _refused(devices: int, nodes: int, error: Exception) -> SnnfwError:
    reason = " ".join(str(error).split()).rstrip(".")
    return SnnfwError(f"devices={devices} nodes={nodes} cannot be started ({reason}): give fewer, or devices=1.")
