"""Searches that measure on workers find what they find in one process, to the last digit, and write the same files."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from networks import ConvNet, captured, noise
from snnfw.archive.sending import REDUCERS
from snnfw.contracts import Search
from snnfw.energy.horowitz import Horowitz
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.search.trials import Trials
from snnfw.search.workers import Workers
from snnfw.simulate.accuracy import Accuracy
from snnfw.values import Batch, Data, Judgement, Resources
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.calibration import Calibration
from snnfw_plugins.optuna_search import OptunaSearch
from snnfw_plugins.pareto import AdaptiveCalibration, Pareto, Ssc
from turned_launcher import Turned

SEARCHES: dict[str, Search] = {
    "pareto": Pareto(space={"phi": (1, 2, 4)}, loss=0.9, tries=3),
    "ssc": Ssc(ratios=(1.0, 2.0, 3.0)),
    "adafire": AdaptiveCalibration(Pareto(space={"phi": (1, 4)}, thresholds="kept"), Ssc(ratios=(1.0, 2.0))),
    "optuna, tpe": OptunaSearch({"phi": (1, 2, 4)}, trials=7, batch=3),
    "optuna, one by one": OptunaSearch({"phi": (1, 2, 4)}, trials=3, sampler="random"),
}


@pytest.fixture(scope="module")
def trials() -> Trials:
    x = noise(6, 3, 8, 8)
    batches = [Batch((x,), torch.arange(6) % 5)]
    judgement = Judgement(scorer=partial(Accuracy, 5), headline="accuracy", logits=lambda output: output)
    data = Data(calibration=[(x,)], evaluation=(), tuning=batches)
    return Trials(captured(ConvNet, x[:3]), data, judgement, Calibration(bias=True), 4, Horowitz(), Resources())


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_finds_the_same_on_workers(
    name: str, trials: Trials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = place(trials.graph, (Rule("*", AdaFire(phi=4)),))
    found = []
    for place_, workers in (("here", None), ("there", Workers(Turned((0,)), REDUCERS))):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / place_))
        found.append(SEARCHES[name].search(plan, replace(trials, workers=workers)))
    here, there = found
    assert there.plan == here.plan
    assert there.record == here.record
    assert there.files == here.files
    kept = [sorted(path.name for path in (tmp_path / name / "snnfw").rglob("*.json")) for name in ("here", "there")]
    assert kept[0] == kept[1] != []
