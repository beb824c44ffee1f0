"""The table of a training: a line for each epoch, whole at any time, and one that is resumed goes on in it."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback

from snnfw.errors import SnnfwError
from snnfw.files import write_file

METRICS = Path("log") / "metrics.csv"
"""Where the table lies in the folder of a training."""


class EpochLines(Callback):
    """Write the loss and every score of each epoch, behind those of the epochs before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = _read(path)

    @property
    def last(self) -> dict[str, float]:
        """Return the loss and the scores of the last epoch by name."""
        last = {name: value for name, value in self.rows[-1].items() if value != ""} if self.rows else {}
        return {name: float(value) for name, value in last.items() if name not in ("epoch", "step")}

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Add the epoch's line; an epoch that was told already, and cut off before its checkpoint, is told anew."""
        del pl_module
        reached = {name: float(value) for name, value in trainer.callback_metrics.items()}
        row: dict[str, Any] = {"epoch": trainer.current_epoch, "step": trainer.global_step, **reached}
        self.rows = [*(old for old in self.rows if int(old["epoch"]) < trainer.current_epoch), row]
        if trainer.is_global_zero:
            self._write()

    def _write(self) -> None:
        text = io.StringIO()
        names = dict.fromkeys(name for row in self.rows for name in row)
        writer = csv.DictWriter(text, list(names), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_file(self.path, text.getvalue())


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
        for row in rows:
            int(row["epoch"])
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise SnnfwError(
            f"'{path}' is not the table of a training: move it away, and the epochs to come are told."
        ) from error
    return [dict(row) for row in rows]
