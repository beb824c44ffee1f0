"""A network that was trained for a moment, with data that judges its conversions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from snnfw.config.resolution import resolve_method
from snnfw.network.batches import read_batches
from snnfw.network.converting import make_subject
from snnfw.registry import Registry
from snnfw.stages import Subject
from snnfw.tuning.ground import Ground, make_ground
from snnfw.values import Resources

Sample = tuple[Tensor, Tensor]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep measurements of a test to itself."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def trained() -> tuple[nn.Module, Sample]:
    """Return a small network in float64, and 600 labelled samples of which it gets nearly all right."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(600, 8, generator=generator, dtype=torch.float64)
    y = (x @ torch.randn(8, 3, generator=generator, dtype=torch.float64)).argmax(1)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3)).double()
        optimiser = torch.optim.Adam(net.parameters(), 1e-2)
        for _ in range(60):
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(x[:400]), y[:400]).backward()
            optimiser.step()
    return net.eval(), (x, y)


@pytest.fixture
def ground(trained: tuple[nn.Module, Sample]) -> Ground:
    """Return the ground of the network: 100 samples to convert with and to pick by, 150 to confirm on."""
    net, (x, y) = trained
    inputs, judging = read_batches((x[:100], y[:100]), 1, "data"), read_batches((x[100:250], y[100:250]), 1, "data")
    subject = make_subject(net, inputs, None, None, Resources())
    return make_ground(subject, subject.bundle.data.calibration, inputs, judging)


@pytest.fixture
def subject(ground: Ground) -> Subject:
    """Return its subject."""
    return ground.subject


@pytest.fixture(scope="session")
def registry() -> Registry:
    """Return everything that comes along."""
    return Registry()


@pytest.fixture
def configure(registry: Registry) -> Callable[[Mapping[str, Any]], Any]:
    """Return what resolves a method."""
    return lambda own: resolve_method({"search": None, "exit": None, **own}, registry)
