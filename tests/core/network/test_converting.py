from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import snnfw
from networks import ConvNet, noise, seeded
from snnfw.planning.placement import Plan
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.integrate_and_fire import IntegrateAndFire

SAMPLES = 12
LABELS = torch.arange(SAMPLES) % 10


def images() -> Tensor:
    return noise(SAMPLES, 3, 8, 8).float()


@pytest.fixture
def net() -> nn.Module:
    return seeded(ConvNet).float().eval()


def convert(net: nn.Module, data: Any = None, **given: Any) -> snnfw.SpikingNetwork:
    """Convert for three timesteps, unless said otherwise."""
    defaults: dict[str, Any] = {"method": "if", "timesteps": 3}
    return snnfw.convert(net, images() if data is None else data, **{**defaults, **given})


def loader(*tensors: Tensor) -> DataLoader[Any]:
    return DataLoader(TensorDataset(*tensors), batch_size=SAMPLES)


KINDS: dict[str, Callable[[], Any]] = {
    "a tuple with a tensor": lambda: (images(),),
    "a tuple with labels": lambda: (images(), LABELS),
    "the batch of a loader": lambda: next(iter(loader(images(), LABELS))),
    "a list of tensors": lambda: [images()],
    "a list of tuples": lambda: [(images(),)],
    "a list with labels": lambda: [(images(), LABELS)],
    "inputs in a tuple of their own": lambda: [((images(),), LABELS)],
    "a list of Batch": lambda: [snnfw.Batch((images(),), LABELS)],
    "a loader": lambda: loader(images()),
    "a loader with labels": lambda: loader(images(), LABELS),
}


def test_every_usual_kind_of_data_converts_alike(net: nn.Module) -> None:
    x, expected = images(), convert(net)(images())
    assert not torch.equal(expected, net(x)), "it is the spiking network"
    for kind, data in KINDS.items():
        assert torch.equal(convert(net, data())(x), expected), kind


def test_a_long_tensor_is_cut_into_batches(net: nn.Module) -> None:
    long = noise(130, 3, 8, 8).float()
    cut = convert(net, long)
    assert cut.about["calibration"]["batches"] == 2
    assert torch.equal(cut(long[:3]), convert(net, [long[:128], long[128:]])(long[:3]))


METHODS: dict[str, dict[str, Any]] = {
    "a name": {"method": "adafire", "search": False},
    "a mapping": {"method": {"name": "adafire"}},
    "an instance": {"method": AdaFire()},
    "rules": {"method": [snnfw.Rule("*", AdaFire())]},
    "one rule": {"method": snnfw.Rule("*", AdaFire())},
    "layers": {"method": None, "layers": [{"match": "*", "neuron": "adafire"}]},
    "a recipe": {"method": None, "recipe": {"layers": [{"match": "*", "neuron": {"name": "adafire", "phi": 4}}]}},
}


def test_every_way_to_say_a_method_means_the_same(net: nn.Module, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("layers:\n- {match: '*', neuron: adafire}\n", encoding="utf-8")
    ways = {**METHODS, "a file": {"method": None, "recipe": file}}
    plain = {"converter": "direct"}
    outputs = {way: convert(net, **{**plain, **given})(images()) for way, given in ways.items()}
    first = outputs.pop("an instance")
    for way, output in outputs.items():
        assert torch.equal(output, first), way


def test_layers_get_methods_of_their_own(net: nn.Module) -> None:
    first = snnfw.plan(net, images(), method="if").placements[0].site.name
    snn = convert(net, method=[snnfw.Rule(first, AdaFire(phi=2)), snnfw.Rule("*", IntegrateAndFire())])
    assert snn.plan.placements[0].neuron.name == "adafire"
    assert {placement.neuron.name for placement in snn.plan.placements[1:]} == {"if"}


def state(net: nn.Module) -> dict[str, Any]:
    """Return everything of a network that a conversion could change."""
    return {
        "tensors": {name: value.clone() for name, value in net.state_dict().items()},
        "memory": {name: value.data_ptr() for name, value in net.state_dict().items()},
        "modes": [module.training for module in net.modules()],
        "hooks": [(dict(m._forward_hooks), dict(m._forward_pre_hooks), dict(m._backward_hooks)) for m in net.modules()],
        "gradients": {name: (p.requires_grad, None if p.grad is None else p.grad.clone()) for name, p in
                      net.named_parameters()},
        "modules": [name for name, _ in net.named_modules()],
        "attributes": {name: sorted(vars(module)) for name, module in net.named_modules()},
    }  # fmt: skip


def equal(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, Tensor):
        return torch.equal(ours, theirs)
    if isinstance(ours, dict):
        return list(ours) == list(theirs) and all(equal(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list | tuple):
        return len(ours) == len(theirs) and all(map(equal, ours, theirs))
    return bool(ours == theirs)


def test_the_network_stays_as_it_was_and_nothing_is_shared(net: nn.Module) -> None:
    calls: list[int] = []
    net.register_forward_hook(lambda *_: calls.append(1))
    net(images()).sum().backward()
    before, expected, seed = state(net), net(images()), torch.random.get_rng_state()
    snn = convert(net, (images(), LABELS), method="adafire")
    assert equal(state(net), before)
    assert torch.equal(torch.random.get_rng_state(), seed)
    output = snn(images())
    with torch.no_grad():
        for tensor in snn.state_dict().values():
            tensor.zero_()
    assert torch.equal(net(images()), expected)
    again = convert(net, (images(), LABELS), method="adafire")
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
    assert torch.equal(again(images()), output)


def test_nothing_is_printed_unless_asked(net: nn.Module, capfd: pytest.CaptureFixture[str]) -> None:
    snn = convert(net, (images(), LABELS), method="adafire")
    snnfw.evaluate(snn, (images(), LABELS))
    assert capfd.readouterr() == ("", "")


def test_a_plan_is_the_dry_run(net: nn.Module) -> None:
    placed = snnfw.plan(net, images(), method="adafire")
    assert isinstance(placed, Plan)
    assert placed.spiking_share == convert(net, (images(), LABELS), method="adafire").plan.spiking_share


class Iterates:
    def __iter__(self) -> Iterator[Tensor]:
        return iter([images()])


class Twice(nn.Module):
    """Two inputs."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return torch.relu(x + y)


def spiking(net: nn.Module) -> Any:
    return convert(net)


BAD: dict[str, tuple[Callable[[nn.Module], tuple[Any, Any]], dict[str, Any], str]] = {
    "no module": (lambda net: (net.forward, images()), {}, "what to convert is a method: give a torch.nn.Module"),
    "training": (lambda net: (net.train(), images()), {}, "the network is in training mode: call its eval()"),
    "half": (lambda net: (net.half(), images()), {}, r"the network computes in torch.float16: call its float\(\)"),
    "elsewhere": (lambda net: (net, images()), {"device": "cuda"}, r"device=cuda is asked for and the network is on cpu"),
    "in two places": (lambda net: (nn.Sequential(net, nn.Linear(2, 2, device="meta")).eval(), images()), {}, "lies on cpu and meta"),
    "spiking": (lambda net: (spiking(net), images()), {}, "the network is spiking already"),
    "around a spiking one": (lambda net: (nn.Sequential(spiking(net)).eval(), images()), {}, "already"),
    "of another shape": (lambda net: (net, images()[:, :2]), {}, "cannot capture the network"),
    "no data": (lambda net: (net, 3), {}, "the calibration data is an int: give a tensor"),
    "text": (lambda net: (net, "images"), {}, "the calibration data is a str"),
    "a mapping": (lambda net: (net, {"x": images()}), {}, "the calibration data is a dict"),
    "read once": (lambda net: (net, iter([images()])), {}, "can be gone through once alone: give list"),
    "a generator": (lambda net: (net, (x for x in [images()])), {}, "can be gone through once alone"),
    "not counted": (lambda net: (net, Iterates()), {}, "batches that can be counted"),
    "an empty list": (lambda net: (net, []), {}, "the calibration data is empty"),
    "an empty tensor": (lambda net: (net, images()[:0]), {}, "the calibration data is empty"),
    "an empty loader": (lambda net: (net, loader(images()[:0])), {}, "the calibration data is empty"),
    "a data set": (lambda net: (net, TensorDataset(images())), {}, "data set of single samples: wrap it"),
    "too few inputs": (lambda net: (Twice().eval(), images()), {}, "holds 1 inputs and the network takes 2 tensors"),
    "a batch of text": (lambda net: (net, ["a"]), {}, "the calibration data 0 is a str"),
    "NaN": (lambda net: (net, images() / 0), {}, "NaN or infinite"),
    "an unknown method": (lambda net: (net, images()), {"method": "adafir"}, "Did you mean 'adafire'"),
    "a class": (lambda net: (net, images()), {"method": AdaFire}, r"is the class AdaFire: give an instance of it"),
    "a number": (lambda net: (net, images()), {"method": 3}, "method is an int: give the name of a preset or a neuron"),
    "no method": (lambda net: (net, images()), {"method": None}, "nothing says which neuron to use"),
    "no such layer": (
        lambda net: (net, images()), {"method": [snnfw.Rule("stem.*", AdaFire()), snnfw.Rule("*", AdaFire())]},
        r"stem\.\*",
    ),
    "a key of no recipe": (lambda net: (net, images()), {"recipe": {"task": "x"}}, "no key named 'task'"),
    "no timesteps": (lambda net: (net, images()), {"timesteps": 0}, "timesteps=0 is not allowed"),
    "no bytes": (lambda net: (net, images()), {"memory": "2 GB"}, "memory=2 GB is not allowed"),
    "a search without labels": (
        lambda net: (net, images()), {"method": AdaFire(), "search": "optuna"}, "no targets for the calibration data"
    ),
    "everything analog": (
        lambda net: (net, images()), {"method": "ann"}, r"no neuron was placed: every activation \(relu\) is kept"
    ),
    "no activation": (
        lambda net: (nn.Sequential(nn.Flatten(), nn.Linear(192, 2)).eval(), images()), {}, "relu|no activation|places"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_converted_is_one_sentence(name: str, net: nn.Module) -> None:
    make, given, message = BAD[name]
    network, data = make(net)
    with pytest.raises(snnfw.SnnfwError, match=message) as raised:
        convert(network, data, **given)
    assert "\n" not in str(raised.value)


def test_a_copy_of_the_network_converts_alike(net: nn.Module) -> None:
    assert torch.equal(convert(copy.deepcopy(net))(images()), convert(net)(images()))


def test_inputs_of_two_arguments_come_in_a_tuple() -> None:
    x, y = noise(4, 5).float(), noise(4, 5, seed=1).float()
    snn = convert(Twice().eval(), (x, y), timesteps=64)
    assert torch.equal(convert(Twice().eval(), [(x, y, LABELS[:4])], timesteps=64)(x, y), snn(x, y))
