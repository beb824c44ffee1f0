"""How long something will take, from how long its first steps took, and how that is said."""

from __future__ import annotations

import time

LONG = 20.0
"""Seconds that are worth a word."""

SURE = 1.0
"""Seconds of work that an estimate stands on."""


class Estimate:
    """What is left of so many steps, said once and only where it is long."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.start = 0.0
        self.told = False

    def step(self) -> float | None:
        """Begin a step; return the seconds that are left where they are many and this is the first time to know."""
        now = time.perf_counter()
        self.start = self.start if self.done else now
        spent, done = now - self.start, self.done
        self.done += 1
        if self.told or spent <= SURE:
            return None
        self.told = True
        left = spent / done * (self.total - done)
        return left if left > LONG else None


def describe_duration(seconds: float) -> str:
    """Return a duration as somebody would say it: 40 seconds, 4 minutes, 2.5 hours."""
    if seconds < 90:
        return f"{max(1, round(seconds, -1 if seconds >= 20 else 0)):.0f} seconds"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours"
