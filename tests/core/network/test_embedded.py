"""What Python converts is what the command line runs, to the last digit, for every embedded default."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

import snnfw
from snnfw.pipeline import report_run
from snnfw.stages import acquire_resources, convert_and_simulate, load_subject

AMOUNTS = ["timesteps=2", "task.limit=6", "task.calibration=16", "task.batch=8"]

DEFAULTS = [
    "task=classification model=digits-vgg plugin=adafire",
    "task=classification plugin=msat",
    "task=events plugin=rate",
    "task=detection plugin=adafire",
    "task=detection model=scenes-yolo-silu plugin=burst",
    "task=segmentation plugin=adafire",
    "task=pointcloud plugin=msat",
    "task=pointcloud model=pointnet plugin=calibration",
    "task=speech plugin=adafire",
    "task=text model=sentences-transformer plugin=msat",
]


@pytest.mark.parametrize("words", DEFAULTS)
def test_a_conversion_from_python_is_the_run_of_the_command_line(words: str) -> None:
    config = snnfw.resolve([*words.split(), *AMOUNTS], snnfw.Registry())
    subject = load_subject(config, acquire_resources(config, Console(quiet=True)))
    bundle, data = subject.bundle, subject.bundle.data
    run = report_run(config, subject, convert_and_simulate(config, subject))
    snn = snnfw.convert(
        bundle.model,
        data.tuning if config.search else data.calibration,
        method=config.plugin,
        search=config.search or False,
        timesteps=2,
        frames=data.frames,
        metric=bundle.judgement,
    )
    ours = snnfw.evaluate(snn, data.evaluation, bundle.judgement, exit=config.exit)
    same: dict[str, Any] = {"about": {}, "seconds": 0.0, "pictures": {}}
    assert replace(ours.network, seconds=0) == replace(run.network, seconds=0)
    ours, run = (replace(report, **same, network=run.network) for report in (ours, run))
    assert repr(ours) == repr(run)
    require_sums(snn, data.evaluation)


def require_sums(snn: snnfw.SpikingNetwork, evaluation: Any) -> None:
    """Hold each site's error, split, against the mean of the difference, and the first one against nothing before."""
    found = snn.diagnose(evaluation, tries=0)
    assert found.normalisation is None
    for site in found.sites:
        assert sum(site.parts.values()) == pytest.approx(site.error, abs=1e-9)
    spiking = [site for site in found.sites if not site.is_silent]
    assert spiking
    assert spiking[0].parts["before"] == pytest.approx(0, abs=1e-6)
    assert max(site.error for site in spiking) > 0
