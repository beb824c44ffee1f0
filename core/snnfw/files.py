"""Write files whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from snnfw.errors import SnnfwError


@contextmanager
def whole(path: Path, faults: tuple[type[Exception], ...] = (OSError,)) -> Iterator[Path]:
    """Yield a path to write to, which then takes the place of the old file: that one or the new one, never half.

    ``faults`` are what writing may raise.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield scratch
        scratch.replace(path)
    except faults as error:
        raise SnnfwError(f"cannot write '{path}' ({error}): make room; what was there is untouched.") from error
    finally:
        scratch.unlink(missing_ok=True)
