"""Where this user's cache is."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(kind: str) -> Path:
    """Return where things of a kind are kept, ~/.cache/snnfw/KIND; OSError where the user has no home."""
    root = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(root) if root else Path.home() / ".cache") / "snnfw" / kind
    except RuntimeError as error:
        raise OSError(str(error)) from error
