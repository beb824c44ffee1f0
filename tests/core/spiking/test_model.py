from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision.models.efficientnet import MBConvConfig
from torchvision.models.resnet import BasicBlock, Bottleneck

from networks import (
    ConvNet,
    InnerBatch,
    InPlaceReuse,
    SmallPointNet,
    captured,
    converted,
    estimated,
    noise,
    seeded,
    small_swin,
    small_vit,
)
from snnfw.capture.export import capture
from snnfw.capture.graph import Graph
from snnfw.conversion.direct import Direct
from snnfw.errors import SnnfwError
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.spiking.model import SpikingModel
from snnfw.values import Keep, Resources
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.tracking import Tracking

models, segmentation = torchvision.models, torchvision.models.segmentation


def distance(output: object, wanted: object) -> float:
    """Return ‖snn - ann‖ / ‖ann - mean over the batch‖ over the first tensor of an output."""
    ours, theirs = pytree.tree_leaves(output)[0], pytree.tree_leaves(wanted)[0]
    return float((ours - theirs).norm() / (theirs - theirs.mean(0)).norm())


def visible_scales(model: nn.Module) -> nn.Module:
    """Make heads and scales that start at zero large enough to be seen."""
    for name, parameter in model.named_parameters():
        if parameter.abs().max() == 0 and name.endswith("weight"):
            nn.init.normal_(parameter, std=0.1)
    return model


def small_densenet() -> nn.Module:
    net: nn.Module = models.DenseNet(growth_rate=8, block_config=(3, 3), num_init_features=8, num_classes=10)
    return net


def small_efficientnet() -> nn.Module:
    """Build its kinds of blocks once each: without an expansion, with one, and strided."""
    blocks = [(1, 3, 1, 16, 16), (6, 3, 2, 16, 24), (6, 5, 1, 24, 24)]
    net: nn.Module = models.EfficientNet([MBConvConfig(*block, 1) for block in blocks], dropout=0.2, num_classes=10)
    return net


def small_fcn() -> nn.Module:
    trunk = models.ResNet(Bottleneck, [1, 1, 1, 1], replace_stride_with_dilation=[False, True, True])
    net: nn.Module = segmentation.fcn._fcn_resnet(trunk, 4, aux=None)
    return net


def small_lraspp() -> nn.Module:
    net: nn.Module = segmentation.lraspp._lraspp_mobilenetv3(models.mobilenet_v3_small(dilated=True), 4)
    return net


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "resnet": (partial(models.ResNet, BasicBlock, [1, 1, 1, 1], num_classes=10), (3, 3, 32, 32)),
    "densenet": (small_densenet, (3, 3, 32, 32)),
    "mobilenet_v3": (partial(models.mobilenet_v3_small, num_classes=10), (3, 3, 32, 32)),
    "efficientnet": (small_efficientnet, (3, 3, 32, 32)),
    "small_vit": (small_vit, (3, 3, 32, 32)),
    "swin": (small_swin, (2, 3, 16, 16)),
    "fcn": (small_fcn, (2, 3, 24, 24)),
    "lraspp": (small_lraspp, (2, 3, 48, 48)),
    "pointnet": (SmallPointNet, (3, 3, 24)),
    "in_place_reuse": (InPlaceReuse, (3, 3, 8, 8)),
    "inner_batch": (InnerBatch, (3, 5, 6)),
}


@pytest.fixture(scope="module", params=NETWORKS)
def case(request: pytest.FixtureRequest) -> tuple[Graph, Tensor]:
    build, shape = NETWORKS[request.param]
    x = noise(*shape)
    return captured(lambda: visible_scales(build()), x), x


def test_error_falls_towards_zero_as_time_goes_on(case: tuple[Graph, Tensor]) -> None:
    graph, x = case
    model, wanted, errors = converted(graph, Tracking(phi=8), x, 64), graph(x), []
    model.begin((x,))
    for steps in (4, 12, 48):
        for _ in range(0, steps, 4):
            model.advance(4)
        errors.append(distance(model.read(), wanted))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.35 * errors[0]


def test_chunked_and_compacted_runs_equal_a_whole_one(case: tuple[Graph, Tensor]) -> None:
    graph, x = case
    model, steps = converted(graph, Tracking(), x, 6), 6
    whole = model(x)
    model.begin((x,))
    for part in (3, 1, 2):
        model.advance(part)
    _assert_equal(model.read(), whole)

    keep = torch.tensor([1])
    alone = model(x[keep])
    model.begin((x,))
    model.advance(2)
    model.keep(keep)
    model.advance(steps - 2)
    _assert_equal(model.read(), alone)


def _assert_equal(ours: object, theirs: object) -> None:
    for a, b in zip(pytree.tree_leaves(ours), pytree.tree_leaves(theirs), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.fixture(scope="module")
def convnet() -> tuple[Graph, Tensor]:
    x = noise(4, 3, 8, 8)
    return captured(ConvNet, x), x


def test_soft_reset_neurons_converge_as_well(convnet: tuple[Graph, Tensor]) -> None:
    graph, x = convnet
    errors = [distance(converted(graph, AdaFire(), x, timesteps)(x), graph(x)) for timesteps in (4, 16, 64, 256)]
    assert all(after < before / 3 for before, after in pairwise(errors))  # with four times the timesteps
    assert errors[3] < 0.006


def test_the_output_of_each_timestep_is_read_for_itself() -> None:
    x = noise(3, 4)
    graph = captured(lambda: nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5)), x)
    model = converted(graph, AdaFire(), x, 4)
    model.keep_each()
    model.begin((x,))
    model.advance(4)
    each, mean = model.read_each(), model.read()
    assert each.shape == (4, 3, 5)
    sums = [torch.zeros(3, 5, dtype=torch.float64)]
    for steps in range(1, 5):
        model.begin((x,))
        model.advance(steps)
        sums.append(model.read() * steps)
    torch.testing.assert_close(each, torch.stack(sums).diff(dim=0))
    torch.testing.assert_close(each.mean(0), mean)


def test_what_no_neuron_feeds_runs_once(convnet: tuple[Graph, Tensor]) -> None:
    graph, x = convnet
    model = converted(graph, AdaFire(), x, 4)
    sizes: list[int] = []

    class CountConvolutions(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if "convolution" in str(func) or "conv2d" in str(func):
                sizes.append(len(args[0]))
            return func(*args, **(kwargs or {}))

    with CountConvolutions():  # type: ignore[no-untyped-call]  # torch's own
        model(x)
    assert sizes == [len(x), 4 * len(x)]


def test_methods_mix_layer_by_layer_and_a_kept_layer_stays_exact(convnet: tuple[Graph, Tensor]) -> None:
    graph, x = convnet
    rules = (Rule("relu", Keep()), Rule("relu#2", Tracking(phi=8)))
    model = Direct().convert(graph, place(graph, rules), [(x,)], 64, Resources())
    assert [site.name for site, _ in model.site_neurons()] == ["relu#2"]
    assert distance(model(x), graph(x)) < 0.02


def test_a_network_kept_whole_is_the_network_itself(convnet: tuple[Graph, Tensor]) -> None:
    graph, x = convnet
    model = Direct().convert(graph, place(graph, (Rule("*", Keep()),)), [(x,)], 4, Resources())
    torch.testing.assert_close(model(x), graph(x))


def test_the_same_input_gives_the_same_output_again(convnet: tuple[Graph, Tensor]) -> None:
    graph, x = convnet
    model = converted(graph, AdaFire(), x, 5)
    assert torch.equal(model(x), model(x))
    assert model(x[:2]).shape == (2, 5)


def test_conversion_leaves_the_users_network_as_it_was() -> None:
    x = noise(3, 3, 8, 8)
    model = estimated(seeded(ConvNet), x).double()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    converted(capture(model, (x,)), AdaFire(), x, 4)(x)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_values_in_images_stay_channels_last_between_layers(convnet: tuple[Graph, Tensor]) -> None:
    graph, x = convnet
    model = converted(graph, AdaFire(), x, 4)
    layouts = []
    model.begin((x,))

    def visit(site: object, neuron: nn.Module, drive: Tensor) -> Tensor:
        output: Tensor = neuron(drive)
        layouts.append(output[0].is_contiguous(memory_format=torch.channels_last))
        return output

    model.advance(4, visit)
    assert layouts == [True, True]


def test_a_tree_of_outputs_comes_back_as_the_network_returns_it() -> None:
    class Tree(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 4)

        def forward(self, x: Tensor) -> dict[str, object]:
            y = torch.relu(self.layer(x))
            return {"y": y, "more": [y.softmax(1), x * 2]}

    x = noise(3, 3)
    graph = captured(Tree, x)
    output, wanted = converted(graph, Tracking(phi=8), x, 256)(x), graph(x)
    assert set(output) == {"y", "more"}
    torch.testing.assert_close(output["more"][1], wanted["more"][1])
    torch.testing.assert_close(output["more"][0], wanted["more"][0], rtol=0.02, atol=0.02)


def test_advancing_before_beginning_is_refused(convnet: tuple[Graph, Tensor]) -> None:
    graph, _ = convnet
    with pytest.raises(SnnfwError, match="has not begun: call begin"):
        SpikingModel(graph, place(graph, (Rule("*", Keep()),)), {}, 4).advance(1)


def test_deltas_add_to_weights_and_leave_the_network_as_it_is() -> None:
    x = noise(4, 3, 8, 8)
    graph = captured(ConvNet, x)
    model = converted(graph, AdaFire(phi=16), x, 64)
    before = model(x)
    bias = next(node for node in graph.nodes if node.op == "get_attr" and node.meta["val"].shape == (5,))
    model.deltas[bias.name] = torch.arange(5.0, dtype=torch.float64)
    torch.testing.assert_close(model(x), before + torch.arange(5.0, dtype=torch.float64))
    del model.deltas[bias.name]
    torch.testing.assert_close(model(x), before, rtol=0, atol=0)


def test_a_stream_that_is_read_where_it_has_no_value_is_an_error_and_no_empty_tensor() -> None:
    x = noise(2, 3, 8, 8)
    model = converted(captured(ConvNet, x), Tracking(), x, 4)
    model.begin((x,))
    stream = next(node for node in model.streams if node.name not in model.means)
    with pytest.raises(SnnfwError, match=f"^operator '{stream.name}' is read where it has no value"):
        model.constant(stream)


@pytest.mark.parametrize(
    ("given", "words"),
    [((), "none"), ((noise(2, 3, 8, 8),) * 2, "[2, 3, 8, 8] and [2, 3, 8, 8]"), ((noise(2, 3, 8, 4),), "[2, 3, 8, 4]")],
)
def test_inputs_of_another_number_or_shape_are_refused_by_graph_and_model(
    given: tuple[Tensor, ...], words: str
) -> None:
    x = noise(2, 3, 8, 8)
    graph = captured(ConvNet, x)
    for called in (graph, converted(graph, Tracking(), x, 4)):
        with pytest.raises(SnnfwError) as caught:
            called(*given)
        assert str(caught.value) == (
            f"the network was captured for inputs of shape [N, 3, 8, 8] and is given {words}: give what fits, or capture it "
            "with an example of the new shape."
        )
