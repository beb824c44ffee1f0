"""Delta coding over networks of every kind: what settles, at what, and what it costs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backends import FASTEST
from networks import ConvNet, estimated, noise, seeded, small_swin, small_vit, unlike
from snnfw.capture.export import capture
from snnfw.capture.graph import Graph
from snnfw.conversion.direct import Direct
from snnfw.energy.events import accumulations
from snnfw.errors import SnnfwError
from snnfw.neurons.delta_neuron import DeltaNeuron
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.planning.placement import Plan, place
from snnfw.planning.rules import Neuron, Rule
from snnfw.simulate.settling import certify, settled_output
from snnfw.spiking.model import SpikingModel
from snnfw.values import Keep, Resources, Site, SiteStats
from snnfw_plugins.sigmadelta import SigmaDelta, delta_rules
from snnfw_plugins.sigmadelta.events import ROUNDING
from snnfw_plugins.tracking import Tracking

SAMPLES = 4
T = 16


class Residual(nn.Module):
    """Two blocks with a linear bottleneck, biases, and a sum that nothing rectifies."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 6, 3, padding=1), nn.Linear(6, 5)
        self.wide = nn.ModuleList(nn.Conv2d(6, 12, 1) for _ in range(2))
        self.narrow = nn.ModuleList(nn.Conv2d(12, 6, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        x = still = self.stem(x)
        for wide, narrow in zip(self.wide, self.narrow, strict=True):
            x = x + narrow(F.silu(wide(x)))
        return self.head((x + 0.5 * still).mean((2, 3)))  # type: ignore[no-any-return]  # a layer


class Joined(nn.Module):
    """Spikes and currents side by side, padded with ones, pooled by average and maximum."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.left = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 1)
        self.both, self.head = nn.Conv2d(8, 6, 3), nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.stem(x))
        y = F.pad(torch.cat([y, self.left(y)], 1), (1, 1, 1, 1), value=1.0)
        y = F.gelu(self.both(y))
        return self.head(torch.cat([F.max_pool2d(y, 2).amax((2, 3)), F.avg_pool2d(y, 2).mean((2, 3))], 1))  # type: ignore[no-any-return]  # a layer


class Gated(nn.Module):
    """A squeeze-and-excitation gate, a layer norm, a transform that is computed from the input, and the input again."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.squeeze, self.excite = nn.Linear(6, 8), nn.Linear(8, 4), nn.Linear(4, 8)
        self.transform, self.norm, self.head = nn.Linear(8, 64), nn.LayerNorm(8), nn.Linear(14, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = F.hardswish(self.stem(x))
        y = y * torch.sigmoid(self.excite(F.relu(self.squeeze(y))))
        y = torch.bmm(y[:, None], self.transform(y).view(-1, 8, 8))[:, 0]
        return self.head(torch.cat([F.relu(self.norm(y)), 0.5 * x], 1))  # type: ignore[no-any-return]  # a layer


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor]]] = {
    "residual": (Residual, lambda: noise(SAMPLES, 3, 8, 8)),
    "normed": (lambda: estimated(ConvNet(), noise(1, 3, 8, 8)), lambda: noise(SAMPLES, 3, 8, 8)),
    "joined": (Joined, lambda: noise(SAMPLES, 3, 8, 8)),
    "gated": (Gated, lambda: noise(SAMPLES, 6)),
    "vit": (small_vit, lambda: unlike(SAMPLES, 3, 32, 32)),
    "swin": (small_swin, lambda: unlike(SAMPLES, 3, 16, 16)),
}


@dataclass(frozen=True)
class Case:
    """A network, its graph and inputs."""

    net: nn.Module
    graph: Graph
    x: Tensor

    def model(self, neuron: Neuron, timesteps: int = T, backend: str = FASTEST, temporal: bool = False) -> SpikingModel:
        plan = place(self.graph, delta_rules(neuron), temporal)
        return Direct().convert(self.graph, plan, [(self.x,)], timesteps, Resources(backend=backend))


@functools.cache
def made(name: str) -> Case:
    build, example = NETWORKS[name]
    net, x = seeded(build).double().eval(), example().double()
    return Case(net, capture(net, (x,)), x)


@pytest.fixture(params=NETWORKS)
def case(request: pytest.FixtureRequest) -> Case:
    return made(request.param)


def run(model: SpikingModel, x: Tensor, *chunks: int) -> Tensor:
    model.begin((x,))
    for steps in chunks:
        model.advance(steps)
    output: Tensor = model.read()
    return output


def close(ours: Tensor, theirs: Tensor, tolerance: float = 1e-12) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance * float(theirs.abs().max()))


@pytest.mark.parametrize("neuron", [Tracking(), SigmaDelta()], ids=["rate", "delta"])
def test_with_encoders_no_mac_is_multiplied_at_every_timestep(case: Case, neuron: Neuron) -> None:
    """Products of two streams are multiplied in rate coding alone."""
    plan = case.model(neuron, 1).plan
    rest = {fate.operator for fate in plan.fates.values() if fate.repeats or (fate.macs and fate in plan.analog)}
    assert rest <= (set() if plan.coding == "delta" else {"matmul", "bmm"})
    assert plan.spiking_share > 0.4


def test_once_settled_it_is_the_quantised_network(case: Case) -> None:
    model = case.model(SigmaDelta(levels=8, digits=2))
    found = certify(model, (case.x,), T)
    assert found.settled is not None
    assert list(found.unsent.values())[-1] == 0
    assert found.largest <= 1e-12 * float(case.net(case.x).detach().abs().max())
    quantised = run(case.model(SigmaDelta(levels=8).settled(), 1), case.x, 1)
    close(run(model, case.x, T), quantised)
    close(settled_output(model, (case.x,)), quantised)


@pytest.mark.parametrize("form", ["signed", "binary", "unary"])
def test_what_was_sent_is_within_half_a_threshold_of_the_function_of_what_came(case: Case, form: str) -> None:
    model = case.model(SigmaDelta(levels=5, digits=4, form=form))  # type: ignore[arg-type]  # one of them
    seen: dict[str, tuple[SpikingNeuron, Tensor, Tensor]] = {}

    def visit(site: Site, neuron: SpikingNeuron, drive: Tensor) -> Tensor:
        output: Tensor = neuron(drive)
        seen[site.name] = (neuron, drive.sum(0), output.sum(0))
        return output

    model.begin((case.x,))
    model.advance(T, visit)
    for site, _ in model.site_neurons():
        neuron, came, went = seen[site.name]
        assert isinstance(neuron, DeltaNeuron)
        bound = neuron.threshold * (ROUNDING + 1e-9) + neuron.threshold * neuron.unsent().abs()
        assert bool(((went - site.function(came)).abs() <= bound).all()), site.name
        assert form == "unary" or not bool(neuron.unsent().any()), site.name


def test_chunks_and_compaction_change_nothing(case: Case) -> None:
    model = case.model(SigmaDelta(levels=6, digits=1))
    whole = run(model, case.x, 6)
    close(run(model, case.x, 1, 3, 2), whole)
    keep = torch.tensor([0, 2])
    model.begin((case.x,))
    model.advance(2)
    model.keep(keep)
    model.advance(4)
    close(model.read(), whole[keep])


def test_energy_stops_growing(case: Case) -> None:
    model = case.model(SigmaDelta(levels=6, digits=2))
    model.begin((case.x,))
    model.advance(8)
    eight = sum(float(added.sum()) for added in accumulations(model).values())
    model.advance(8)
    assert sum(float(added.sum()) for added in accumulations(model).values()) <= 1.05 * eight


def test_both_codings_reach_the_network(case: Case) -> None:
    wanted = case.net(case.x).detach()
    scale = float((wanted - wanted.mean(0)).norm())
    delta = run(case.model(SigmaDelta(levels=14, digits=4)), case.x, T)
    rate = run(case.model(Tracking(phi=16), 64), case.x, 64)
    assert float((delta - wanted).norm()) < 2e-3 * scale
    assert float((rate - wanted).norm()) < 0.1 * scale


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in ("joined", "normed")])
def test_of_frames_it_gives_the_mean_of_what_it_would_give_for_each(name: str) -> None:
    """As far as what is read out is linear: a maximum behind the last neuron, as "joined" has one, is that of the mean."""
    case = made(name)
    frames = torch.stack([case.x, 0.5 * case.x, case.x.flip(0)], 1)
    model = case.model(SigmaDelta(levels=14).settled(), 3, temporal=True)
    wanted = torch.stack([case.net(frame).detach() for frame in frames.unbind(1)]).mean(0)
    scale = float((wanted - wanted.mean(0)).norm())
    found = run(model, frames, 3)
    assert float((found - wanted).norm()) < 2e-3 * scale
    close(run(model, frames, 1, 2), found)


def test_a_network_of_two_codings_is_refused_with_both_names() -> None:
    graph = made("residual").graph
    rules = (Rule("*", SigmaDelta(), activation="identity"), Rule("*", Tracking()))
    with pytest.raises(SnnfwError, match=r"'tracking' at '.*' is rate coded and 'sigmadelta' at '.*' is delta coded"):
        place(graph, rules)
    needless = (Rule("*", SigmaDelta(), activation="identity", optional=True), Rule("*", Tracking()))
    assert place(made("normed").graph, needless).coding == "rate"  # no product reads a current there
    plan: Plan = place(graph, delta_rules(SigmaDelta()))
    with pytest.raises(SnnfwError, match="mixes two codings"):
        plan.with_neuron(plan.placements[0].site.name, Tracking())


def test_an_encoder_rule_that_places_nothing_says_why() -> None:
    graph = made("residual").graph
    sigmadelta = SigmaDelta()
    for match, why in {"nowhere.*": "none of the encoders", "stem*": "does not vary in time"}.items():
        with pytest.raises(SnnfwError, match=why):
            place(graph, (Rule(match, sigmadelta, activation="identity"), Rule("*", sigmadelta)))
    kept = place(graph, (Rule("*", Keep(), activation="identity"), Rule("*", sigmadelta)))
    assert kept.multiplied


def test_a_neuron_that_names_no_known_coding_is_refused() -> None:
    @dataclass(frozen=True)
    class Odd(SigmaDelta):
        coding = "phase"

    with pytest.raises(SnnfwError, match="coding = 'phase'"):
        place(made("gated").graph, (Rule("*", Odd()),))


def test_a_module_of_another_coding_than_its_method_is_refused() -> None:
    @dataclass(frozen=True)
    class Wrong(Tracking):
        coding = "delta"

    case = made("gated")
    with pytest.raises(SnnfwError, match="delta coded and builds a module that is rate coded"):
        case.model(Wrong(), 1)


def test_what_cannot_settle_is_refused() -> None:
    case = made("gated")
    with pytest.raises(SnnfwError, match="rate coded"):
        certify(case.model(Tracking(), 2), (case.x,), 2)
    with pytest.raises(SnnfwError, match="changes at every timestep"):
        certify(case.model(SigmaDelta(), 2, temporal=True), (case.x[:, None].repeat(1, 2, 1),), 2)


def test_a_constant_input_current_comes_once() -> None:
    site = made("gated").graph.sites[-1]
    stats = SiteStats(torch.tensor(0.25, dtype=torch.float64), offset=torch.tensor(1.0, dtype=torch.float64))
    neuron = SigmaDelta(digits=None).build(site, stats, 2)
    output = neuron(torch.zeros(3, 2, 8, dtype=torch.float64))
    assert torch.equal(output.sum(0), torch.ones(2, 8, dtype=torch.float64))
    assert not bool(output[1:].any())


def test_a_channel_that_calibration_never_heard_gets_the_threshold_of_its_layer() -> None:
    site = made("gated").graph.sites[-1]
    observer = SigmaDelta(levels=3, scale="channel").observer(site)
    observer.update(torch.tensor([[0.0, 4.0, 2.0, 0.0, -8.0, 1.0, 1.0, 1.0]]))
    wanted = torch.tensor([[8.0, 4.0, 2.0, 8.0, 8.0, 1.0, 1.0, 1.0]]) / 8
    assert torch.equal(observer.stats().threshold, wanted)
    silent = SigmaDelta(levels=3).observer(site)
    silent.update(torch.zeros(2, 8))
    assert bool((silent.stats().threshold > 0).all())
