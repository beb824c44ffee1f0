"""Tell a tracker what is over: results are written by then, and whatever becomes of it, they stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from snnfw.contracts import Tracker
from snnfw.failures import failure_text
from snnfw.values import Tracked


def require_tracker(tracker: Tracker | None) -> None:
    """Refuse a tracker, before anything is computed, that could log nothing."""
    if tracker is not None:
        tracker.require()


def track(tracker: Tracker | None, tell: Callable[[str], None], whole: Tracked, parts: Sequence[Tracked] = ()) -> None:
    """Log what is over with the tracker, if there is one, and say where, or in a sentence why not."""
    if tracker is None:
        return
    try:
        tell(f"logged with {tracker.name}: {tracker.log(whole, parts)}")
    except (Exception, SystemExit) as error:  # whatever a stranger's library raises: the results are there
        tell(f"tracker={tracker.name} did not log this: {failure_text(error)} The results in {whole.folder} are whole.")
