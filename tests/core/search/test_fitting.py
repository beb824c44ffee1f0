"""Exits and searches are fitted on samples of their own where there are enough, and the report says which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from read_back import read_back
from snnfw.config.resolution import resolve
from snnfw.errors import SnnfwError
from snnfw.pipeline import run
from snnfw.registry import Registry
from snnfw.report.records import describe_fitting
from snnfw.search.fitting import set_aside
from snnfw.search.results import Score
from snnfw.search.trials import Trials
from snnfw.simulate.accuracy import Accuracy
from snnfw.stages import set_fitting_aside
from snnfw.values import Batch, Bundle, Data, Judgement


def bundle_of(sizes: tuple[int, ...], with_targets: tuple[int, ...] | None = None) -> Bundle:
    """Return a bundle whose samples are numbered."""

    def batches(lengths: tuple[int, ...]) -> list[Tensor]:
        return list(torch.arange(float(sum(lengths))).split(list(lengths)))

    tuning = [Batch((x,), {"label": x * 2}) for x in batches(with_targets or sizes)]
    return Bundle(
        model=nn.Identity(),
        example=(torch.zeros(2),),
        data=Data(calibration=[(x,) for x in batches(sizes)], evaluation=[], tuning=tuning),
        judgement=Judgement(
            scorer=partial(Accuracy, 2),
            headline="accuracy",
            target_of=lambda target, keep: {"label": target["label"][keep]},
        ),
    )


def held(batches: Any) -> list[list[float]]:
    return [inputs[0].tolist() for inputs in batches]


@pytest.mark.parametrize(
    ("sizes", "share", "conversion", "own"),
    [
        ((4, 4), 0.25, [[0, 1, 2, 3], [4, 5]], [[6, 7]]),
        ((4, 4), 0.5, [[0, 1, 2, 3]], [[4, 5, 6, 7]]),
        ((8,), 0.25, [[0, 1, 2, 3, 4, 5]], [[6, 7]]),
        ((2, 2, 2, 2), 0.6, [[0, 1], [2]], [[3], [4, 5], [6, 7]]),
    ],
)
def test_the_last_samples_are_set_aside(
    sizes: tuple[int, ...], share: float, conversion: list[list[float]], own: list[list[float]]
) -> None:
    bundle, record = set_aside(bundle_of(sizes), share, fits=False)
    assert held(bundle.data.calibration) == held(bundle.data.calibration) == conversion
    assert held(bundle.data.fitting) == own
    assert bundle.data.fitting is not None
    assert (len(bundle.data.calibration), len(bundle.data.fitting)) == (len(conversion), len(own))
    assert record == {"own": True, "samples": sum(map(len, own)), "conversion": sum(map(len, conversion))}


def test_targets_go_with_their_samples_whatever_their_batches() -> None:
    bundle, _ = set_aside(bundle_of((4, 4), (3, 3, 2)), 0.5, fits=True)
    assert bundle.data.tuning is not None
    given = [(batch.inputs[0].tolist(), batch.target["label"].tolist()) for batch in bundle.data.tuning]
    assert given == [([4, 5], [8, 10]), ([6, 7], [12, 14])]


@pytest.mark.parametrize(
    ("total", "share", "fits", "record"),
    [
        (128, None, True, {"own": True, "samples": 32, "conversion": 96}),
        (124, None, True, {"own": False, "samples": 124, "conversion": 124}),
        (128, None, False, {"own": False}),
        (128, 0.0, True, {"own": False}),
        (8, 0.5, True, {"own": True, "samples": 4, "conversion": 4}),
    ],
)
def test_a_quarter_is_set_aside_where_that_is_enough(
    total: int, share: float | None, fits: bool, record: Mapping[str, Any]
) -> None:
    bundle, found = set_aside(bundle_of((total,)), share, fits)
    assert found == record
    assert (bundle.data.fitting is not None) == record["own"]


@pytest.mark.parametrize(
    ("bundle", "share", "error"),
    [
        (
            bundle_of((4,)),
            0.1,
            "fitting=0.1 of 4 calibration samples leaves 0 for fitting and 4 for the conversion: give more calibration "
            "samples, or fitting=0 to share them.",
        ),
        (
            bundle_of((8,), (6,)),
            0.5,
            "fitting=0.5 needs the same calibration samples with and without targets, and this task has 6 and 8: leave "
            "fitting out.",
        ),
    ],
)
def test_a_share_that_cannot_be_is_refused(bundle: Bundle, share: float, error: str) -> None:
    with pytest.raises(SnnfwError) as caught:
        set_aside(bundle, share, fits=True)
    assert str(caught.value) == error


def test_batches_with_labels_are_refused_where_inputs_are_wanted() -> None:
    bundle = bundle_of((4,))
    labelled = replace(bundle, data=replace(bundle.data, calibration=[(torch.zeros(4), torch.zeros(4))]))
    with pytest.raises(SnnfwError, match=r"^calibration batch 0 holds 2 tensors and the network takes 1: give a tuple"):
        set_aside(labelled, 0.5, fits=True)


@pytest.mark.parametrize(
    ("words", "own"),
    [
        ("plugin=adafire", True),
        ("plugin=adafire fitting=0", False),
        ("plugin=adafire task.calibration=64", False),
        ("plugin=adafire task.calibration=64 fitting=0.5", True),
        ("plugin=adafire search=null exit=entropy", True),
        ("plugin=adafire search=null exit=confidence", None),
        ("plugin=adafire search=null exit=confidence exit.tolerance=0.01", True),
        ("plugin=adafire search=null exit=fixed exit.timestep=4", None),
        ("plugin=adafire search=null exit=null", None),
        ("plugin=signed fitting=0.5", True),
    ],
)
def test_a_run_says_whether_something_is_fitted_and_on_what(words: str, own: bool | None) -> None:
    config = resolve(["task=classification", *words.split()], Registry())
    total = 64 if "=64" in words else 256
    bundle, said = set_fitting_aside(config, bundle_of((total,)))
    assert (said["fitting"]["own"] if said else None) == own
    assert (bundle.data.fitting is not None) == bool(own)


def test_the_report_says_which_samples_they_were() -> None:
    own = {"fitting": {"own": True, "samples": 64, "conversion": 192}}
    assert describe_fitting(own) == (
        "64 calibration samples are kept for search and exit alone; the conversion saw the other 192."
    )
    assert describe_fitting({"fitting": {"own": False}}).endswith(
        "that the conversion saw too, on which it does better."
    )
    assert describe_fitting({}) == ""


def test_conversions_of_a_search_do_not_see_what_it_is_judged_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[tuple[int, int]] = []

    def score(self: Trials, plan: Any) -> Score:
        del plan
        tuning = self.data.tuning
        assert tuning is not None
        both = [
            {tuple(sample.flatten().tolist()) for inputs in batches for sample in inputs[0]}
            for batches in (self.data.calibration, [batch.inputs for batch in tuning])
        ]
        assert not both[0] & both[1]
        seen.append((len(both[0]), len(both[1])))
        return Score(1.0, 1.0)

    pytest.importorskip("optuna")
    monkeypatch.setattr(Trials, "score", score)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    words = "task=classification plugin=adafire search=optuna search.trials=1 exit=null timesteps=2 task.limit=8"
    run(resolve([*words.split(), f"out={tmp_path / 'run'}"], registry := Registry()), registry)
    report = read_back(tmp_path / "run")
    assert report["about"]["fitting"] == {"own": True, "samples": 64, "conversion": 192}
    assert seen
    assert sum(seen[0]) == pytest.approx(256, abs=2)  # equal digits count once
    assert "are kept for search and exit alone" in (tmp_path / "run" / "report.html").read_text()
    recipe = (tmp_path / "run" / "search" / "recipes" / "chosen.yaml").read_text()
    assert "fitting: 0.25" in recipe
