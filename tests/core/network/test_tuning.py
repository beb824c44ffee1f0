"""``snnfw.tune`` finds the cheapest network of a module and data that somebody has."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import snnfw
from snnfw.errors import SnnfwError

Data = tuple[Tensor, Tensor]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def given() -> tuple[nn.Module, Data]:
    """Return a network that says which of three numbers is largest, and numbers."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(300, 3, generator=generator)
    first, last = nn.Linear(3, 6, bias=False), nn.Linear(6, 3, bias=False)
    net = nn.Sequential(first, nn.ReLU(), last)
    with torch.no_grad():
        eye = torch.eye(3)
        first.weight.copy_(torch.cat([eye, -eye]))
        last.weight.copy_(torch.cat([eye, -eye], 1))
    return net.eval(), (x, (x + 0.05 * torch.randn(300, 3, generator=generator)).argmax(1))


def test_the_network_found_is_the_one_that_was_measured(given: tuple[nn.Module, Data]) -> None:
    net, (x, y) = given
    validate = (x[60:], y[60:])
    found = snnfw.tune(net, (x[:60], y[:60]), validate, drop=3.0, timesteps=(1, 2), rounds=1, trials=25)
    assert found.met
    [row] = [row for row in found.candidates if row.get("chosen")]
    report = snnfw.evaluate(found.snn, validate, exit=found.exit)
    final = report.checkpoints[-1]
    assert final.scores["accuracy"] == row["score"]
    assert final.energy.total == pytest.approx(row["energy"], rel=1e-12)
    assert found.name == row["candidate"]
    assert row in found.frontier
    assert "samples to validate on" in str(found)
    assert "<p>Looked for" in found._repr_html_()
    recipe = Path("recipe.yaml")
    assert "timesteps:" in found.recipe
    assert not recipe.exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"drop": -1.0}, "drop=-1.0 is not allowed"),
        ({"methods": ["siged"]}, "no method named 'siged'"),
        ({"minimise": "latency"}, "minimise=latency is not allowed"),
        ({"launcher": "slrum"}, "no launcher named 'slrum'"),
        ({"timesteps": ()}, "timesteps must be a list"),
    ],
)
def test_what_is_not_allowed_is_refused(given: tuple[nn.Module, Data], changes: dict[str, object], said: str) -> None:
    net, (x, y) = given
    with pytest.raises(SnnfwError, match=said):
        snnfw.tune(net, x[:60], (x[60:], y[60:]), **changes)  # type: ignore[arg-type]


def test_labels_are_needed_to_judge(given: tuple[nn.Module, Data]) -> None:
    net, (x, _) = given
    with pytest.raises(SnnfwError, match="the data to validate on has no labels"):
        snnfw.tune(net, x[:60], x[60:])
