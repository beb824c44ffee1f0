"""Where measurements run."""

from __future__ import annotations

from dataclasses import dataclass, field

from snnfw.launching import Launcher, Reducers


@dataclass(frozen=True, slots=True)
class Workers:
    """Where measurements run, and how what they are told pickles: graphs and models do not by themselves."""

    launcher: Launcher
    reducers: Reducers = field(default_factory=dict)
