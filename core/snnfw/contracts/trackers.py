"""What a tracker must offer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol, runtime_checkable

from snnfw.values import Tracked


@runtime_checkable
class Tracker(Protocol):
    """Keep what runs found where somebody compares them: a server, a database, a folder of logs."""

    name: ClassVar[str]

    def require(self) -> None:
        """Raise an SnnfwError, before anything is computed, where nothing could be logged: no library, no account."""
        ...

    def log(self, whole: Tracked, parts: Sequence[Tracked]) -> str:
        """Log what is over, and return where it is to be seen, in words.

        ``parts`` are the methods of a comparison, each a run of its own that belongs to ``whole``. Results lie in
        ``whole.folder`` already; what is raised here is told in a sentence and ends nothing. Nothing in the folder
        changes, nothing is printed, and no thread stays behind.
        """
        ...
