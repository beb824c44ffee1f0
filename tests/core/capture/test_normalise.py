"""What a captured graph is written as: one name an operator, nothing written in place, no raw memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from networks import noise
from snnfw.capture.export import capture
from snnfw.capture.graph import Graph
from snnfw.capture.normalise import ALIASES
from snnfw.capture.survey import operator_name
from snnfw.conversion.direct import Direct
from snnfw.errors import SnnfwError
from snnfw.planning.placement import place
from snnfw.planning.rules import Rule
from snnfw.values import Resources
from snnfw_plugins.tracking import Tracking

aten = torch.ops.aten


class Does(nn.Module):
    """Call a function in a forward."""

    def __init__(self, function: Callable[[Tensor], Tensor], **buffers: Tensor) -> None:
        super().__init__()
        self.function = function
        for name, value in buffers.items():
            self.register_buffer(name, value)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def captured(function: Callable[[Tensor], Tensor], x: Tensor) -> Graph:
    return capture(Does(function).eval(), (x,))


def error(network: nn.Module, x: Tensor, timesteps: int = 512) -> float:
    """Return the largest error of the spiking network, of the share of the largest output."""
    graph = capture(network, (x[:2].clone(),))
    model = Direct().convert(graph, place(graph, (Rule("*", Tracking()),)), [(x.clone(),)], timesteps, Resources())
    with torch.no_grad():
        wanted = network(x.clone())
    given = x.clone()
    found = model(given)
    assert torch.equal(given, x)
    assert torch.equal(graph(given), graph(x))
    assert torch.equal(given, x)
    return float((found - wanted).abs().max() / wanted.abs().max())


IN_PLACE: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": lambda x: F.relu(x, inplace=True),
    "subtract": lambda x: x.sub_(0.5),
    "scale": lambda x: x.mul_(0.5),
    "clamp": lambda x: x.clamp_(0, 1),
    "copy": lambda x: x.copy_(x.flip(1)),
}


@pytest.mark.parametrize("change", IN_PLACE)
def test_a_network_that_writes_to_its_input_converts_and_leaves_the_callers_tensor(change: str) -> None:
    class Writes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(6, 8).double(), nn.Linear(8, 3).double()

        def forward(self, x: Tensor) -> Tensor:
            return self.b(F.relu(self.a(IN_PLACE[change](x))) + x.mean(1, keepdim=True))  # type: ignore[no-any-return]

    assert error(Writes().eval(), noise(4, 6)) < 0.01


@pytest.mark.parametrize("name", ALIASES)
def test_an_operator_has_one_name(name: str) -> None:
    alias, own = getattr(aten, name), getattr(aten, ALIASES[name])
    assert set(alias.overloads()) & set(own.overloads())

    def function(x: Tensor) -> Tensor:
        x = x.sigmoid() * 0.8 + (1.1 if name == "arccosh" else 0.1)
        if name in ("concat", "concatenate", "row_stack"):
            return alias([x.t(), x.t()]).t() if name == "row_stack" else alias([x, x], 1)  # type: ignore[no-any-return]
        if name.startswith("__"):
            return alias(x > 0, x.flip(1) > 0) * x  # type: ignore[no-any-return]
        if name == "ger":
            return alias(x[:, 0], x.new_ones(3))  # type: ignore[no-any-return]
        two = name in ("arctan2", "divide", "multiply", "subtract", "true_divide", "linalg_matmul")
        if name == "clip":
            return alias(x, 0.1, 0.2)  # type: ignore[no-any-return]
        if name.removesuffix("_equal") in ("greater", "less", "not"):
            return alias(x, 0.2) * x  # type: ignore[no-any-return]
        return alias(x, x.flip(1) if name != "linalg_matmul" else x.new_ones(6, 6)) if two else alias(x)  # type: ignore[no-any-return]

    found = [operator_name(node) for node in captured(function, noise(3, 6)).nodes]
    assert ALIASES[name] in found
    assert name not in found


@pytest.mark.parametrize("name", ["as_strided", "as_strided_copy"])
def test_memory_read_by_strides_is_refused(name: str) -> None:
    with pytest.raises(SnnfwError) as caught:
        captured(lambda x: F.relu(getattr(aten, name)(F.relu(x), [x.shape[0], 2, 3], [6, 3, 1])), noise(3, 6))
    assert str(caught.value) == (
        f"operator '{name}' at 'the top of the network' reads memory by strides, which are others once neurons write it: "
        "write it with unfold, slices or reshape."
    )


def test_bits_taken_for_another_type_are_refused_between_neurons() -> None:
    graph = captured(lambda x: F.relu(F.relu(x).view(torch.int64).to(torch.float64) * 1e-19), noise(3, 6))
    with pytest.raises(SnnfwError, match=r"^operator 'view' .* has no meaning over time there"):
        place(graph, (Rule("*", Tracking()),))


@pytest.mark.parametrize(
    "empty", [lambda x: torch.empty_like(x), lambda x: x.new_empty(x.shape), lambda x: torch.empty(x.shape)]
)
def test_memory_without_values_holds_zeros_until_it_is_written(empty: Callable[[Tensor], Tensor]) -> None:
    def halves(x: Tensor) -> Tensor:
        out = empty(x).to(x)
        out[:, :3] = x[:, 3:]
        out[:, 3:] = x[:, :3]
        return F.relu(out)

    assert error(Does(lambda x: halves(F.relu(x))).eval(), noise(4, 6)) < 0.01


def test_a_buffer_that_is_counted_up_is_left_alone_and_one_that_matters_is_refused() -> None:
    class Counts(nn.Module):
        calls: Tensor

        def __init__(self, matters: bool) -> None:
            super().__init__()
            self.matters = matters
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return F.relu(x * self.calls if self.matters else x)

    harmless = Counts(False).eval()
    graph = capture(harmless, (noise(3, 6),))
    graph(noise(3, 6))
    assert float(harmless.calls) == 0
    with pytest.raises(SnnfwError) as caught:
        capture(Counts(True).eval(), (noise(3, 6),))
    assert str(caught.value) == (
        "the network changes its buffer 'calls' with every call, and its output depends on it: a spiking network needs the "
        "same function at each timestep. Keep the buffer fixed in evaluation."
    )


def test_a_mask_of_infinity_is_no_damaged_weight() -> None:
    class Causal(nn.Module):
        mask: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(5, dtype=torch.float64))

        def forward(self, x: Tensor) -> Tensor:
            s = F.relu(x)
            return F.relu((s @ s.transpose(1, 2) + self.mask).softmax(-1) @ s)

    assert error(Causal().eval(), noise(4, 5, 6)) < 0.02


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["1.running_var", "1.weight", "0.bias"])
def test_statistics_and_weights_have_to_be_finite(name: str, value: float) -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU()).eval()
    network.state_dict()[name][0] = value
    with pytest.raises(SnnfwError) as caught:
        capture(network, (torch.zeros(2, 4),))
    assert (
        str(caught.value)
        == f"the network's '{name}' holds NaN or infinite values: load weights that are finite everywhere."
    )


class Dropped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = Does(lambda x: F.dropout(F.relu(x), 0.3))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.inner(x) - 0.1)


def numpys_own(x: Tensor) -> Tensor:
    import random

    return F.relu(x) * random.uniform(0.5, 2)  # noqa: S311  # no secret


RANDOM: dict[str, tuple[nn.Module, str]] = {
    "dropout": (
        Dropped(),
        "a dropout at 'inner' is on in evaluation mode too: write F.dropout(x, p, training=self.training)",
    ),
    "noise": (
        Does(lambda x: F.relu(x + torch.randn_like(x))),
        "'randn_like' at 'the top of the network' draws numbers in evaluation mode too",
    ),
    "python": (
        Does(numpys_own),
        "something in its forward is drawn anew in evaluation mode too, in Python or NumPy perhaps",
    ),
}


@pytest.mark.parametrize("trainable", [False, True])
@pytest.mark.parametrize("name", RANDOM)
def test_a_network_that_is_random_is_refused_for_that(name: str, trainable: bool) -> None:
    network, why = RANDOM[name]
    with pytest.raises(SnnfwError) as caught:
        capture(network.eval(), (noise(3, 6),), trainable)
    assert str(caught.value) == f"the network gives another answer each time: {why}. Turn it off in evaluation mode."


def test_attention_without_dropout_is_not_taken_for_random() -> None:
    captured(lambda x: F.relu(F.scaled_dot_product_attention(x, x, x)), noise(3, 2, 4, 4))


def branches(x: Tensor) -> Tensor:
    if x.abs().max() > 1:
        x = x / 2
    return F.relu(x)


def counts(x: Tensor) -> Tensor:
    return F.relu(x) * int(x.abs().max())


@pytest.mark.parametrize(
    ("function", "code"), [(branches, "if x.abs().max() > 1:"), (counts, "return F.relu(x) * int(x.abs().max())")]
)
def test_a_forward_that_decides_by_values_is_refused_with_its_line(
    function: Callable[[Tensor], Tensor], code: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SnnfwError) as caught:
        captured(function, noise(3, 6))
    line = function.__code__.co_firstlineno + 1
    assert str(caught.value) == (
        f"the network's forward decides by values ('{code}', line {line} of {__file__}): use torch.where, or decide by "
        "sizes alone."
    )
    assert capfd.readouterr().err == ""
