"""What a method measures of a run beyond scores and energy: numbers by name, and charts as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart, or one row of bars."""

    label: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart as data: what stands under it, its axes, and its curves; ``doublings`` shows x by powers of two."""

    caption: str
    x: str
    y: str
    curves: tuple[Curve, ...]
    kind: Literal["lines", "bars"] = "lines"
    doublings: bool = False


@dataclass(frozen=True, slots=True)
class Measurement:
    """Numbers by name, ``NAME/SITE`` where a site has one of its own, and the charts that show them."""

    numbers: Mapping[str, float] = field(default_factory=dict)
    charts: tuple[Chart, ...] = ()
