from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from snnfw import durations
from snnfw.training.estimating import TellDuration


@pytest.mark.parametrize(
    ("seconds", "epoch", "lines"),
    [
        (3.0, 0, ["train: about 10 minutes (20 epochs of 10 batches)."]),
        (3.0, 19, ["train: about 30 seconds (1 epochs of 10 batches)."]),
        (0.01, 0, []),
    ],
)
def test_a_long_training_is_told_once_with_the_epochs_that_are_left(
    seconds: float, epoch: int, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter(range(100))
    clock = SimpleNamespace(perf_counter=lambda: next(times) * seconds)
    monkeypatch.setattr(durations, "time", clock)
    told: list[str] = []
    callback = TellDuration(10, told.append)
    trainer = cast("Any", SimpleNamespace(max_epochs=20, current_epoch=epoch, is_global_zero=True))
    for batch in range(8):
        callback.on_train_batch_start(trainer, cast("Any", None), None, batch)
    assert told == lines
