"""Say a planned graph in NIR's words: layers, sums by edges, and neurons by integrators and thresholds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx

from snnfw.capture.graph import BatchDim, get_attribute
from snnfw.capture.sites import aten, overload_packet
from snnfw.capture.survey import operator_name
from snnfw.errors import SnnfwError
from snnfw.exports.nir_layers import LAYERS, PASSED, shape_of
from snnfw.exports.nir_neurons import add_neuron
from snnfw.planning.kinds import Kind
from snnfw.spiking.model import SpikingModel

HOLDS = (
    "it holds convolutions, linear layers, average pools, flattening, sums and neurons that fire once at a threshold"
)


@dataclass(slots=True)
class Growing:
    """A graph of NIR as it grows; ``sources`` are the nodes whose sum an operator's result is."""

    model: SpikingModel
    nodes: dict[str, Any] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    sources: dict[fx.Node, tuple[str, ...]] = field(default_factory=dict)

    def add(self, name: str, node: Any, *sources: str) -> str:
        """Add a node that reads the sum of others."""
        self.nodes[name] = node
        self.edges.extend((source, name) for source in sources)
        return name

    def constant(self, node: fx.Node | None) -> Tensor | None:
        """Return a weight, with what a calibration added; None where there is none."""
        if node is None:
            return None
        value = get_attribute(self.model.network, str(node.target))
        return self.model.deltas.with_change(node.name, value).detach()  # type: ignore[no-any-return]  # a tensor


def build_graph(model: SpikingModel) -> Any:
    """Return a model as a graph of NIR.

    Raises:
        SnnfwError: an operator, a neuron, an input or an output has no word in NIR; it is named.

    """
    import nir

    growing = Growing(model)
    _require_single(model)
    for node in model.graph.nodes:
        if node.op == "placeholder":
            growing.add("input", nir.Input(input_type={"input": shape_of(node)}))
            growing.sources[node] = ("input",)
        elif node.op == "output":
            read = node.all_input_nodes[0]
            growing.add("output", nir.Output(output_type={"output": shape_of(read)}), *growing.sources[read])
        elif model.plan.fates[node.name].kind not in (Kind.CONSTANT, Kind.SIZE):
            growing.sources[node] = _add_operator(growing, node)
    reading = "a timestep is 1 long, an edge that closes a circle arrives a timestep later, the input is given at each"
    told = {
        "dt": 1.0,
        "timesteps": model.timesteps,
        "made_by": "snnfw",
        "reading": f"{reading}; the answer is the mean",
    }
    return nir.NIRGraph(growing.nodes, growing.edges, metadata=told)


def _add_operator(growing: Growing, node: fx.Node) -> tuple[str, ...]:
    model, operator = growing.model, overload_packet(node)
    fate = model.plan.fates[node.name]
    _require_batch_first(model, node)
    if fate.kind is Kind.SPIKING:
        return (add_neuron(growing, node),)
    if operator in PASSED or (operator in SHAPES and shape_of(node) == shape_of(node.args[0])):
        return growing.sources[node.args[0]]  # type: ignore[index]  # a node
    if operator is aten.add and _is_sum(node):
        sources = tuple(source for read in node.args for source in growing.sources[read])  # type: ignore[index]
        if len(set(sources)) == len(sources):
            return sources
    elif operator in LAYERS:
        made = LAYERS[operator](growing, node)
        if isinstance(made, str):
            raise SnnfwError(f"{_place(model, node)} cannot be said in NIR: {made}.")
        sources = growing.sources[_read(node)]
        for number, layer in enumerate(made):
            name = node.name if not number else f"{node.name}.{number}"
            sources = (growing.add(name, layer, *sources),)
        return sources
    why = {Kind.MAXIMUM: "NIR has no maximum", Kind.ANALOG: "it stays analog"}.get(fate.kind)
    if fate.placement is not None:
        why = "it is kept as it is, and NIR has no such function: place a neuron there"
    raise SnnfwError(f"{_place(model, node)} cannot be said in NIR ({why or 'it has no such node'}): {HOLDS}.")


SHAPES = {aten.reshape, aten.view, aten.flatten}


def _read(node: fx.Node) -> fx.Node:
    return node.args[0]  # type: ignore[return-value]  # the operators of LAYERS read a node first


def _is_sum(node: fx.Node) -> bool:
    both = len(node.args) == 2 and all(
        isinstance(read, fx.Node) and shape_of(read) == shape_of(node) for read in node.args
    )
    return both and node.kwargs.get("alpha", 1) == 1


def _place(model: SpikingModel, node: fx.Node) -> str:
    return f"operator '{operator_name(node)}' at '{model.graph.paths[node.name] or 'the top of the network'}'"


def _require_batch_first(model: SpikingModel, node: fx.Node) -> None:
    if model.graph.where[node.name] != BatchDim(0):
        raise SnnfwError(
            f"{_place(model, node)} holds its samples elsewhere than in dimension 0, which NIR has no word for."
        )


def _require_single(model: SpikingModel) -> None:
    outputs, inputs = model.graph.output.args[0], model.graph.inputs
    flat = list(outputs) if isinstance(outputs, tuple | list) else [outputs]
    if len(inputs) != 1 or len(flat) != 1 or not isinstance(flat[0], fx.Node):
        raise SnnfwError(
            f"the network has {len(inputs)} inputs and {len(flat)} outputs: a graph of NIR is written for one of each."
        )
    if not torch.is_floating_point(inputs[0].meta["val"]):
        raise SnnfwError("the network's input holds whole numbers, such as words: NIR's inputs are currents.")
