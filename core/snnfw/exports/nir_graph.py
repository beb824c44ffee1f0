"""Say a planned graph in NIR's words: layers, sums by edges, and neurons by integrators and thresholds."""

from __future__ import annotations

from typing import Any

from torch import fx

from snnfw.capture.graph import BatchDim
from snnfw.capture.sites import aten, overload_packet
from snnfw.capture.survey import operator_name
from snnfw.errors import SnnfwError
from snnfw.exports.nir_growing import Growing, shape_of
from snnfw.exports.nir_layers import LAYERS, PASSED
from snnfw.exports.nir_neurons import add_neuron
from snnfw.planning.kinds import Kind
from snnfw.spiking.model import SpikingModel
from snnfw.values import RATE, Keep

HOLDS = (
    "it holds convolutions, linear layers, average pools, flattening, sums and neurons that fire once at a threshold"
)


def build_graph(model: SpikingModel) -> Any:
    """Return a model as a graph of NIR.

    Raises:
        SnnfwError: an operator, a neuron, an input or an output has no word in NIR; it is named.

    """
    import nir

    _require_rates(model)
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
    """Add an operator and return the nodes whose sum is its result."""
    model, operator = growing.model, overload_packet(node)
    _require_batch_first(model, node)
    if model.plan.fates[node.name].kind is Kind.SPIKING:
        return (add_neuron(growing, node),)
    if operator is aten.add and _is_sum(node):
        terms = tuple(source for read in node.all_input_nodes for source in growing.sources[read])
        if len(node.all_input_nodes) == 2 and len(set(terms)) == len(terms):
            return terms
    read = node.args[0]
    if isinstance(read, fx.Node) and read in growing.sources:
        sources = growing.sources[read]
        if operator in PASSED or (operator in SHAPES and shape_of(node) == shape_of(read)):
            return sources
        if operator in LAYERS:
            return _add_layers(growing, node, sources)
    raise SnnfwError(f"{_place(model, node)} cannot be said in NIR ({_reason(model, node)}): {HOLDS}.")


def _add_layers(growing: Growing, node: fx.Node, sources: tuple[str, ...]) -> tuple[str, ...]:
    made = LAYERS[overload_packet(node)](growing, node)
    if isinstance(made, str):
        raise SnnfwError(f"{_place(growing.model, node)} cannot be said in NIR: {made}.")
    for number, layer in enumerate(made):
        sources = (growing.add(f"{node.name}.{number}" if number else node.name, layer, *sources),)
    return sources


def _reason(model: SpikingModel, node: fx.Node) -> str:
    fate = model.plan.fates[node.name]
    if fate.placement is not None:
        return "it is kept as it is, and NIR has no such function: place a neuron there"
    return {Kind.MAXIMUM: "NIR has no maximum", Kind.ANALOG: "it stays analog"}.get(fate.kind, "it has no such node")


SHAPES = {aten.reshape, aten.view, aten.flatten}


def _is_sum(node: fx.Node) -> bool:
    terms = [read for read in node.args if isinstance(read, fx.Node) and shape_of(read) == shape_of(node)]
    return len(terms) == len(node.args) == 2 and node.kwargs.get("alpha") in (None, 1)


def _place(model: SpikingModel, node: fx.Node) -> str:
    return f"operator '{operator_name(node)}' at '{model.graph.paths[node.name] or 'the top of the network'}'"


def _require_rates(model: SpikingModel) -> None:
    """Refuse a coding that NIR has no word for: its nodes neither round nor remember what has been sent."""
    site, neuron = next((p.site, p.neuron) for p in model.plan.placements if not isinstance(p.neuron, Keep))
    if model.plan.coding != RATE:
        raise SnnfwError(
            f"the network is {model.plan.coding} coded ('{neuron.name}' at '{site.name}'), and NIR has no word for a "
            "neuron that sends changes: export it as onnx or torch, or convert it with neuron=if or lif."
        )


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
    if not inputs[0].meta["val"].is_floating_point():
        raise SnnfwError("the network's input holds whole numbers, such as words: NIR's inputs are currents.")
