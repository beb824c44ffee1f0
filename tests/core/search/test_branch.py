from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils import _pytree as pytree

from networks import ConvNet, InnerBatch, InPlaceReuse, SmallPointNet, captured, converted, noise, small_vit
from snnfw.capture.graph import Graph
from snnfw.energy.events import accumulations, spikes
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.planning.rules import Neuron
from snnfw.search.branch import run_branches
from snnfw.spiking.model import SpikingModel
from snnfw.values import SiteStats
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.tracking import Tracking

T = 3


class Residual(nn.Module):
    """A stem, a block with an identity and a block with a projection."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(6, 5)
        self.one = nn.ModuleList([nn.Conv2d(4, 4, 3, padding=1) for _ in range(2)])
        self.two = nn.ModuleList([nn.Conv2d(4, 6, 3, 2, 1), nn.Conv2d(6, 6, 3, padding=1), nn.Conv2d(4, 6, 1, 2)])

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, 5]."""
        x = F.relu(self.stem(x))
        x = F.relu(self.one[1](F.relu(self.one[0](x))) + x)
        x = F.relu(self.two[1](F.relu(self.two[0](x))) + self.two[2](x))
        return self.head(x.mean((2, 3)))  # type: ignore[no-any-return]  # Linear


class Heads(nn.Module):
    """Two branches that wait for one another, joined by a concatenation, and outputs read out on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.left, self.right = nn.Conv2d(2, 4, 1), nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1)
        self.last, self.head, self.early = nn.Conv2d(8, 6, 1), nn.Linear(6, 5), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return logits at two depths and a map."""
        x = F.relu(self.first(x))
        left, right = self.left(x), self.right(x)  # both are computed before either neuron fires
        joined = torch.cat([F.relu(left), F.relu(right)], 1)
        deep = F.relu(self.last(F.max_pool2d(joined, 2)))
        return {"logits": self.head(deep.mean((2, 3))), "early": self.early(x.mean((2, 3))), "map": deep}


NETWORKS: Mapping[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "residual": (Residual, (3, 3, 8, 8)),
    "several outputs": (Heads, (3, 2, 6, 6)),
    "max pooling": (ConvNet, (3, 3, 8, 8)),
    "a layer read twice": (InPlaceReuse, (3, 3, 8, 8)),
    "merged batch": (InnerBatch, (3, 5, 6)),
    "points": (SmallPointNet, (3, 3, 12)),
    "transformer": (small_vit, (2, 3, 32, 32)),
}


@functools.cache
def network(name: str) -> tuple[Graph, Tensor]:
    """Capture a network once."""
    build, shape = NETWORKS[name]
    x = noise(*shape)
    return captured(build, x), x


def substitute(model: SpikingModel, name: str, neuron: Neuron) -> SpikingNeuron:
    """Build a neuron on what the one at a site was built on."""
    site, own = next((site, own) for site, own in model.site_neurons() if site.name == name)
    built = neuron.build(site, SiteStats(own.threshold, own.initial, own.offset), model.timesteps)
    built.backend = own.backend
    return built


def seen(model: SpikingModel) -> list[Tensor]:
    """Return everything that can be asked of a model after a run."""
    return [*pytree.tree_leaves(model.read()), *spikes(model).values(), *accumulations(model).values()]


def in_full(model: SpikingModel, x: Tensor, changed: Mapping[str, SpikingNeuron]) -> list[Tensor]:
    """Return what a whole run shows of the model that has other neurons at some sites."""
    neurons = {site.name: changed.get(site.name, own) for site, own in model.site_neurons()}
    other = SpikingModel(model.graph, model.plan, neurons, model.timesteps)
    other(x)
    return seen(other)


def assert_equal(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> None:
    for mine, wanted in zip(ours, theirs, strict=True):
        assert torch.equal(mine, wanted)


@pytest.mark.parametrize("backend", ["reference", "native"])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_branch_is_the_whole_run_of_the_changed_model(name: str, backend: str) -> None:
    graph, x = network(name)
    model = converted(graph, AdaFire(phi=4), x, T, other=Tracking(phi=4))
    for _, neuron in model.site_neurons():
        neuron.backend = backend
    names = [site.name for site, _ in model.site_neurons()]
    tried = {name: [substitute(model, name, neuron) for neuron in (Tracking(phi=1), Tracking(phi=2))] for name in names}
    found = [(site.name, number, seen(model)) for site, number in run_branches(model, (x,), tried)]
    unchanged = seen(model)

    assert [(site, number) for site, number, _ in found] == [(name, number) for name in names for number in (0, 1)]
    assert_equal(unchanged, in_full(model, x, {}))
    for site, number, ours in found:
        assert_equal(ours, in_full(model, x, {site: tried[site][number]}))
        assert any(not torch.equal(mine, other) for mine, other in zip(ours, unchanged, strict=True))


def test_a_model_left_in_the_middle_has_its_own_neurons_again() -> None:
    graph, x = network("max pooling")
    model = converted(graph, AdaFire(), x, T)
    whole = model(x)
    walk = run_branches(model, (x,), {"relu": [substitute(model, "relu", Tracking(phi=1))]})
    next(walk)
    assert not torch.equal(model.read(), whole)
    walk.close()  # type: ignore[attr-defined]  # a generator
    assert torch.equal(model(x), whole)


def test_what_precedes_a_site_runs_once(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, x = network("residual")
    model = converted(graph, AdaFire(), x, T)
    names = [site.name for site, _ in model.site_neurons()]
    tried = {name: [substitute(model, name, AdaFire(phi=phi)) for phi in (1, 2)] for name in names}
    fired: list[SpikingNeuron] = []
    real = SpikingNeuron.multi_step_forward

    def counted(self: SpikingNeuron, x_seq: Tensor, in_place: bool = False) -> Tensor:
        fired.append(self)
        return real(self, x_seq, in_place)

    monkeypatch.setattr(SpikingNeuron, "multi_step_forward", counted)
    sites = len(tried)
    assert len(list(run_branches(model, (x,), tried))) == 2 * sites
    assert len(fired) == sites + 2 * sum(range(1, sites + 1))
