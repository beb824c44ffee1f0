"""Run a planned graph over time: static part once, streams in chunks of timesteps, readout on the mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, cast

import torch
from spikingjelly.activation_based.functional import reset_net
from torch import Tensor, fx, nn

from snnfw.capture.graph import BatchDim, Change, Graph, evaluate, in_turn, last_uses, map_leaves, require_shapes
from snnfw.capture.own import constants_of
from snnfw.capture.trainable import evaluate_training
from snnfw.errors import SnnfwError
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.neurons.timefold import fold, repeat_leaves, select_leaves, unfold
from snnfw.planning.kinds import Kind
from snnfw.planning.placement import Plan
from snnfw.spiking.affine import Chunk, ValueOf, find_all_added, run_on_changes
from snnfw.spiking.coding import CODINGS
from snnfw.spiking.cumulative import Cumulative, StreamValue, make_cumulative
from snnfw.spiking.deltas import Deltas
from snnfw.spiking.frames import Frames, whole_samples
from snnfw.spiking.learning import detach_memories, detached, differentiable_where_asked, follow_inputs
from snnfw.spiking.memory import is_free, memory_of, to_channels_last
from snnfw.spiking.precision import Moved, empty_of_kind, moved
from snnfw.spiking.reading import CUMULATIVE, STREAMS, trace_flow
from snnfw.values import Inputs, Output, Site, SiteStats

Values = dict[fx.Node, Any]
Visit = Callable[[Site, SpikingNeuron, Tensor], Tensor]
"""Called at each site with its neuron and its input current [T, *shape]; returns the output."""


class SpikingModel(nn.Module):
    """A spiking network: the captured graph, its plan, and a neuron at every site.

    It computes with a copy of the graph's weights, so that converting, moving or training it changes nothing else and
    the other way round; only on a graph captured as trainable it shares the network's own, for training.

    Between neurons time lives in the batch dimension: operators run unchanged on T · N samples. A run is ``begin``,
    then ``advance`` as often as needed, with ``read`` after any of them; state carries over, so memory is bounded by
    the longest single call of ``advance``. ``keep`` goes on with some of the samples. Calling the model does it all.
    """

    def __init__(self, graph: Graph, plan: Plan, neurons: Mapping[str, SpikingNeuron], timesteps: int) -> None:
        super().__init__()
        self.graph, self.plan, self.timesteps = graph, plan, timesteps
        self.stats: Mapping[str, SiteStats] = {}  # what each neuron was built from, by site, where that is known
        self.network: nn.Module = graph.module if graph.trainable else constants_of(graph.module)
        self._flow, self.coding = trace_flow(graph, plan), CODINGS[plan.coding]
        self._added = find_all_added(self._flow, self.coding)
        self.streams = tuple(self._flow.nodes_of(*STREAMS))
        self._free = last_uses(self.streams)
        self._free_static, self._needed = last_uses(graph.nodes), self._flow.constants_read_later()
        self._sites = {p.site.node: p.site for p in plan.placements if p.site.name in neurons}
        self.neurons = nn.ModuleDict({node: neurons[site.name] for node, site in self._sites.items()})
        self.cumulative = nn.ModuleDict(
            {node.name: make_cumulative(self._flow, node, self.coding) for node in self._flow.nodes_of(*CUMULATIVE)}
        )
        self._ends = dict.fromkeys(self._flow.streams_read_out())
        self.means = nn.ModuleDict(
            {node.name: StreamValue(graph.where[node.name], self.coding, plan.temporal) for node in self._ends}
        )
        self.deltas = Deltas()
        self._frames = Frames((), self.coding)
        self._constant: Values = {}
        self._kept_memory: frozenset[int] = frozenset()
        self.samples = self.elapsed = 0
        self.run = object()  # another one in each run, by which somebody can tell whether it is still theirs
        self.follows_inputs = False
        self.moved: Moved | None = None
        self.train(False)

    def train(self, mode: bool = True) -> SpikingModel:
        """Switch gradients, batch norms and dropouts; only a graph captured as trainable has the latter two."""
        self.training = mode
        for module in (self.neurons, self.cumulative, self.means):
            module.train(mode)
        return self

    def forward(self, *inputs: Tensor) -> Output:
        """Return the output after all timesteps, from a fresh state."""
        self.begin(inputs)
        self.advance(self.timesteps)
        return self.read()

    def begin(self, inputs: Inputs) -> None:
        """Reset every state and run what no neuron feeds, once.

        Gradients of the inputs are followed where they ask for them, also in evaluation mode.
        """
        self.forget()
        frames = whole_samples(self.graph, inputs) if self.plan.temporal else ()
        require_shapes(self.graph, inputs, frames=self.plan.temporal)
        self.follows_inputs = follow_inputs(inputs, self.site_neurons())
        self._frames, self.samples = Frames(frames, self.coding), len(inputs[0])
        self.moved = moved(self.graph, self.network, self.neurons.buffers())
        self._run_static(inputs)

    @differentiable_where_asked
    def _run_static(self, inputs: Inputs) -> None:
        given = () if self.plan.temporal else zip(self.graph.inputs, inputs, strict=True)
        values: dict[fx.Node, Any] = {node: to_channels_last(tensor) for node, tensor in given}
        for node in self.graph.nodes:
            if self._flow.kinds[node] in (Kind.STATIC, Kind.CONSTANT):
                value = self._evaluate(node, lambda read: self._static_value(read, values))
                values[node] = self.deltas.with_change(node.name, value)
            for done in self._free_static[node]:
                if done not in self._needed or done in self._flow.positions:
                    values.pop(done, None)
        self._hold(values)

    @differentiable_where_asked
    def advance(self, steps: int, visit: Visit | None = None) -> None:
        """Run ``steps`` more timesteps, all at once in the batch dimension."""
        if not self.samples:
            raise SnnfwError("the model has not begun: call begin(inputs) before advance(steps).")
        self.show_frames(steps)
        self.run_streams(self.streams, {}, steps, visit)
        self.elapsed += steps
        self._frames.shown += steps

    @differentiable_where_asked
    def show_frames(self, steps: int) -> None:
        """Take the next frames into the means of inputs that the readout itself reads, before any stream runs."""
        for node in self._ends:
            if self._flow.kinds[node] is Kind.INPUT:
                self._mean(node.name).add(self._frames.next(self.graph, node, steps), steps)

    @differentiable_where_asked
    def run_streams(self, nodes: Iterable[fx.Node], values: Values, steps: int, visit: Visit | None = None) -> None:
        """Run some of ``streams`` in order; ``values`` is what those before them left, and then what these leave."""
        value_of = self._values_over_time(values, steps)
        for node in nodes:
            values[node] = self._advance_node(node, steps, values, value_of, visit)
            if node in self._ends:
                self._mean(node.name).add(values[node], steps)
            for done in self._free[node]:
                values.pop(done, None)

    @differentiable_where_asked
    def read(self) -> Output:
        """Return the network's output for the mean of its streams over the timesteps so far."""
        values = dict(self._constant)
        for node in self._ends:
            values[node] = self._mean(node.name).read()
        for node in self._flow.nodes_of(Kind.READOUT):
            values[node] = self._evaluate(node, lambda read: self._static_value(read, values))
        results = self._evaluate(self.graph.output, lambda read: self._static_value(read, values))
        return self.graph.tree(results)

    def keep_each(self) -> None:
        """Remember what is read out of every timestep of a run in one piece, for ``read_each``."""
        for name in self.means:
            self._mean(name).keeps_latest = True

    @differentiable_where_asked
    def read_each(self) -> Output:
        """Return the network's output for each timestep of a run in one piece, [T, N, ...] leaf by leaf."""
        values = {node: self._mean(node.name).latest for node in self._ends}
        value_of = self._values_over_time(values, self.elapsed)
        for node in self._flow.nodes_of(Kind.READOUT):
            values[node] = self._evaluate(node, value_of)
        places = self._evaluate(self.graph.output, lambda read: self.graph.where[read.name])
        results = self._evaluate(self.graph.output, value_of)
        t = self.elapsed
        each = map_leaves(lambda place, leaf: leaf if place is None else unfold(leaf, place, t), places, results)
        return self.graph.tree(each)

    @torch.no_grad()
    def keep(self, samples: Tensor) -> None:
        """Go on with the samples of these indices ([K], long) alone: the others have left."""
        self._frames.keep(samples)
        where = self.graph.where
        self._hold({node: select_leaves(held, where[node.name], samples) for node, held in self._constant.items()})
        for site, neuron in self.site_neurons():
            neuron.keep(self.graph.where[site.node], samples)
        for name in self.cumulative:
            self._cumulated(name).keep(samples)
        for name in self.means:
            self._mean(name).keep(samples)
        self.samples = len(samples)

    def _hold(self, constant: dict[fx.Node, Any]) -> None:
        """Keep what does not vary in time, and where in memory it and the frames are."""
        self._constant, self._kept_memory = constant, memory_of((list(constant.values()), self._frames.inputs))

    def forget(self) -> None:
        """Leave the run at hand, with every state and what it holds of the inputs."""
        for module in (self.neurons, self.cumulative, self.means):  # what has states; a network has only weights
            reset_net(module)
        self._frames = Frames((), self.coding)
        self._hold({})
        self.samples, self.elapsed, self.run, self.follows_inputs = 0, 0, object(), False

    def detach(self) -> None:
        """Let go of what the states of the run at hand were computed from; nothing flows back beyond here."""
        detach_memories(self)
        self._constant = {node: detached(value) for node, value in self._constant.items()}
        self._frames.inputs = detached(self._frames.inputs)

    def constant(self, node: fx.Node) -> Any:
        """Return a value that does not vary in time, for the samples at hand."""
        return self._static_value(node, self._constant)

    def site_neurons(self) -> Iterable[tuple[Site, SpikingNeuron]]:
        """Yield every site that has a neuron, with it, in the order of execution."""
        for name, site in self._sites.items():
            yield site, self._neuron(name)

    def _evaluate(self, node: fx.Node, value_of: ValueOf, change: Change | None = None) -> Any:
        """Return the result of one operator, in the mode that this model is in, with its arguments changed."""
        learns = self.training and self.graph.trainable
        changed = self.moved if change is None else in_turn(self.moved, change)
        return (evaluate_training if learns else evaluate)(self.network, node, value_of, changed)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> SpikingModel:
        """Convert or move what is kept between runs, and forget the run at hand."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch does not annotate it
        self.forget()
        return self

    def _advance_node(self, node: fx.Node, steps: int, values: Values, value_of: ValueOf, visit: Visit | None) -> Any:
        kind, added = self._flow.kinds[node], self._added.get(node)
        if kind is Kind.SPIKING:
            return self._fire(node, steps, values, value_of, visit)
        if kind is Kind.LINEAR and added is None:
            return self._evaluate(node, value_of)
        streams = self._flow.streams_read(node)
        if added is not None:
            chunk = Chunk(steps, self._frames.shown > 0, self.graph.where, self._values_over_time)
            return run_on_changes(node, added, chunk, value_of, partial(self._evaluate, node), streams)

        def function(*tensors: Tensor) -> Any:
            given = dict(zip(streams, tensors, strict=True))
            return self._evaluate(node, lambda read: given[read] if read in given else value_of(read))

        return self._cumulated(node.name)(function, steps, *map(value_of, streams))

    def _fire(self, node: fx.Node, steps: int, values: Values, value_of: ValueOf, visit: Visit | None) -> Tensor:
        """Run a neuron; a static input is read again at each timestep rather than repeated."""
        source, neuron = cast("fx.Node", node.args[0]), self._neuron(node.name)
        place: BatchDim = self.graph.where[node.name]
        if self._flow.varies(source):
            drive = unfold(value_of(source), place, steps)
        else:
            drive = self.coding.inject(self._constant[source], steps, self._frames.shown > 0)
        if visit is None:
            return fold(neuron(drive, in_place=self._may_overwrite(source, drive, values)), place)
        return fold(visit(self._sites[node.name], neuron, drive), place)

    def _may_overwrite(self, node: fx.Node, drive: Tensor, values: Values) -> bool:
        """Tell whether a neuron may write over its input: memory that nobody reads again, by this name or another."""
        if len(node.users) > 1 or node in self._ends or not self._flow.varies(node):
            return False
        others = [value for other, value in values.items() if other is not node]
        return is_free(drive, self._kept_memory, (*others, *(self._mean(name).latest for name in self.means)))

    def _values_over_time(self, values: Values, steps: int) -> ValueOf:
        """Return the look-up of streams in ``values``, of constants over time, and of sizes for T · N samples."""

        def value_of(read: fx.Node) -> Any:
            if read in values:
                return values[read]
            if self._flow.kinds[read] is Kind.SIZE and read.name in self.graph.sizes:
                return self.graph.sizes[read.name](steps * self.samples)
            if read in self._flow.positions:
                return self._evaluate(read, value_of)
            if self._flow.varies(read):
                values[read] = self._frames.next(self.graph, read, steps)
            else:
                values[read] = repeat_leaves(self._constant[read], self.graph.where[read.name], steps)
            return values[read]

        return value_of

    def _static_value(self, read: fx.Node, values: Mapping[fx.Node, Any]) -> Any:
        if read in values:
            return values[read]
        if read.name in self.graph.sizes:
            return self.graph.sizes[read.name](self.samples)
        if read in self._flow.positions:
            return self._evaluate(read, lambda node: self._static_value(node, values))
        if self._flow.varies(read) and self._flow.is_read_for_kind_alone(read):
            return empty_of_kind(read.meta["val"], self.moved)  # a stream, read for its kind alone, as new_zeros does
        raise SnnfwError(
            f"operator '{read.name}' is read where it has no value: please report this network to the authors of snnfw."
        )

    def _neuron(self, name: str) -> SpikingNeuron:
        return cast("SpikingNeuron", self.neurons[name])

    def _cumulated(self, name: str) -> Cumulative:
        return cast("Cumulative", self.cumulative[name])

    def _mean(self, name: str) -> StreamValue:
        return cast("StreamValue", self.means[name])
