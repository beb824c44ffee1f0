"""What one of several processes keeps lies beside what the others keep, in the folder that the first one makes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from snnfw.errors import SnnfwError
from snnfw.files import write_folder
from snnfw.store import progress
from snnfw.store.progress import Progress


def state(seen: int) -> Mapping[str, Tensor]:
    return {"seen": torch.tensor(seen)}


def test_others_wait_for_the_folder_of_the_first_and_leave_it_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "EVERY", 0.0)
    monkeypatch.setattr(progress, "SHARE", 0)
    folder, said = tmp_path / "run.partial", list[str]()
    begin = partial(Progress, folder, {"config.yaml": "a: 1\n"}, "told", "'again'", said.append)
    first, second = (begin(resumed=False, rank=rank, count=2) for rank in (0, 1))
    parts = [each.part("simulate", lambda: {"what": "the same"}) for each in (first, second)]
    parts[1].keep(partial(state, 1))
    assert (second.begun, folder.exists()) == (False, False)
    parts[0].keep(partial(state, 2))
    parts[1].keep(partial(state, 3))
    assert second.begun
    files = sorted(path.name for path in folder.iterdir())
    assert files == ["config.yaml", "lock", "simulate-0.safetensors", "simulate-1.safetensors"]
    assert len(said) == 1
    for each in (first, second):
        with each:
            pass

    with begin(resumed=True, rank=0, count=2) as again, begin(resumed=True, rank=1, count=2) as other:
        found = [each.part("simulate", lambda: {"what": "the same"}).found for each in (again, other)]
        assert found == [state(2), state(3)]
        other.finish()
        assert folder.exists()
        with pytest.raises(SnnfwError, match="another process works in"):
            begin(resumed=True, rank=0, count=2)
        again.finish()
        assert not folder.exists()


def test_a_name_that_another_run_took_in_the_meantime_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "EVERY", 0.0)
    folder, said = tmp_path / "run.partial", list[str]()

    def late(target: Path, files: Mapping[str, str]) -> Path:
        folder.mkdir()  # by another one
        return write_folder(target, files)

    monkeypatch.setattr("snnfw.store.progress.write_folder", late)
    part = Progress(folder, {}, "told", "'again'", said.append, resumed=False).part("simulate", dict)
    part.keep(partial(state, 1))
    assert [path.name for path in tmp_path.iterdir()] == ["run.partial"]
    assert not list(folder.iterdir())
    assert "is another run's" in said[0]


def test_short_passes_are_held_until_together_they_are_worth_keeping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("snnfw.store.progress.time.monotonic", lambda: now[0])
    folder, said = tmp_path / "run.partial", list[str]()
    with Progress(folder, {"config.yaml": ""}, "told", "'again'", said.append, resumed=False) as begun:
        for number in range(4):
            part = begun.part(f"method-{number}", lambda: {"what": "the same"})
            now[0] += 12
            part.keep(partial(state, number))
            assert folder.exists() == (number > 1)  # 25 seconds of whole passes, and 12 of the third one
            now[0] += 0.5
            part.keep(partial(state, 10 + number), last=True)
            assert folder.exists() == (number > 1)
    assert len(said) == 1
    with Progress(folder, {}, "told", "'again'", said.append, resumed=True) as again:
        found = [again.part(f"method-{number}", lambda: {"what": "the same"}).found for number in range(4)]
    assert found == [state(10 + number) for number in range(4)]
