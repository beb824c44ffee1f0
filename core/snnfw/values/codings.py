"""The names of what a stream's values over time stand for."""

from __future__ import annotations

RATE = "rate"
"""The mean of a stream over time is its value: the whole value is sent at every timestep."""

DELTA = "delta"
"""The sum of a stream over time is its value: a timestep sends what has changed."""

CODINGS = (RATE, DELTA)
