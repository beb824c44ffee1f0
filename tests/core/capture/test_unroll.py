from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils import _pytree as pytree

import snnfw
from networks import captured, noise, seeded
from snnfw.capture.export import capture
from snnfw.capture.graph import Graph
from snnfw.capture.sites import aten, overload_packet
from snnfw.errors import SnnfwError
from snnfw.planning.rules import Rule
from snnfw_plugins.sigmadelta import SigmaDelta, delta_rules
from snnfw_plugins.tracking import Tracking

POSITIONS, FEATURES, HIDDEN = 3, 3, 4
RECURRENT = {aten.lstm, aten.gru, aten.rnn_tanh, aten.rnn_relu}
CELLS = {aten.lstm_cell, aten.gru_cell, aten.rnn_tanh_cell, aten.rnn_relu_cell}


class Reads(nn.Module):
    """A recurrent layer behind spikes, and all that it returns; ``start`` gives it states that depend on the sample."""

    def __init__(self, kind: Callable[..., nn.RNNBase], start: bool = False, **options: Any) -> None:
        super().__init__()
        self.first = nn.Linear(FEATURES, FEATURES)
        self.rnn = kind(FEATURES, HIDDEN, **{"batch_first": True, **options})
        self.start = start

    def states(self, x: Tensor) -> Any:
        """Return initial states made from the samples."""
        parts = self.rnn.num_layers * (2 if self.rnn.bidirectional else 1)
        hidden = self.rnn.proj_size or HIDDEN
        h = x.mean((1, 2)).reshape(1, -1, 1).expand(parts, -1, hidden)
        c = 2 * x[:, 0, :1].reshape(1, -1, 1).expand(parts, -1, HIDDEN)
        return (h, c) if isinstance(self.rnn, nn.LSTM) else h

    def forward(self, x: Tensor) -> Any:
        """Return outputs and last states from [N, positions, features]."""
        read = F.relu(self.first(x))
        read = read if self.rnn.batch_first else read.transpose(0, 1)
        outputs, last = self.rnn(read, self.states(x) if self.start else None)
        outputs = outputs if self.rnn.batch_first else outputs.transpose(0, 1)
        return outputs, tuple(state.transpose(0, 1) for state in (last if isinstance(last, tuple) else (last,)))


class Loops(nn.Module):
    """A cell that the network itself calls for every position; ``start`` begins with a state, else with none."""

    def __init__(self, kind: Callable[..., nn.Module], start: bool = False, **options: Any) -> None:
        super().__init__()
        self.first, self.cell, self.start = nn.Linear(FEATURES, FEATURES), kind(FEATURES, HIDDEN, **options), start

    def forward(self, x: Tensor) -> Any:
        """Return the last state from [N, positions, features]."""
        read = F.relu(self.first(x))
        state: Any = None
        if self.start:
            state = x[:, 0, :1].expand(-1, HIDDEN)
            state = (state, 2 * state) if isinstance(self.cell, nn.LSTMCell) else state
        for position in range(POSITIONS):
            state = self.cell(read[:, position], state)
        return state


class Masked(nn.Module):
    """A cell whose state stays as it is behind the end of a sample."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.cell = nn.Linear(FEATURES, FEATURES), nn.LSTMCell(FEATURES, HIDDEN)

    def forward(self, x: Tensor) -> Tensor:
        """Return the last hidden state from [N, positions, features], where features of zero are padding."""
        read, there = F.relu(self.first(x)), (x != 0).any(2, keepdim=True)
        h = c = torch.zeros(x.shape[0], HIDDEN, dtype=x.dtype)
        for position in range(POSITIONS):
            new = self.cell(read[:, position], (h, c))
            h, c = (torch.where(there[:, position], after, before) for after, before in zip(new, (h, c), strict=True))
        return h


LAYERS: dict[str, Callable[..., nn.RNNBase]] = {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN": nn.RNN}
CELL_KINDS = {"LSTM": nn.LSTMCell, "GRU": nn.GRUCell, "RNN": nn.RNNCell}
OPTIONS: dict[str, dict[str, Any]] = {
    "one layer": {},
    "layers": {"num_layers": 3},
    "both directions": {"num_layers": 2, "bidirectional": True},
    "batch second": {"batch_first": False, "num_layers": 2, "bidirectional": True},
    "no bias": {"bias": False, "num_layers": 2, "bidirectional": True},
    "dropout": {"dropout": 0.5, "num_layers": 2},
    "states given": {"start": True},
    "states given, all options": {"start": True, "num_layers": 2, "bidirectional": True, "batch_first": False},
}
WAYS: dict[str, Callable[[], nn.Module]] = {
    **{
        f"{kind}, {name}": lambda kind=kind, options=options: Reads(LAYERS[kind], **options)  # type: ignore[misc]
        for kind in LAYERS
        for name, options in OPTIONS.items()
    },
    "RNN, ReLU": lambda: Reads(nn.RNN, nonlinearity="relu", num_layers=2, bidirectional=True),
    "LSTM, projection": lambda: Reads(nn.LSTM, proj_size=2, num_layers=2, bidirectional=True),
    "LSTM, projection, no bias, states": lambda: Reads(nn.LSTM, start=True, proj_size=2, bias=False),
    **{
        f"{kind}Cell{', states given' * start}{', no bias' * (not bias)}": lambda kind=kind, start=start, bias=bias: (
            Loops(  # type: ignore[misc]
                CELL_KINDS[kind], start, bias=bias
            )
        )
        for kind in CELL_KINDS
        for start in (False, True)
        for bias in (False, True)
    },
    "LSTMCell, masked": Masked,
    "RNNCell, ReLU": lambda: Loops(nn.RNNCell, nonlinearity="relu"),
}
X = noise(3, POSITIONS, FEATURES)
X[0, 2:] = X[1, 1:] = 0

Pair = tuple[nn.Module, Graph]


@pytest.fixture(scope="module", params=WAYS)
def pair(request: pytest.FixtureRequest) -> Pair:
    network = seeded(WAYS[request.param]).double().eval()
    return network, capture(network, (X,))


def test_cells_compute_what_the_network_does(pair: Pair) -> None:
    network, graph = pair
    other = noise(4, POSITIONS, FEATURES, seed=5)
    with torch.no_grad():
        for ours, theirs in zip(*map(pytree.tree_leaves, (graph(other), network(other))), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_no_recurrent_operator_is_left(pair: Pair) -> None:
    _, graph = pair
    assert not (RECURRENT | CELLS) & {overload_packet(node) for node in graph.nodes}


def spread(network: nn.Module, layers: tuple[Rule, ...], timesteps: int) -> float:
    """Return the largest difference between the network and the spiking one after some timesteps."""
    snn = snnfw.convert(network, X, layers=layers, timesteps=timesteps)
    with torch.no_grad():
        pairs = zip(*map(pytree.tree_leaves, (snn(X), network(X))), strict=True)
        return max(float((ours - theirs).abs().max()) for ours, theirs in pairs)


GATES = tuple(Rule("*", Tracking(), activation=name, optional=True) for name in ("sigmoid", "tanh"))
SPIKING = [
    name for name in WAYS if name.endswith(("all options", "projection", "Cell, states given", "masked", "ReLU"))
]


@pytest.mark.parametrize("name", SPIKING)
def test_rate_coded_cells_converge_to_the_network(name: str) -> None:
    network = seeded(WAYS[name]).double().eval()
    few, many = (spread(network, (*GATES, Rule("*", Tracking())), timesteps) for timesteps in (4, 256))
    assert many < 0.01
    assert many < 0.1 * few


@pytest.mark.parametrize("name", SPIKING)
def test_delta_coded_cells_are_the_network_to_their_rounding(name: str) -> None:
    network = seeded(WAYS[name]).double().eval()
    for levels in (6, 14):
        assert spread(network, delta_rules(SigmaDelta(levels=levels)), 2) < 12 * 2**-levels


def names(kind: Callable[..., nn.RNNBase], **options: Any) -> Counter[str]:
    graph = captured(lambda: Reads(kind, **options), X)
    return Counter(site.name.partition("#")[0] for site in graph.gates if site.activation != "identity")


def test_a_gate_is_one_name_with_a_number_for_each_position() -> None:
    lstm = ("input_gate", "forget_gate", "cell_gate", "output_gate", "cell_state")
    found = names(nn.LSTM, num_layers=2, bidirectional=True)
    places = ("l0", "l0_reverse", "l1", "l1_reverse")
    # No cell state comes in front of the first position, which has nothing to forget.
    assert found == {f"rnn.{at}.{name}": POSITIONS - (name == "forget_gate") for at in places for name in lstm}
    gru = names(nn.GRU)
    assert gru == {"rnn.l0.reset_gate": POSITIONS, "rnn.l0.update_gate": POSITIONS, "rnn.l0.new_gate": POSITIONS}
    assert names(nn.RNN) == {"rnn.l0.hidden_state": POSITIONS}
    graph = captured(lambda: Loops(nn.LSTMCell, start=True), X)
    assert [site.name for site in graph.gates if "forget" in site.name][:2] == [
        "cell.forget_gate",
        "cell.forget_gate#2",
    ]


def test_a_rule_takes_one_gate_of_one_layer_and_the_rest_stays_analog() -> None:
    network = seeded(WAYS["LSTM, both directions"]).double().eval()
    rules = (Rule("rnn.l1_reverse.*_gate*", Tracking(), activation="sigmoid"), Rule("*", Tracking()))
    plan = snnfw.convert(network, X, layers=rules, timesteps=2).plan
    taken = Counter(p.site.name.partition("#")[0] for p in plan.placements)
    positions = {"input": POSITIONS, "forget": POSITIONS - 1, "output": POSITIONS}
    assert taken == {"relu": 1, **{f"rnn.l1_reverse.{gate}_gate": count for gate, count in positions.items()}}


def test_a_name_without_a_star_at_its_end_is_the_first_position() -> None:
    network = seeded(WAYS["LSTM, one layer"]).double().eval()
    for pattern, taken in {"rnn.l0.input_gate": [""], "rnn.l0.input_gate#[23]": ["#2", "#3"]}.items():
        rules = (Rule(pattern, Tracking(), activation="sigmoid"), Rule("*", Tracking()))
        plan = snnfw.convert(network, X, layers=rules, timesteps=2).plan
        found = [p.site.name for p in plan.placements]
        assert found == ["relu", *(f"rnn.l0.input_gate{number}" for number in taken)]


def test_a_graph_to_train_gives_the_gradients_of_a_layer_that_is_called_twice() -> None:
    network = seeded(Twice).double().eval()
    weights = tuple(network.parameters())
    ours = torch.autograd.grad(capture(network, (X,), trainable=True).module(X).square().sum(), weights)
    theirs = torch.autograd.grad(network(X).square().sum(), weights)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


class Twice(nn.Module):
    """An LSTM that reads a sequence, and after that its own outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(FEATURES, FEATURES, num_layers=2, bidirectional=True, proj_size=2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, positions, 4] from [N, positions, features]."""
        return self.rnn(self.rnn(x)[0][..., :FEATURES])[0]  # type: ignore[no-any-return]


def test_a_recurrence_that_nothing_spiking_feeds_runs_once() -> None:
    network = seeded(lambda: nn.Sequential(Last(), nn.Linear(HIDDEN, 4), nn.ReLU(), nn.Linear(4, 2))).double().eval()
    plan = snnfw.convert(network, X, layers=(Rule("*", Tracking()),), timesteps=4).plan
    inside = [fate for fate in plan.fates.values() if fate.path.startswith("0.rnn")]
    assert {str(fate.kind.value) for fate in inside} == {"static"}
    assert [p.site.name for p in plan.placements] == ["2"]


class Last(nn.Module):
    """The last output of an LSTM."""

    def __init__(self, batch_first: bool = True) -> None:
        super().__init__()
        self.rnn = nn.LSTM(FEATURES, HIDDEN, batch_first=batch_first)

    def forward(self, x: Tensor) -> Tensor:
        """Return [N, hidden]."""
        return self.rnn(x)[0][:, -1]  # type: ignore[no-any-return]


def test_multiply_accumulates_are_those_of_the_weights_and_of_states_that_are_not_zero() -> None:
    graph = captured(lambda: Reads(nn.LSTM, num_layers=2, bidirectional=True), X)
    first = POSITIONS * FEATURES * FEATURES
    inputs = POSITIONS * 2 * 4 * HIDDEN * (FEATURES + 2 * HIDDEN)
    hidden = (POSITIONS - 1) * 2 * 2 * 4 * HIDDEN * HIDDEN
    assert sum(graph.macs.values()) == first + inputs + hidden


def test_only_a_graph_to_train_keeps_the_dropouts_between_layers() -> None:
    network = seeded(WAYS["LSTM, dropout"]).eval()
    kept, left = (capture(network, (X.float(),), trainable=trainable) for trainable in (True, False))
    dropouts = [node.args[1:] for node in kept.nodes if node.target is aten.dropout.default]
    assert dropouts == [(0.5, False)]
    assert aten.dropout.default not in {node.target for node in left.nodes}


class Packs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(FEATURES, HIDDEN, batch_first=True)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Return the last states of packed sequences."""
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return self.rnn(packed)[1][0].squeeze(0)  # type: ignore[no-any-return]


def test_packed_sequences_are_refused_with_what_to_do_instead() -> None:
    with pytest.raises(SnnfwError) as raised:
        capture(Packs().eval(), (X.float(), torch.tensor([3, 2, 1])))
    assert str(raised.value) == (
        "the network packs sequences (pack_padded_sequence), which torch.export cannot capture: give the recurrent "
        "layer the padded sequences, with the padding at the end, read each sample's last output with torch.gather at "
        "its own length, and for the reverse direction run a second layer on samples that are turned round within "
        "their own length."
    )


def test_a_layer_that_takes_the_samples_for_positions_is_refused() -> None:
    with pytest.raises(SnnfwError) as raised:
        captured(lambda: Last(batch_first=False), X)
    assert str(raised.value) == (
        "the network's batch cannot be dynamic: its forward fixes the number of samples to 3. Derive sizes from "
        "x.shape[0] (or use -1 in view and reshape), so that it runs on any number of samples. The recurrent layer "
        "'rnn' takes dimension 0 for positions unless it is made with batch_first=True."
    )


def test_a_layer_that_takes_a_matrix_of_samples_for_one_sample_is_refused() -> None:
    with pytest.raises(SnnfwError) as raised:
        captured(lambda: nn.Sequential(nn.LSTM(FEATURES, HIDDEN, batch_first=True)), X[:, 0])
    assert str(raised.value).endswith(
        " The recurrent layer '0' takes a matrix, if it is given one, for the positions of a single sample."
    )
