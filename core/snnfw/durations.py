"""How long something will take, from how long what is done of it took, and how that is said."""

from __future__ import annotations

import time

LONG = 20.0
"""Seconds that are worth a word."""

SURE = 1.0
"""Seconds of work that an estimate stands on."""

PAUSE = 60.0
"""Seconds between two words on the same thing, at least; of what takes hours, a tenth of what it took so far."""


class Estimate:
    """What is left of so many steps: said once and only where it is long; with ``again`` once in a while too."""

    def __init__(self, total: int, again: bool = False) -> None:
        self.total, self.again = total, again
        self.done = 0
        self.start = 0.0
        self.told: float | None = None

    def step(self) -> float | None:
        """Begin a step; return the seconds that are left where that is to be said."""
        now = time.perf_counter()
        self.start = self.start if self.done else now
        spent, done = now - self.start, self.done
        self.done += 1
        if spent <= SURE or (self.told is not None and not self._is_due(spent)):
            return None
        first = self.told is None
        self.told = spent
        left = spent / done * (self.total - done)
        return left if left > LONG or not first else None

    def _is_due(self, spent: float) -> bool:
        return self.again and self.told is not None and spent - self.told >= max(PAUSE, spent / 10)


def describe_duration(seconds: float) -> str:
    """Return a duration as somebody would say it: 40 seconds, 4 minutes, 2.5 hours."""
    if seconds < 90:
        return f"{max(1, round(seconds, -1 if seconds >= 20 else 0)):.0f} seconds"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"
