"""Several processes that train one network: which of them tells and writes, and how they put scores together."""

from __future__ import annotations

import os
from typing import Any

from lightning.fabric.utilities.rank_zero import rank_zero_only

from snnfw.ranks.group import ALONE, Ranks, Together

MACHINE = "NODE_RANK"
"""Where Lightning reads which of several machines this one is."""


def is_first_process() -> bool:
    """Tell whether this process is the one that others are started by, or beside, for the same training.

    Those that Lightning, torchrun or a cluster started know their number from their environment.
    """
    return int(getattr(rank_zero_only, "rank", 0) or 0) == 0 and int(os.environ.get(MACHINE, "0") or 0) == 0


def ranks_of(trainer: Any) -> Ranks:
    """Return this process among those of a trainer; without one it is alone."""
    if trainer is None or trainer.world_size == 1:
        return ALONE
    return Together(trainer.global_rank, trainer.world_size, None)
