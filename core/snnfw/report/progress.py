"""Show how far something is and how long it still takes: a bar in a terminal, and now and then a line in a log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from snnfw.durations import Estimate, describe_duration
from snnfw.values import Batch, Item, Track, track_nothing


def show_progress(console: Console, tell: Callable[[str], None] | None = None, timesteps: int | None = None) -> Track:
    """Return what shows progress in terminals and notebooks, and tells once of everything that will be long.

    Where there is no terminal it tells again now and then, how far it is and what is left. ``timesteps`` are those of
    the run, which a simulation is told with.
    """
    drawn = console.is_terminal or console.is_jupyter
    shown: Track = _Bars(console).track if drawn else track_nothing

    def track(items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
        counted = _length(items) if total is None else total
        if tell is None or not counted:
            return shown(items, description, total)
        at = f" at T = {timesteps}" if timesteps and description.endswith("simulate") else ""
        return _estimated(shown(items, description, total), Estimate(counted, again=not drawn), description, at, tell)

    return track


class _Bars:
    """The bars of one console, of which only one display may be alive: a loop within a loop is a bar below its bar."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress: Progress | None = None

    def track(self, items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
        """Yield the items, and draw how many are through and how long the others take."""
        progress = self._progress or self._begin()
        bar = progress.add_task(description, total=_length(items) if total is None else total)
        try:
            yield from progress.track(items, total, task_id=bar)
        finally:
            progress.remove_task(bar)
            if not progress.tasks:
                progress.stop()
                self._progress = None

    def _begin(self) -> Progress:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),  # a method's name is in it, which somebody wrote
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=self._console,
            transient=True,
            speed_estimate_period=float("inf"),  # a batch of a large network may take longer than any period
        )
        self._progress.start()
        return self._progress


def _estimated(
    items: Iterable[Item], estimate: Estimate, description: str, at: str, tell: Callable[[str], None]
) -> Iterator[Item]:
    """Yield the items, and tell how many seconds are left if they are many, by those that are done."""
    told = False
    for item in items:
        if (left := estimate.step()) is not None:
            about = f"about {describe_duration(left)}"
            done = f"{estimate.done - 1} of {estimate.total} done, {about} left"
            tell(f"{description}: {done if told else f'{about} ({estimate.total} {_size(item)}{at})'}.")
            told = True
        yield item


def _size(item: object) -> str:
    """Return what is counted, in words."""
    return f"batches of {len(item.inputs[0])} samples" if isinstance(item, Batch) else "steps"


def _length(items: Iterable[object]) -> int | None:
    return len(items) if isinstance(items, Sized) else None


def describe_stages(seconds: dict[str, float]) -> str:
    """Return in a line how long each stage took, those that took no time apart."""
    shown = {name: spent for name, spent in seconds.items() if spent >= 0.05}
    return ", ".join(f"{name} {spent:.1f} s" for name, spent in shown.items())
