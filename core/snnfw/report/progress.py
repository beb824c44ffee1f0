"""Show how far something is, and say before it gets long how long it will take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized

from rich.console import Console
from rich.progress import track as progress_bar

from snnfw.durations import Estimate, describe_duration
from snnfw.values import Batch, Item, Track, track_nothing


def show_progress(console: Console, tell: Callable[[str], None] | None = None, timesteps: int | None = None) -> Track:
    """Return what shows progress in terminals and notebooks, and tells once of everything that will be long.

    ``timesteps`` are those of the run, which a simulation is told with.
    """

    def bar(items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
        return progress_bar(items, description, total=total, console=console, transient=True)

    shown: Track = bar if console.is_terminal or console.is_jupyter else track_nothing

    def track(items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
        counted = _length(items) if total is None else total
        if tell is None or not counted:
            return shown(items, description, total)
        at = f" at T = {timesteps}" if timesteps and description.endswith("simulate") else ""
        return _estimated(shown(items, description, total), counted, lambda left, size: tell(
            f"{description}: about {describe_duration(left)} ({counted} {size}{at})."
        ))  # fmt: skip

    return track


def _estimated(items: Iterable[Item], total: int, tell: Callable[[float, str], None]) -> Iterator[Item]:
    """Yield the items, and tell once how many seconds are left if they are many, by those that are done."""
    estimate = Estimate(total)
    for item in items:
        if (left := estimate.step()) is not None:
            tell(left, _size(item))
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
