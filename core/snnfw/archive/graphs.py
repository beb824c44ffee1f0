"""A captured graph as plain data and tensors, and back: operators by name, nothing that is run by reading it."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, fx, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.graph import _PyTreeCodeGen, _PyTreeInfo
from torch.utils import _pytree as pytree

from snnfw.archive.arguments import NAMED, decode, encode
from snnfw.archive.computed import require_small_parameters
from snnfw.archive.operators import name_to_operator, operator_to_name
from snnfw.archive.sizes import SAMPLES, decode_size, encode_size
from snnfw.capture.graph import BatchDim, Graph, get_attribute
from snnfw.capture.own import put_attribute
from snnfw.capture.sites import GATES, IDENTITY, find_sites
from snnfw.capture.survey import size_of
from snnfw.errors import SnnfwError
from snnfw.spiking.precision import dtype_name

WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
PATH = re.compile(r"\w+(\.\w+)*", re.ASCII)

EXAMPLE = 2
"""Samples of the shapes that are written down."""


def graph_to_plain(graph: Graph) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return a graph as plain data, and its tensors by dotted path.

    Raises:
        SnnfwError: it holds something that is not known how to write.

    """
    if graph.trainable:
        raise SnnfwError("a network in training cannot be saved: convert it, or run its checkpoint, and save that.")
    constants = {str(node.target): get_attribute(graph.module, str(node.target)) for node in _constants(graph)}
    for name, value in constants.items():
        if not isinstance(value, Tensor):
            raise SnnfwError(f"constant '{name}' is no tensor and cannot be saved.")
    codegen: Any = graph.module.graph._codegen
    info = codegen.pytree_info
    plain = {
        "nodes": [_node_to_plain(node, graph) for node in graph.nodes],
        "sizes": {name: encode_size(cast("partial[Any]", size).args[0]) for name, size in graph.sizes.items()},
        "shapes": {site.node: list(site.shape) for site in (*graph.sites, *graph.gates)},
        "sites": [[site.name, site.node, site.activation] for site in (*graph.sites, *graph.gates)],
        "parameters": [name for name, value in constants.items() if isinstance(value, nn.Parameter)],
        "learnt": [name for name, value in constants.items() if value.requires_grad],
        "input_names": list(info.orig_args),
        "inputs": _spec_to_plain(info.in_spec),
        "outputs": _spec_to_plain(info.out_spec),
    }
    return plain, {name: value.detach() for name, value in constants.items()}


def plain_to_graph(plain: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Graph:
    """Return the graph of ``graph_to_plain``'s values; the tensors become its own."""
    root = nn.Module()
    parameters, learnt = set(plain["parameters"]), set(plain["learnt"])
    for name, value in tensors.items():
        put_attribute(root, name, nn.Parameter(value, name in learnt) if name in parameters else value)
    graph = fx.Graph()
    nodes: dict[str, fx.Node] = {}
    with FakeTensorMode():
        for written in plain["nodes"]:
            nodes[written["name"]] = _add_node(graph, written, nodes, tensors)
    _require_words(plain["input_names"])
    graph.set_codegen(
        _PyTreeCodeGen(
            _PyTreeInfo(list(plain["input_names"]), _plain_to_spec(plain["inputs"]), _plain_to_spec(plain["outputs"]))
        )
    )
    module = fx.GraphModule(root, graph)
    require_small_parameters(module)
    where = {written["name"]: _plain_to_where(written["where"]) for written in plain["nodes"] if "where" in written}
    shapes = {node: tuple(shape) for node, shape in plain["shapes"].items()}
    made = Graph(
        module=module,
        where=where,
        sizes={name: partial(size_of, decode_size(tree), SAMPLES) for name, tree in plain["sizes"].items()},
        sites=find_sites(module, where, shapes),
        paths={written["name"]: written.get("path", "") for written in plain["nodes"]},
        macs={written["name"]: int(written["macs"]) for written in plain["nodes"] if "macs" in written},
        elements={written["name"]: int(written["elements"]) for written in plain["nodes"] if "elements" in written},
        gates=find_sites(module, where, shapes, _gates(plain["sites"])),
    )
    found = [[site.name, site.node, site.activation] for site in (*made.sites, *made.gates)]
    if found != plain["sites"]:
        raise SnnfwError("the activations in its graph are others than it lists.")
    return made


def _gates(sites: Iterable[Sequence[Any]]) -> Mapping[Any, str]:
    """Return the functions of gates that a file lists sites of.

    A file from before there were encoders lists none, and an identity in it is what ``torch.export`` wrote.
    """
    listed = any(activation == IDENTITY for _, _, activation in sites)
    return GATES if listed else {operator: name for operator, name in GATES.items() if name != IDENTITY}


def _constants(graph: Graph) -> list[fx.Node]:
    return [node for node in graph.nodes if node.op == "get_attr"]


def _node_to_plain(node: fx.Node, graph: Graph) -> dict[str, Any]:
    target = operator_to_name(node.target) if node.op == "call_function" else str(node.target)
    return {
        "name": node.name,
        "op": node.op,
        "target": target,
        "args": encode(tuple(node.args)),
        "kwargs": {key: encode(value) for key, value in node.kwargs.items()},
        "value": _value_to_plain(node.meta.get("val")),
        **({"where": _where_to_plain(graph.where[node.name])} if node.name in graph.where else {}),
        "path": graph.paths.get(node.name, ""),
        **({"macs": graph.macs[node.name]} if node.name in graph.macs else {}),
        **({"elements": graph.elements[node.name]} if node.name in graph.elements else {}),
    }


def _add_node(
    graph: fx.Graph, written: Mapping[str, Any], nodes: Mapping[str, fx.Node], tensors: Mapping[str, Tensor]
) -> fx.Node:
    operation, target = written["op"], written["target"]
    _require_words([written["name"], *written["kwargs"], *([target] if operation == "placeholder" else [])])
    if operation not in ("placeholder", "get_attr", "call_function", "output"):
        raise SnnfwError(f"a node that is a '{str(operation)[:40]}' is not known.")
    if operation == "get_attr" and (target not in tensors or not PATH.fullmatch(target)):
        raise SnnfwError(f"constant '{str(target)[:80]}' is missing.")
    args = decode(written["args"], nodes)
    kwargs = {str(key): decode(value, nodes) for key, value in written["kwargs"].items()}
    found = name_to_operator(target) if operation == "call_function" else str(target)
    node = graph.create_node(operation, found, args, kwargs, name=written["name"])
    if node.name != written["name"]:
        raise SnnfwError(f"the name '{str(written['name'])[:40]}' of a node is not allowed, or is there twice.")
    node.meta["val"] = _plain_to_value(written["value"])
    if path := written.get("path"):
        node.meta["nn_module_stack"] = {"": (str(path), "")}
    return node


def _require_words(names: Iterable[Any]) -> None:
    """Refuse names that are no identifiers: torch.fx writes a graph out as Python, names and all."""
    for name in names:
        if not isinstance(name, str) or not WORD.fullmatch(name) or keyword.iskeyword(name):
            raise SnnfwError(f"the name {str(name)[:40]!r} in its graph is not allowed.")


def _value_to_plain(value: Any) -> Any:
    """Return what is known of a node's result for two samples: shapes and types of tensors, sizes, or nothing."""
    if isinstance(value, Tensor):
        return {"shape": [_at_example(size) for size in value.shape], "dtype": dtype_name(value.dtype)}
    if isinstance(value, list | tuple):
        return {"several": [_value_to_plain(item) for item in value], "tuple": isinstance(value, tuple)}
    if isinstance(value, torch.SymInt | torch.SymFloat | torch.SymBool | bool | int | float):
        return {"number": encode(_at_example(value))}
    return None


def _plain_to_value(written: Any) -> Any:
    """Return the same as fake tensors, which have a shape and no memory."""
    if written is None:
        return None
    if "shape" in written:
        sizes = [int(size) for size in written["shape"]]
        return torch.empty(sizes, dtype=NAMED[torch.dtype][written["dtype"]], device="cpu")
    if "several" in written:
        found = [_plain_to_value(item) for item in written["several"]]
        return tuple(found) if written["tuple"] else found
    return decode(written["number"], {})


def _at_example(size: Any) -> Any:
    if not isinstance(size, torch.SymInt | torch.SymFloat | torch.SymBool):
        return size
    expression = size.node.expr
    symbols = list(expression.free_symbols)
    return size_of(expression, symbols[0] if symbols else SAMPLES, EXAMPLE)


def _where_to_plain(where: Any) -> Any:
    if isinstance(where, BatchDim):
        return [where.dim, where.outer, where.inner]
    if isinstance(where, list | tuple):
        return {"several": [_where_to_plain(item) for item in where], "tuple": isinstance(where, tuple)}
    if where is not None:
        raise SnnfwError(f"a result that is a {type(where).__name__} cannot be saved.")
    return None


def _plain_to_where(written: Any) -> Any:
    if written is None:
        return None
    if isinstance(written, list):
        return BatchDim(*(int(number) for number in written))
    found = [_plain_to_where(item) for item in written["several"]]
    return tuple(found) if written["tuple"] else found


def _spec_to_plain(spec: pytree.TreeSpec) -> Any:
    """Return how results are put together: of tuples, lists and mappings."""
    if spec.is_leaf():
        return "*"
    inside = [_spec_to_plain(child) for child in spec.children()]
    if spec.type in (tuple, list):
        return {spec.type.__name__: inside}
    if spec.type is dict and all(isinstance(key, str | int) for key in spec.context):
        return {"dict": [[key, child] for key, child in zip(spec.context, inside, strict=True)]}
    raise SnnfwError(
        f"a network that takes or returns a {spec.type.__name__} cannot be saved: return a tuple or a dict."
    )


def _plain_to_spec(written: Any) -> pytree.TreeSpec:
    return pytree.tree_structure(_skeleton(written))


def _skeleton(written: Any) -> Any:
    if written == "*":
        return 0
    ((kind, inside),) = written.items()
    if kind == "dict":
        return {key: _skeleton(child) for key, child in inside}
    if kind not in ("tuple", "list"):
        raise SnnfwError(f"results of kind '{str(kind)[:40]}' are not known.")
    items = [_skeleton(child) for child in inside]
    return tuple(items) if kind == "tuple" else items
