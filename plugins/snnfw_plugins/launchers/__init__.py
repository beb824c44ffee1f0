"""Launchers: processes of this machine (joblib), a Ray cluster, and Slurm (Submitit)."""

from __future__ import annotations

from collections.abc import Iterable

from snnfw import Launcher, hookimpl
from snnfw_plugins.launchers.clusters import Ray
from snnfw_plugins.launchers.processes import Local
from snnfw_plugins.launchers.slurm import Submitit


@hookimpl
def snnfw_register_launchers() -> Iterable[type[Launcher]]:
    """Register ``launcher=local``, ``ray`` and ``submitit``."""
    return [Local, Ray, Submitit]
