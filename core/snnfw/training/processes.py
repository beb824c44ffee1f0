"""Several processes that train one network: which of them tells and writes."""

from __future__ import annotations

import os

from lightning.fabric.utilities.rank_zero import rank_zero_only

MACHINE = "NODE_RANK"
"""Where Lightning reads which of several machines this one is."""


def is_first_process() -> bool:
    """Tell whether this process is the one that others are started by, or beside, for the same training.

    Those that Lightning, torchrun or a cluster started know their number from their environment.
    """
    return int(getattr(rank_zero_only, "rank", 0) or 0) == 0 and int(os.environ.get(MACHINE, "0") or 0) == 0
