"""The charts of several methods or runs: what each scores over timesteps, and over the energy that it takes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from snnfw.energy.charges import Energy
from snnfw.report.drawing import NETWORK, Line, Picture, as_picture, draw_lines, empty_chart, label_timesteps
from snnfw.report.scales import choose_scale
from snnfw.report.units import scale_to_unit


class Scored(Protocol):
    """What was measured at a timestep: a checkpoint of a run, or a standing of a comparison."""

    @property
    def timestep(self) -> int:
        """Return the timestep."""
        ...

    @property
    def scores(self) -> Mapping[str, float]:
        """Return the metrics by name."""
        ...

    @property
    def energy(self) -> Energy:
        """Return what a sample takes."""
        ...


@dataclass(frozen=True, slots=True)
class Curve:
    """One method or run: its name, and what was measured of it."""

    name: str
    points: Sequence[Scored]


def draw_scores(
    curves: Sequence[Curve], headline: str, own: float, network_energy: float, samples: int
) -> list[Picture]:
    """Return the headline over timesteps and over energy; what is NaN of the network's own two is left out."""
    scores = {curve.name: [point.scores.get(headline, math.nan) for point in curve.points] for curve in curves}
    scale = choose_scale([*(score for each in scores.values() for score in each), own], samples)
    heights = {name: scale.heights(each) for name, each in scores.items()}
    level = scale.height(own) if math.isfinite(own) else None

    def finish(x: str, lines: Sequence[Line], caption: str) -> Picture:
        figure, axes = empty_chart(x, scale.label(headline))
        draw_lines(axes, lines, level)
        scale.apply(axes)
        if x == "timesteps":
            label_timesteps(axes, sorted({int(step) for line in lines for step in line.xs}))
        elif math.isfinite(network):
            axes.axvline(network, color=NETWORK, linestyle=":", linewidth=1.2)
        if x != "timesteps" and lines and all(value > 0 for line in lines for value in line.xs):
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter("{x:g}")
        last = ", ".join(f"{name} {each[-1]:.4g}" for name, each in scores.items() if each)
        return as_picture(
            figure, caption, f"Curves of {scale.label(headline)} over {x}. {headline} at the end: {last}."
        )

    used = [point.energy.total * 1e-3 for curve in curves for point in curve.points]
    known = [network_energy * 1e-3] if math.isfinite(network_energy) else []
    values, prefix = scale_to_unit([*used, *known])
    network, unused = values[-1] if known else math.nan, iter(values)
    steps = [Line(curve.name, [p.timestep for p in curve.points], heights[curve.name]) for curve in curves]
    costs = [Line(curve.name, [next(unused) for _ in curve.points], heights[curve.name]) for curve in curves]
    dotted = "; dotted, what the network itself takes" if known else ""
    pictures = [finish(f"energy per sample ({prefix}J)", costs, f"Score ({headline}) over energy{scale.note}{dotted}")]
    if any(len(curve.points) > 1 for curve in curves):
        pictures.insert(0, finish("timesteps", steps, f"Score ({headline}) over timesteps{scale.note}"))
    return pictures
