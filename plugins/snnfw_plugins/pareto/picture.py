"""Draw a frontier, with the uniform choices and the chosen one."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from snnfw.search import Question
    from snnfw_plugins.pareto.frontier import Frontier
    from snnfw_plugins.pareto.scores import Tried

LABELS = 10
"""Most uniform choices that are named."""

Point = tuple[float, float]
"""Cost, energy in millijoules, and sensitivity."""

AXES: Mapping[str, tuple[str, float]] = {
    "energy": ("energy of the events (µJ per sample)", 1e3),
    "spikes": ("events per sample", 1.0),
}
"""The axis of a cost, and what its numbers are multiplied by."""
DISTANCES: Mapping[str, str] = {
    "symmetric_kl": "summed sensitivity, symmetric KL (nats)",
    "kl": "summed sensitivity, KL (nats)",
    "task": "summed sensitivity, the task's distance",
}


def draw(found: Frontier, uniform: Mapping[str, Point], given: Point, chosen: Point, question: Question) -> bytes:
    """Return a PNG of sensitivity over cost."""
    figure, axes = empty_figure()
    title, factor = AXES[question.cost]
    marks = {name: (factor * cost, value) for name, (cost, value) in uniform.items()}
    axes.plot(factor * found.cost, found.value, ".-", color="tab:blue", markersize=3, linewidth=1, label="frontier")
    if marks:
        axes.plot(*zip(*marks.values(), strict=True), "s", color="tab:grey", markersize=5, label="uniform")
    for name in list(marks)[:: -(-len(marks) // LABELS)] if marks else ():
        axes.annotate(name, marks[name], xytext=(4, 4), textcoords="offset points", fontsize=7, color="dimgrey")
    axes.plot(factor * given[0], given[1], "D", color="tab:orange", markersize=7, label="as given")
    axes.plot(factor * chosen[0], chosen[1], "*", color="tab:red", markersize=13, label="chosen")
    axes.set_xlabel(title)
    axes.set_ylabel(DISTANCES[question.distance])
    spread(axes, [*found.value, given[1], *(point[1] for point in uniform.values())])
    axes.ticklabel_format(axis="x", style="sci", scilimits=(-3, 4), useMathText=True)
    return as_png(figure, axes)


def draw_tried(tried: Tried, picked: int, metric: str) -> bytes:
    """Return a PNG of the metric over energy, as a share of the network's, of the plans that were tried whole."""
    figure, axes = empty_figure()
    shares = [100 * score.energy / tried.network.energy for score in tried.scores]
    axes.plot(shares, [score.metric for score in tried.scores], ".", color="tab:blue", markersize=8, label="tried")
    axes.plot(shares, tried.expected, "-", color="tab:blue", linewidth=1, label="fitted to rise")
    axes.axhline(tried.network.metric, color="dimgrey", linestyle="--", linewidth=1, label="network")
    if picked in tried.points:
        number = tried.points.index(picked)
        axes.plot(shares[number], tried.scores[number].metric, "*", color="tab:red", markersize=13, label="chosen")
    axes.set_xlabel("energy (% of the network's)")
    axes.set_ylabel(f"{metric} on samples to fit on")
    return as_png(figure, axes)


def draw_sensitivities(curves: Mapping[str, Sequence[float]], distance: str) -> bytes:
    """Return a PNG of each layer's sensitivity, a line for every candidate that all layers have.

    Adaptive Calibration, Fig. 3: (a) over φ, (b) over ρ.
    """
    from matplotlib import colormaps

    figure, axes = empty_figure()
    shades = colormaps["viridis"]
    for number, (label, values) in enumerate(curves.items()):
        colour = shades(number / max(1, len(curves) - 1))
        axes.plot(range(1, len(values) + 1), values, ".-", color=colour, markersize=4, linewidth=1, label=label)
    axes.set_xlabel("site, in the order of execution")
    axes.set_ylabel(DISTANCES[distance].removeprefix("summed "))
    spread(axes, [value for values in curves.values() for value in values])
    axes.locator_params(axis="x", integer=True)
    return as_png(figure, axes, beside=True)


def spread(axes: Axes, values: Sequence[float]) -> None:
    """Draw values that are all above zero on a logarithmic axis, whose numbers are written out."""
    from matplotlib.ticker import LogLocator, NullFormatter

    low, high = min(values), max(values)
    if not low > 0:
        return
    axes.set_yscale("log")
    few = high < 10 * low
    axes.yaxis.set_major_locator(LogLocator(subs=range(1, 10) if few else (1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:.3g}")
    axes.yaxis.set_minor_formatter(NullFormatter())


def empty_figure() -> tuple[Figure, Axes]:
    """Return a figure with one diagram, drawn without a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 3.8), layout="constrained")
    FigureCanvasAgg(figure)  # becomes the figure's canvas
    return figure, figure.add_subplot()


def as_png(figure: Figure, axes: Axes, beside: bool = False) -> bytes:
    """Return the figure as a PNG, with grid and legend, which may stand beside it."""
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(which="both", labelsize=8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_fontsize(9)
    if beside:
        figure.legend(fontsize=7, frameon=False, loc="outside right center")
    else:
        axes.legend(fontsize=8, frameon=False)
    written = io.BytesIO()
    figure.savefig(written, format="png", dpi=150)
    return written.getvalue()
