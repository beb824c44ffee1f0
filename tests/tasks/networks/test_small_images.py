"""The architectures for small images are built by name, and all of them can be trained as spiking networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from networks import noise
from snnfw.capture.export import capture
from snnfw.conversion.direct import Direct
from snnfw.errors import SnnfwError
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.registry import Registry
from snnfw.training.network import TrainingNetwork
from snnfw.values import Resources
from snnfw_plugins.inflor import SoftResetIntegrateAndFire
from snnfw_tasks.classification.task import Classification
from snnfw_tasks.networks.small_images import CifarResNet18Model, CifarResNetModel, ResNet19Model, Vgg16Model

if TYPE_CHECKING:
    from pathlib import Path


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def basic(inputs: int, outputs: int, stride: int) -> int:
    """Return the parameters of a residual block, batch norms and shortcut included."""
    shortcut = 0 if stride == 1 and inputs == outputs else inputs * outputs + 2 * outputs
    return 9 * outputs * (inputs + outputs) + 4 * outputs + shortcut


RESNET20 = 27 * 16 + 32 + 3 * basic(16, 16, 1) + basic(16, 32, 2) + 2 * basic(32, 32, 1)
RESNET20 += basic(32, 64, 2) + 2 * basic(64, 64, 1) + 64 * 10 + 10
RESNET19 = 27 * 128 + 256 + 3 * basic(128, 128, 1) + basic(128, 256, 2) + 2 * basic(256, 256, 1)
RESNET19 += basic(256, 512, 2) + basic(512, 512, 1) + 512 * 256 + 256 + 256 * 10 + 10


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (CifarResNetModel(), RESNET20),
        (CifarResNet18Model(), 11_173_962),
        (ResNet19Model(), RESNET19),
        (Vgg16Model(), 14_710_464 + 8_448 + 2 * (512 * 512 + 512) + 512 * 10 + 10),
    ],
)
def test_the_architectures_have_the_parameters_of_their_papers(source: Any, expected: int) -> None:
    assert count(source.build(10, Resources())) == expected


@pytest.mark.parametrize(
    ("source", "side", "neurons"),
    [
        (CifarResNetModel(depth=8, channels=1), 8, 7),
        (CifarResNet18Model(channels=2), 8, 17),
        (ResNet19Model(), 8, 18),
        (Vgg16Model(), 32, 15),
        (Vgg16Model(pool="average"), 32, 15),
    ],
)
def test_every_activation_becomes_a_neuron_and_one_step_trains_all_weights(
    source: Any, side: int, neurons: int
) -> None:
    network = source.build(7, Resources()).eval()
    inputs = noise(2, source.channels, side, side).float()
    graph = capture(network, (inputs,), trainable=True)
    plan = place(graph, (Rule("*", SoftResetIntegrateAndFire()),))
    assert len(plan.placements) == neurons
    model = TrainingNetwork(Direct().convert(graph, plan, [(inputs,)], 1, Resources())).train()
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    loss = F.cross_entropy(model(inputs).mean(0), torch.tensor([1, 2]))
    loss.backward()
    torch.optim.SGD(network.parameters(), lr=0.1).step()
    assert bool(torch.isfinite(loss))
    assert network(inputs).shape == (2, 7)
    # Behind neurons that are all silent, as untrained averages leave them, the weights have no gradient.
    assert not torch.equal(network.get_parameter(first_weight(network)), before[first_weight(network)])
    assert all(bool(torch.isfinite(parameter).all()) for parameter in network.parameters())


def first_weight(network: nn.Module) -> str:
    return next(name for name, _ in network.named_parameters())


def test_random_weights_follow_the_seed_and_leave_the_generator_alone() -> None:
    state = torch.get_rng_state()
    source = CifarResNetModel(depth=8, width=4)
    first, second, other = (source.build(10, Resources(seed=seed)).state_dict() for seed in (1, 1, 2))
    assert torch.equal(first["conv1.weight"], second["conv1.weight"])
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])
    assert torch.equal(torch.get_rng_state(), state)


def test_weights_of_a_file_are_used_and_have_to_fit(tmp_path: Path) -> None:
    made = CifarResNetModel(depth=8, width=4).build(10, Resources(seed=3))
    save_file(made.state_dict(), tmp_path / "w.safetensors")
    read = CifarResNetModel(depth=8, width=4, weights=tmp_path / "w.safetensors").build(10, Resources())
    assert torch.equal(read.get_parameter("conv1.weight"), made.get_parameter("conv1.weight"))
    with pytest.raises(SnnfwError, match="are of another architecture"):
        CifarResNetModel(depth=14, width=4, weights=tmp_path / "w.safetensors").build(10, Resources())


def test_a_depth_in_between_is_refused_with_its_neighbours() -> None:
    with pytest.raises(ValueError, match=r"^depth is 6n \+ 2, which 18 is not; next to it are 14 and 20$"):
        CifarResNetModel(depth=18)


def test_they_serve_images_and_events() -> None:
    models = Registry().models
    for name in ("cifar-resnet", "cifar-resnet18", "resnet19", "vgg16"):
        assert models[name].tasks == (Classification.name, "events")
