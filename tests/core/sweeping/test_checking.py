"""What a plan can tell of every job is told before the first one starts, all at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from made_jobs import made_sweep
from snnfw.config.sweep import SweepJob
from snnfw.errors import SnnfwError
from snnfw.stages import Subject
from snnfw.sweeping import checking
from snnfw.sweeping.checking import require_plans


def test_every_network_is_loaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    load = checking._load

    def count(job: SweepJob) -> Subject | str:
        loaded.append(job.name)
        return load(job)

    monkeypatch.setattr(checking, "_load", count)
    config = made_sweep(tmp_path, base=["task=classification", "plugin=rate,signed", "seed=0,1", "model=digits-vgg"])
    require_plans(config, config.jobs)
    assert len(loaded) == 2


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    base = [
        "task=classification",
        "model=digits-vgg",
        "plugin=rate,ann",
        "model.weights=null,nowhere.pt",
        "strict=true",
    ]
    config = made_sweep(tmp_path, base=base)
    with pytest.raises(SnnfwError) as caught:
        require_plans(config, config.jobs)
    first, *others = str(caught.value).splitlines()
    assert first == "3 of 4 combinations cannot be run, and none was started."
    assert others[0].startswith("  rate_model.weights=nowhere.pt, ann_model.weights=nowhere.pt: ")
    assert "nowhere.pt" in others[0].partition(": ")[2]
    assert others[1].startswith("  ann_model.weights=null: strict=true")


def test_a_device_that_is_not_here_is_refused_where_runs_are(tmp_path: Path) -> None:
    config = made_sweep(tmp_path, "device=cuda:7")
    with pytest.raises(SnnfwError, match="device 'cuda:7' is not there"):
        require_plans(config, config.jobs)
    elsewhere = made_sweep(tmp_path, "device=cuda:7", "launcher=ray")
    require_plans(elsewhere, elsewhere.jobs)


def test_what_a_strangers_source_raises_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: object) -> None:
        raise OSError("disk unplugged")

    monkeypatch.setattr(checking, "load_subject", fail)
    config = made_sweep(tmp_path)
    with pytest.raises(SnnfwError, match=r"rate_timesteps=1, .* and 1 more: OSError: disk unplugged\.$"):
        require_plans(config, config.jobs)


def test_every_tracker_is_tried_once_before_the_first_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def refuse(tracker: Any) -> None:
        tried.append(tracker)
        if tracker is not None:
            raise SnnfwError("no server.")

    monkeypatch.setattr(checking, "require_tracker", refuse)
    config = made_sweep(tmp_path, "tracker=null,tensorboard")
    with pytest.raises(SnnfwError) as caught:
        require_plans(config, config.jobs)
    first, fault = str(caught.value).splitlines()
    assert first == "4 of 8 combinations cannot be run, and none was started."
    assert fault.endswith(" and 1 more: no server.")
    assert len(tried) == 2
