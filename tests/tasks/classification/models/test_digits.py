from __future__ import annotations

import pytest
from safetensors import safe_open

from snnfw.values import Resources
from snnfw_tasks.classification.models.digits import DigitsResNet20, DigitsVgg
from snnfw_tasks.networks.shipped import shipped_weights

score = pytest.importorskip("tools.train_digits", reason="makers of weights are in the repository alone").score


@pytest.mark.parametrize("source", [DigitsResNet20, DigitsVgg])
def test_the_shipped_weights_score_exactly_what_they_say(source: type[DigitsResNet20 | DigitsVgg]) -> None:
    network = source().build(10, Resources())
    with safe_open(shipped_weights(source.name), "pt") as file:
        facts = file.metadata()
    assert repr(score(network)) == facts["accuracy"]
    assert float(facts["accuracy"]) >= 0.98


@pytest.mark.parametrize("source", [DigitsResNet20, DigitsVgg])
def test_the_shipped_weights_stay_small(source: type[DigitsResNet20 | DigitsVgg]) -> None:
    assert shipped_weights(source.name).stat().st_size < 2_000_000
