"""What 1 to 64 workers would take for three large questions: measured parts, in a simulation of the schedule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks import parts
from benchmarks.result import Cell, Section
from benchmarks.schedule import Work, closed_form, lost, simulate
from benchmarks.timing import Measured
from snnfw.report.drawing import Line, as_svg, draw_lines, empty_chart

PARTS = "Parts, each the shortest of three measurements"


@dataclass(frozen=True, slots=True)
class Settings:
    """How large the questions are, and what their parts are measured on."""

    parts: parts.Settings = field(default_factory=parts.Settings)
    workers: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    images: int = 50_000
    batch: int = 50
    sites: int = 49
    candidates: int = 8
    search_images: int = 64
    runs: int = 24
    run_images: int = 1000


def measure(settings: Settings, repetitions: int = 3) -> Iterator[Section]:
    """Yield the parts, and then each question."""
    found = parts.measure(settings.parts, repetitions)
    rows = tuple((name, f"{seconds:.4g}") for name, seconds in found.items())
    yield Section(PARTS, ("", "s"), rows, Measured({name: (seconds,) for name, seconds in found.items()}))
    for title, work in questions(settings, found).items():
        yield _section(title, work, settings.workers)


def questions(settings: Settings, found: Mapping[str, float]) -> dict[str, Work]:
    """Return each question as jobs and what stands around them."""
    image = found["an image's decoding"] + found["an image of the folded network"]
    image += settings.parts.timesteps * found["an image and timestep"]
    begin, convert = found["the start of a worker"], found["capture and conversion"]
    sent, hand, report = found["packing and unpacking the network"], found["handing out a job"], found["the report"]
    batches = (image * settings.batch,) * (settings.images // settings.batch)
    cell = found["a cell of a search, each image"] * settings.search_images
    pass_ = found["a search's conversion and own pass"] * settings.search_images / settings.parts.samples
    deep = [1 - (site + 0.5) / settings.sites for site in range(settings.sites)]
    cells = tuple(2 * cell * share for share in deep for _ in range(settings.candidates))
    run = begin + convert + settings.run_images * image + report
    merging = found["merging a worker's scores"]
    counted = f"{settings.images:,} images, {settings.batch} at a time"
    return {
        f"Evaluation of {counted}": Work(batches, convert, begin + sent, hand=hand, merge=merging, after=report),
        f"A search over {settings.sites} sites x {settings.candidates} candidates": Work(
            cells, convert, begin + sent, pass_, hand, after=convert + report
        ),
        f"A sweep of {settings.runs} runs of {settings.run_images:,} images": Work(
            (run,) * settings.runs, hand=hand, after=report
        ),
    }


def _section(title: str, work: Work, workers: Sequence[int]) -> Section:
    alone = simulate(work, 1)
    rows: list[tuple[Cell, ...]] = []
    for count in workers:
        seconds, reasons = simulate(work, count), lost(work, count)
        name = max(reasons, key=lambda reason: reasons[reason])
        equal = len(set(work.jobs)) == 1
        formula = duration(closed_form(work, count)) if equal else "-"
        speed = f"{alone / seconds:.1f}"
        rows.append((str(count), duration(seconds), formula, speed, f"{name}: {duration(reasons[name])}"))
    columns = ("workers", "simulated", "closed form", "times as fast", "what is lost most to")
    return Section(title, columns, tuple(rows), Measured({str(count): (simulate(work, count),) for count in workers}))


def duration(seconds: float) -> str:
    """Return a duration to three digits at most: 0.42 s, 12 s, 9.5 min, 14 h."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.{0 if seconds >= 10 * size else 1}f} {unit}"
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"


def draw(sections: Sequence[Section]) -> bytes:
    """Return a picture (SVG) of how much faster each question is answered."""
    figure, axes = empty_chart("workers", "times as fast as one worker")
    lines = []
    for section in sections:
        if section.title != PARTS:
            seconds = {int(count): values[0] for count, values in section.measured.values.items()}
            first = seconds[min(seconds)]
            lines.append(Line(section.title, list(seconds), [first / value for value in seconds.values()]))
    counts = lines[0].xs
    draw_lines(axes, [*lines, Line("no loss", counts, [count / counts[0] for count in counts])])
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xticks(counts, labels=[str(count) for count in counts])
    axes.set_yticks(counts, labels=[str(count) for count in counts])
    axes.minorticks_off()
    return as_svg(figure)
