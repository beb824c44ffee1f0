"""Log for TensorBoard: a folder of events for each run, the methods of a comparison below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from snnfw import Tracked
from snnfw_plugins.trackers.libraries import import_library, silence


@dataclass(frozen=True, slots=True)
class TensorBoard:
    """Write events that ``tensorboard --logdir`` reads: numbers by timestep, and the configuration.

    The configuration stands among the texts, and with the last numbers among the hyperparameters. Files stay where they
    are, because TensorBoard keeps none.
    """

    name: ClassVar[str] = "tensorboard"

    folder: Annotated[
        Path | None,
        Field(description="the folder that gets one of events for each run; without it they lie in the run's own"),
    ] = None

    def require(self) -> None:
        """Refuse to begin without the library."""
        import_library("torch.utils.tensorboard", self.name)

    def log(self, whole: Tracked, parts: Sequence[Tracked]) -> str:
        """Write a run's events, and those of what belongs to it below them."""
        own = Path(whole.name) if whole.folder is None else whole.folder / self.name
        place = own if self.folder is None else self.folder / whole.name
        with silence("tensorboard"):
            _write(whole, place)
            for part in parts:
                _write(part, place / part.name.replace("/", "_"))
        return f"tensorboard --logdir {place if self.folder is None else self.folder}"


def _write(told: Tracked, place: Path) -> None:
    """Write the events of one run; what has no step stands at the first."""
    tensorboard = import_library("torch.utils.tensorboard", TensorBoard.name)
    with tensorboard.SummaryWriter(str(place)) as writer:
        writer.add_text("configuration", _table(told.parameters))
        writer.add_text("about", _table({"kind": told.kind, "error": told.error, **told.tags}))
        for name, value in told.numbers.items():
            writer.add_scalar(name, value, 0)
        for step, numbers in sorted(told.points.items()):
            for name, value in numbers.items():
                writer.add_scalar(name, value, step)
        last = told.points[max(told.points)] if told.points else {}
        for summary in _hyperparameters(tensorboard, told.parameters, [*told.numbers, *last]):
            writer.file_writer.add_summary(summary)


def _hyperparameters(tensorboard: Any, parameters: Mapping[str, Any], numbers: Sequence[str]) -> Sequence[Any]:
    """Return what stands in the table of hyperparameters: the configuration, and which numbers belong to it."""
    known = {name: value if isinstance(value, bool | int | float) else str(value) for name, value in parameters.items()}
    made: Sequence[Any] = tensorboard.summary.hparams(known, dict.fromkeys(numbers, 0.0))
    return made


def _table(values: Mapping[str, Any]) -> str:
    """Return names and values as a table in Markdown, nothing in it taken for markup."""
    rows = [f"| `{_plain(name)}` | `{_plain(value)}` |" for name, value in values.items() if value is not None]
    return "\n".join(["| | |", "|---|---|", *rows])


def _plain(value: object) -> str:
    return " ".join(str(value).replace("`", "'").replace("|", "\\|").split())
