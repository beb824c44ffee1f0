"""What comes of one item: what the function returned, or the exception that it raised, so that it can travel."""

from __future__ import annotations

import pickle
import platform
import traceback
from dataclasses import dataclass

import cloudpickle

from snnfw.failures import failure_text


@dataclass(frozen=True, slots=True)
class Raised:
    """The exception that a function raised on an item, with the worker's traceback as its note."""

    error: Exception


def as_raised(error: Exception) -> Raised:
    """Return an exception as it can be sent; one that cannot be pickled is what it says."""
    told = "".join(traceback.format_exception(error))
    try:
        pickle.loads(cloudpickle.dumps(error))  # noqa: S301  # what was pickled a moment ago
        sent = error.with_traceback(None)
    except Exception:  # whatever a stranger's exception does when it is copied
        sent = RuntimeError(failure_text(error))
    sent.add_note(f"On {platform.node()}:\n{told}")
    return Raised(sent)
