"""Every operator of the plan's tables, held against the network that it comes from."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, fx, nn

from backends import FASTEST, needs_native
from networks import noise
from operator_rows import ROWS, Row
from snnfw.capture import operators as table
from snnfw.capture.export import capture
from snnfw.capture.graph import Graph
from snnfw.capture.sites import ACTIVATIONS, overload_packet
from snnfw.conversion.direct import Direct
from snnfw.energy.events import accumulations
from snnfw.planning.kinds import Kind
from snnfw.planning.placement import Plan, place
from snnfw.planning.rules import Neuron, Rule
from snnfw.spiking import model as spiking_model
from snnfw.spiking.model import SpikingModel
from snnfw.values import CODINGS, DELTA, RATE, Resources
from snnfw_plugins.sigmadelta import SigmaDelta
from snnfw_plugins.tracking import Tracking

T = 7
SAMPLES = 3
OUTPUTS = 3
NEURONS: dict[str, Neuron] = {RATE: Tracking(phi=16), DELTA: SigmaDelta(levels=12, digits=2)}
ROWS_A_GRAPH = 10


def groups() -> Iterator[tuple[Row, ...]]:
    """Yield rows of one shape that share a graph, since capturing takes longer than all that is tested."""
    for shape in dict.fromkeys(row.shape for row in ROWS):
        rows = [row for row in ROWS if row.shape == shape]
        for start in range(0, len(rows), ROWS_A_GRAPH):
            yield tuple(rows[start : start + ROWS_A_GRAPH])


GROUPS = tuple(groups())


class Call(nn.Module):
    """One call of an operator, so that its nodes are known by their path."""

    def __init__(self, row: Row) -> None:
        super().__init__()
        self.call = row.call

    def forward(self, s: Tensor) -> Tensor:
        return self.call(s)  # type: ignore[no-any-return]  # as the row says


class Around(nn.Module):
    """Operators between neurons: one fires at the very result, one behind a layer; another reads what they read."""

    def __init__(self, rows: tuple[Row, ...]) -> None:
        super().__init__()
        self.calls, self.layers = nn.ModuleList(map(Call, rows)), nn.ModuleList()
        self.direct = nn.ModuleList(nn.ReLU() for _ in rows)
        self.behind = nn.ModuleList(nn.ReLU() for _ in rows)
        self.first, self.beside = nn.ReLU(), nn.ReLU()
        for index, row in enumerate(rows):
            width = row.call(torch.ones(2, *row.shape).double()).flatten(1).shape[1]
            layer = nn.Linear(width, OUTPUTS, bias=False).double()
            layer.weight.data = noise(OUTPUTS, width, seed=index) * 0.5 / width**0.5
            self.layers.append(layer)

    def forward(self, x: Tensor) -> list[Tensor]:
        s = self.first(x)
        outputs = []
        for call, layer, direct, behind in zip(self.calls, self.layers, self.direct, self.behind, strict=True):
            outputs += [direct(call(s)), behind(layer(call(s).flatten(1)))]
        return [*outputs, self.beside(s - 0.3)]


@functools.cache
def captured(rows: tuple[Row, ...]) -> tuple[Around, Tensor, Graph]:
    """Return the network around some operators, samples for it, and its graph: the same for every coding."""
    x = noise(SAMPLES, *rows[0].shape, seed=3) * 0.4 + 0.3
    net = Around(rows).eval()
    return net, x, capture(net, (x,))


class Case:
    """The network around some operators, captured, and planned in one coding."""

    def __init__(self, rows: tuple[Row, ...], coding: str) -> None:
        self.rows, self.coding, self.neuron = rows, coding, NEURONS[coding]
        self.net, self.x, self.graph = captured(rows)
        self.plan: Plan = place(self.graph, (Rule("*", self.neuron),))
        self.names = [str(node) for row, number in numbered(rows) for node in [f"{row.operator}-{number}"]]

    def model(self, backend: str, timesteps: int = T, neuron: Neuron | None = None) -> SpikingModel:
        plan = place(self.graph, (Rule("*", neuron or self.neuron),))
        return Direct().convert(self.graph, plan, [(self.x,)], timesteps, Resources(backend=backend))

    def kind(self, index: int) -> Kind:
        """Return what a row's operator has to become: in delta coding products of two streams are no longer analog."""
        row, node = self.rows[index], self.call(index)
        streams = {read for read in node.all_input_nodes if read.name in self.plan.carriers}
        numbers = all(getattr(read.meta["val"], "dtype", None) is torch.float64 for read in streams)
        product = overload_packet(node) in table.PRODUCTS
        several = product and numbers and sum(read in streams for read in table.operands(node)) > 1
        return Kind.PRODUCT if self.coding == DELTA and row.kind is Kind.ANALOG and several else row.kind

    def call(self, index: int) -> fx.Node:
        """Return the operator itself in the row's first call."""
        row = self.rows[index]
        inside = [node for node in self.graph.nodes if self.graph.paths[node.name] == f"calls.{index}"]
        wanted = row.reached or row.operator
        return next(node for node in inside if overload_packet(node).__name__ == wanted)

    def result(self, index: int) -> str:
        """Return the name of what the first call returns."""
        direct = next(site for site in self.graph.sites if site.name == f"direct.{index}")
        return str(next(node for node in self.graph.nodes if node.name == direct.node).args[0])

    def layer(self, index: int) -> str:
        """Return the name of the layer behind the second call."""
        inside = (node for node in self.graph.nodes if self.graph.paths[node.name] == f"layers.{index}")
        return next(node.name for node in inside if overload_packet(node).__name__ == "linear")

    def differing(self, ours: list[Tensor], theirs: list[Tensor], tolerance: float) -> list[str]:
        """Return the rows whose outputs differ; the last output tells what all of them have done to what they read."""
        pairs = list(zip(ours, theirs, strict=True))
        wrong = [index for index, (a, b) in enumerate(pairs) if not bool(((a - b).abs() <= tolerance).all())]
        return sorted({"what they read" if index == 2 * len(self.rows) else self.names[index // 2] for index in wrong})


def numbered(rows: tuple[Row, ...]) -> Iterator[tuple[Row, int]]:
    seen = Counter[str]()
    for row in rows:
        seen[row.operator] += 1
        yield row, seen[row.operator]


@pytest.fixture(scope="module", params=GROUPS, ids=lambda rows: f"{rows[0].operator} ... {rows[-1].operator}")
def rows(request: pytest.FixtureRequest) -> tuple[Row, ...]:
    found: tuple[Row, ...] = request.param
    return found


@pytest.fixture(scope="module", params=CODINGS)
def case(request: pytest.FixtureRequest, rows: tuple[Row, ...]) -> Case:
    return Case(rows, request.param)


def run(model: SpikingModel, x: Tensor, *chunks: int) -> list[Tensor]:
    """Return the outputs after chunks of timesteps."""
    model.begin((x,))
    for steps in chunks:
        model.advance(steps)
    return list(model.read())


def test_every_operator_of_the_tables_has_a_row() -> None:
    named = {row.operator for row in ROWS}
    known = {packet.__name__ for packet in (*table.KNOWN, *ACTIVATIONS)}
    assert sorted(known - named) == ["alias"]  # which is an encoder wherever it stands, see test_encoders.py
    assert sorted(named - known) == []


CHOOSERS = {"index", "indices", "mask", "condition"}


@pytest.mark.parametrize("operator", sorted(table.INDEXING, key=str), ids=str)
def test_what_operators_choose_by_is_what_torch_calls_so(operator: Any) -> None:
    """At the same place in every overload that takes tensors."""
    found = [
        {place for place, argument in enumerate(overload._schema.arguments) if argument.name in CHOOSERS}
        for overload in (getattr(operator, name) for name in operator.overloads())
        if not overload._schema.name.endswith("_out") and "Dimname" not in str(overload._schema)
    ]
    assert set(table.CHOOSING[operator]) in found
    assert all(places in (set(), set(table.CHOOSING[operator])) for places in found)


def test_operators_are_planned_as_the_tables_promise(case: Case) -> None:
    kinds = [case.plan.fates[case.call(index).name].kind for index in range(len(case.rows))]
    assert dict(zip(case.names, kinds, strict=True)) == {
        name: case.kind(index) for index, name in enumerate(case.names)
    }


@needs_native
def test_backends_agree_bit_for_bit_and_leave_what_another_branch_reads(case: Case) -> None:
    reference, native = case.model("reference"), case.model("native")
    assert case.differing(run(native, case.x, T), run(reference, case.x, T), 0) == []


def test_layouts_chunks_and_compaction_change_nothing(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    model = case.model(FASTEST)
    whole = run(model, case.x, T)
    assert case.differing(run(model, case.x, 3, 1, 3), whole, 1e-12) == []
    keep = torch.tensor([0, 2])
    model.begin((case.x,))
    model.advance(3)
    model.keep(keep)
    model.advance(T - 3)
    assert case.differing(list(model.read()), [output[keep] for output in whole], 1e-12) == []
    monkeypatch.setattr(spiking_model, "to_channels_last", lambda tensor: tensor)
    assert case.differing(run(model, case.x, T), whole, 1e-9) == []


def test_rate_coded_errors_fall_like_one_over_t(rows: tuple[Row, ...]) -> None:
    case = Case(rows, RATE)
    wanted = [output.detach() for output in case.net(case.x)]
    model = case.model(FASTEST, 1024)
    for steps in (64, 256, 1024):
        assert case.differing(run(model, case.x, steps), wanted, 1 / steps) == []


def test_delta_coded_networks_settle_at_their_quantised_network(rows: tuple[Row, ...]) -> None:
    """Which is the same whatever a timestep carries, and as near to the network as its thresholds are fine."""
    case = Case(rows, DELTA)
    model, quantised = case.model(FASTEST, 12), case.model(FASTEST, 1, SigmaDelta(levels=12).settled())
    settled = run(model, case.x, 12)
    assert not any(bool(neuron.unsent().any()) for _, neuron in model.site_neurons())
    assert case.differing(settled, run(quantised, case.x, 1), 1e-12) == []
    wanted = [output.detach() for output in case.net(case.x)]
    assert case.differing(settled, wanted, 0.01) == []


def spread(row: Row) -> Tensor:
    """Return which elements of a sample reach which of the operator's results, [results, elements], as zeros and ones."""
    point = noise(2, *row.shape, seed=4).abs() + 0.1
    before = row.call(point)[0].flatten()
    reached = []
    for element in range(point[0].numel()):
        moved = point.clone()
        moved[0].view(-1)[element] += 0.5
        reached.append(row.call(moved)[0].flatten() != before)
    return torch.stack(reached, 1).double()


def emitted(model: SpikingModel, x: Tensor) -> Tensor:
    """Return the events of the first neuron, [N, *shape], counted in its output at each timestep."""
    seen: list[Tensor] = []

    def visit(site: Any, neuron: Any, drive: Tensor) -> Tensor:
        output: Tensor = neuron(drive)
        if site.name == "first":
            seen.append(neuron.events(output).sum(0))
        return output

    model.begin((x,))
    model.advance(T, visit)
    return seen[0].round()


def arriving(row: Row, events: Tensor) -> Tensor:
    """Return the events that reach the operator's results, [N, results], by brute force; of a maximum the largest."""
    if row.kind is Kind.MAXIMUM:
        largest: Tensor = row.call(events).flatten(1)
        return largest
    return events.flatten(1) @ spread(row).T


def connected(case: Case, index: int, events: Tensor) -> Tensor:
    """Return how many results events reach in a product, [N]: of a product of two streams, events of both do."""
    node, size = case.call(index), case.x[0].numel()
    if case.kind(index) is not Kind.PRODUCT:
        return events.flatten(1).sum(1) * case.plan.fates[node.name].macs / size
    reads = [read for read in table.operands(node) if read.name in case.plan.carriers]
    if any(case.graph.elements[read.name] != size for read in reads):  # some of the elements, each in its place
        return arriving(case.rows[index], events).sum(1)
    results = case.plan.fates[node.name].macs or case.graph.elements[node.name]
    return events.flatten(1).sum(1) * len(reads) * results / size


def is_product(node: fx.Node) -> bool:
    return overload_packet(node) in table.PRODUCTS and not table.is_scaling(node)


def test_events_are_known_as_such_and_counted_as_they_arrive(case: Case) -> None:
    """A layer's accumulations are its MACs times the events per input element."""
    model = case.model(FASTEST)
    events = emitted(model, case.x)
    found = accumulations(model)
    for index, (name, row) in enumerate(zip(case.names, case.rows, strict=True)):
        node, kind = case.call(index), case.kind(index)
        fate = case.plan.fates[node.name]
        product = is_product(node) or kind is Kind.PRODUCT
        carries = fate.events if product else case.result(index) in case.plan.carriers
        assert (name, carries) == (name, row.events or kind is Kind.PRODUCT)
        if not carries or row.kind is Kind.SPIKING:  # a neuron emits events of its own
            continue
        if product:
            wanted = connected(case, index, events)
            counted = found.get(node.name, torch.zeros_like(wanted))
        else:
            wanted, counted = arriving(row, events).sum(1) * OUTPUTS, found[case.layer(index)]
        assert (name, torch.allclose(counted, wanted)) == (name, True)


def test_products_hold_as_many_macs_as_they_multiply(rows: tuple[Row, ...]) -> None:
    case = Case(rows, RATE)
    for index, (name, row) in enumerate(zip(case.names, case.rows, strict=True)):
        node = case.call(index)
        counted = case.graph.macs[node.name]
        alone = len(node.all_input_nodes) == 1  # an einsum of one operand multiplies nothing
        if not is_product(node) or row.kind is not Kind.LINEAR or alone:
            assert row.kind is Kind.ANALOG or (name, counted) == (name, 0)
            continue
        multiplied = int(spread(row).sum()) * (2 if row.operator == "bilinear" else 1)  # two weights an element
        padded = row.operator.startswith("conv")  # zeros in the border are multiplied too
        assert (name, counted) == (name, multiplied) or (padded and counted > multiplied)
