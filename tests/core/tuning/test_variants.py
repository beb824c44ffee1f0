"""What is proposed near a finalist, and that sites are not measured one by one where there are too many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from snnfw.config.tuning import Aim
from snnfw.registry import Registry
from snnfw.tuning import variants
from snnfw.tuning.ground import Ground
from snnfw.tuning.measuring import Meter
from snnfw.tuning.space import Space
from snnfw.tuning.values import Candidate, Finding
from snnfw.tuning.variants import Variants


@pytest.mark.parametrize(("largest", "told"), [(2, []), (1, ["neurons are not chosen layer by layer: 2 places"])])
def test_sites_are_measured_one_by_one_as_far_as_they_are_few(
    largest: int,
    told: list[str],
    ground: Ground,
    registry: Registry,
    configure: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(variants, "LARGEST", largest)
    said, tracked = list[str](), list[str]()

    def track(items: Any, description: str, total: int | None = None) -> Any:
        tracked.append(description)
        return items

    resources = replace(ground.subject.resources, tell=said.append, track=track)
    ground = replace(ground, subject=replace(ground.subject, resources=resources))
    config = configure({"plugin": "adafire", "timesteps": 2, "checkpoints": [2]})
    finalist = Finding(Candidate("adafire, T=2", "adafire", config), None)
    search = registry.presets["adafire"].search
    assert search
    proposing = Variants(Meter(ground, 2.0, config), Aim(), Space((), {"adafire": {"search": search}}, ()))
    names = [each.name for number in range(2) for each in proposing.of(finalist, [finalist], number)]
    assert [line.partition(" are too many")[0] for line in said] == told
    few = not told
    assert any("layer by layer" in name for name in names) == few
    assert ("adafire, T=2, its own search" in names) == few
    assert ("measure candidates" in tracked) == few  # which may take long
    assert "adafire, T=4" in names
