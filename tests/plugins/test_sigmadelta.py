"""The sigma-delta neuron: its events, its kernels, and the preset."""

from __future__ import annotations

import itertools
from typing import Literal, get_args

import pytest
import torch
from torch import Tensor, nn

from backends import needs_native
from kernel_inputs import same
from networks import noise, seeded
from snnfw.capture.export import capture
from snnfw.config.resolution import resolve_mapping
from snnfw.conversion.direct import Direct
from snnfw.errors import SnnfwError
from snnfw.planning.placement import place
from snnfw.planning.settled import settle
from snnfw.registry import Registry
from snnfw.simulate.settling import certify
from snnfw.values import Resources, Site, SiteStats
from snnfw_plugins.sigmadelta import SigmaDelta, delta_rules
from snnfw_plugins.sigmadelta.events import FORMS, LARGEST, highest_power, nearest_power
from snnfw_plugins.sigmadelta.node import SigmaDeltaNeuron
from snnfw_plugins.tracking import Tracking

FormName = Literal["signed", "binary", "unary"]
WHOLE = torch.arange(-3000, 3001, dtype=torch.float64)


def fewest_signed_powers(limit: int) -> Tensor:
    """Return for 0 ... limit the fewest signed powers of two that add up to each, by brute force."""
    powers = [sign * 2**k for k in range(limit.bit_length() + 1) for sign in (1, -1)]
    fewest = {0: 0}
    reached = {0}
    for count in itertools.count(1):
        reached = {value + power for value in reached for power in powers if abs(value + power) <= 2 * limit}
        for value in reached:
            fewest.setdefault(value, count)
        if all(value in fewest for value in range(limit + 1)):
            return torch.tensor([fewest[value] for value in range(limit + 1)], dtype=torch.float64)
    raise AssertionError


def test_signed_digits_are_as_few_as_there_can_be() -> None:
    numbers = torch.arange(257, dtype=torch.float64)
    assert torch.equal(FORMS["signed"].count(numbers), fewest_signed_powers(256))


@pytest.mark.parametrize("form", FORMS)
def test_events_sent_one_by_one_are_as_many_as_are_counted(form: str) -> None:
    left, events = WHOLE.clone(), torch.zeros_like(WHOLE)
    for _ in range(3000 if form == "unary" else 13):
        went = FORMS[form].send(left, 1)
        assert bool((went.abs() <= left.abs() * 4 / 3).all())
        events, left = events + (went != 0), left - went
    assert not bool(left.any())
    assert torch.equal(events, FORMS[form].count(WHOLE))
    assert torch.equal(FORMS[form].send(WHOLE, None), WHOLE)


def test_powers_are_the_highest_and_the_nearest() -> None:
    sizes = torch.arange(1, 4097, dtype=torch.float32)
    powers = 2.0 ** torch.arange(14)
    assert torch.equal(highest_power(sizes), torch.stack([powers[powers <= size].max() for size in sizes]))
    distance = (sizes[:, None] - powers).abs()
    assert torch.equal((nearest_power(sizes) - sizes).abs(), distance.amin(1))
    assert float(nearest_power(torch.tensor(3.0))) == 4  # of two as near, the larger
    assert not bool(torch.stack([highest_power(sizes.new_zeros(2)), nearest_power(sizes.new_zeros(2))]).any())


@needs_native
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("digits", [None, 1, 3])
@pytest.mark.parametrize("form", get_args(FormName))
def test_the_kernel_computes_the_step(form: FormName, digits: int | None, dtype: torch.dtype) -> None:
    drive = 10 * noise(4, 30, 7, 9).to(dtype)
    drive[1, 3, 2, 1], drive[2, 4], drive[0, 5] = torch.nan, 1e9, torch.inf
    threshold = noise(1, 7, 1).abs().to(dtype) + 0.05

    def neuron(backend: str) -> SigmaDeltaNeuron:
        code = "f = m < 0 ? 0 : m;"
        made = SigmaDeltaNeuron(SiteStats(threshold), torch.relu, form, digits, code)
        made.backend, made.insists = backend, True
        return made

    reference, native = neuron("reference"), neuron("native")
    assert same(native(drive), reference(drive))
    assert native.emitted is not None
    assert same(native.emitted, torch.as_tensor(reference.emitted))
    assert same(native.sent, reference.sent)
    assert same(native.unsent(), reference.unsent())


def test_a_change_too_large_for_a_timestep_goes_on_in_the_next() -> None:
    neuron = SigmaDelta(levels=16).build(_site(), SiteStats(torch.tensor(1.0)), 3)
    drive = torch.zeros(3, 1, 1)
    drive[0] = 1.5 * LARGEST
    assert torch.equal(neuron(drive).flatten(), torch.tensor([1.0, 0.5, 0.0]) * LARGEST)


@pytest.mark.parametrize("scale", ["channel", "layer", "between"])
def test_products_of_whole_numbers_are_no_ties(scale: Literal["channel", "layer", "between"]) -> None:
    """Where peaks of both factors meet in one element the product's threshold is a power of two of theirs."""
    net, x = seeded(Gate).double().eval(), noise(3, 3, 8, 8)
    graph = capture(net, (x,))
    plan = place(graph, delta_rules(SigmaDelta(levels=6, digits=2, scale=scale)))
    found = certify(Direct().convert(graph, plan, [(x,)], 16, Resources()), (x,), 16)
    assert found.settled is not None
    assert found.largest < 1e-12


class Gate(nn.Module):
    """A map, and a gate on it."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 32, 3, padding=1), nn.Conv2d(32, 32, 1)
        self.c, self.o = nn.Conv2d(32, 32, 1), nn.Conv2d(32, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.a(x))
        gated = torch.relu(self.b(y)) * torch.sigmoid(self.c(y.mean((2, 3), keepdim=True)))
        return torch.relu(self.o(gated))


@needs_native
@pytest.mark.parametrize("activation", [nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh])
def test_another_last_bit_of_a_function_is_no_reason_to_be_unsettled(activation: type[nn.Module]) -> None:
    net = seeded(lambda: nn.Sequential(nn.Linear(64, 256), activation(), nn.Linear(256, 4))).eval()
    x = noise(4096, 64).float()
    graph = capture(net, (x[:2],))
    plan = place(graph, delta_rules(SigmaDelta(levels=10, scale="channel")))
    assert certify(Direct().convert(graph, plan, [(x,)], 1, Resources()), (x,), 1).settled == 1


def test_what_goes_out_is_what_is_missing_in_signed_powers() -> None:
    neuron = SigmaDelta(digits=1).build(_site(), SiteStats(torch.tensor(0.5)), 4)
    drive = torch.tensor([1.5, 0.0, 0.0, -1.0]).view(4, 1, 1)  # 3 thresholds, then 1
    assert neuron(drive).flatten().tolist() == [2.0, -0.5, 0.0, -1.0]


def test_the_quantised_network_runs_by_itself() -> None:
    net, x = seeded(lambda: nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 3))).double().eval(), noise(5, 6)
    graph = capture(net, (x,))
    rules = settle(delta_rules(SigmaDelta(digits=1)))
    assert {rule.neuron for rule in rules} == {SigmaDelta()}
    model = Direct().convert(graph, place(graph, rules), [(x,)], 1, Resources())
    assert certify(model, (x,), 1).exact
    with pytest.raises(SnnfwError, match="is rate coded: choose plugin=sigmadelta"):
        settle(delta_rules(Tracking()))


def test_settled_is_one_timestep_whatever_else_is_said() -> None:
    words = {"task": "classification", "plugin": "sigmadelta", "neuron": {"digits": 1}, "timesteps": 8, "settled": True}
    config = resolve_mapping(words, Registry())
    assert (config.timesteps, config.checkpoints) == (1, (1,))
    assert {getattr(rule.neuron, "digits", 0) for rule in config.layers} == {None}
    assert resolve_mapping(dict(config.resolved), Registry()).layers == config.layers


@pytest.mark.parametrize(
    ("field", "value", "said"), [("digits", 0, "at least 1"), ("levels", 17, "at most 16"), ("form", "ternary", "form")]
)
def test_parameters_out_of_range_are_refused(field: str, value: object, said: str) -> None:
    with pytest.raises(SnnfwError, match=said):
        resolve_mapping({"task": "classification", "plugin": "sigmadelta", "neuron": {field: value}}, Registry())


def _site() -> Site:
    return Site("relu", "relu", "relu", torch.relu, (None, 1), 1)
