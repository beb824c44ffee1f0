"""Write an exported graph in the words that the plan knows: one name an operator, nothing written in place."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from snnfw.capture.sites import module_path, overload_packet
from snnfw.errors import SnnfwError

aten = torch.ops.aten

ALIASES = {
    "__and__": "bitwise_and",
    "__or__": "bitwise_or",
    "__xor__": "bitwise_xor",
    "absolute": "abs",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "clip": "clamp",
    "concat": "cat",
    "concatenate": "cat",
    "divide": "div",
    "fix": "trunc",
    "ger": "outer",
    "greater": "gt",
    "greater_equal": "ge",
    "less": "lt",
    "less_equal": "le",
    "linalg_matmul": "matmul",
    "multiply": "mul",
    "negative": "neg",
    "not_equal": "ne",
    "row_stack": "vstack",
    "special_erf": "erf",
    "special_erfc": "erfc",
    "special_exp2": "exp2",
    "special_expit": "sigmoid",
    "special_expm1": "expm1",
    "special_log1p": "log1p",
    "special_round": "round",
    "special_sinc": "sinc",
    "subtract": "sub",
    "true_divide": "div",
}
"""Other names of operators: the same arguments, the same result."""

VIEWS = {aten.view.default, aten._unsafe_view.default}
"""Views of memory, whose layout changes once neurons write the tensors: written as reshape."""

UNFILLED = {
    aten.empty: aten.zeros.default,
    aten.new_empty: aten.new_zeros.default,
    aten.empty_like: aten.zeros_like.default,
}
"""Memory with no value yet, and the zeros that stand for it: what is read of it has been written by then."""

NEEDS_CONTIGUOUS = {aten.view_as_complex}
"""Operators that only know one memory layout."""

RAW = {aten.as_strided, aten.as_strided_copy, aten.as_strided_scatter}
"""Operators that read memory by strides, which are those of the capture."""


def normalise(module: fx.GraphModule) -> None:
    """Rewrite a graph in place.

    Raises:
        SnnfwError: an operator reads samples by memory strides, or the network changes what it computes with.

    """
    for node in list(module.graph.nodes):
        checks = node.op == "call_module" or str(node.target).startswith("aten._assert_tensor_metadata")
        if checks and not node.users:
            module.graph.erase_node(node)
        elif node.op == "call_function":
            _rewrite(module, node)
    written = _forget_writes(module)
    module.graph.eliminate_dead_code()
    _check_unwritten(module, written)
    module.recompile()


def _rewrite(module: fx.GraphModule, node: fx.Node) -> None:
    operator = overload_packet(node)
    if operator in RAW and _reads_samples(node):
        raise SnnfwError(
            f"operator '{operator.__name__}' at '{module_path(node) or 'the top of the network'}' reads memory by "
            "strides, which are others once neurons write it: write it with unfold, slices or reshape."
        )
    if node.target in VIEWS:
        node.target = aten.reshape.default
    elif operator in UNFILLED:
        node.target = UNFILLED[operator]
        node.kwargs = {name: value for name, value in node.kwargs.items() if name != "memory_format"}
    elif operator in NEEDS_CONTIGUOUS:
        source: Any = node.args[0]
        with module.graph.inserting_before(node):
            copied = module.graph.call_function(
                aten.clone.default, (source,), {"memory_format": torch.contiguous_format}
            )
        copied.meta = {**node.meta, "val": source.meta["val"]}
        node.args = (copied, *node.args[1:])
    elif name := ALIASES.get(getattr(operator, "__name__", "")):
        node.target = getattr(getattr(aten, name), str(node.target).rpartition(".")[2])


def _reads_samples(node: fx.Node) -> bool:
    values = (read.meta.get("val") for read in node.all_input_nodes)
    sizes = [size for value in values if isinstance(value, torch.Tensor) for size in value.shape]
    return any(isinstance(size, torch.SymInt) for size in sizes)


def _forget_writes(module: fx.GraphModule) -> set[str]:
    """Erase what writes results back into inputs and buffers; return the names of those buffers."""
    buffers = set()
    for node in list(module.graph.nodes):
        if node.target is aten.copy_.default and node.args[0].op in ("placeholder", "get_attr"):
            if node.args[0].op == "get_attr":
                buffers.add(str(node.args[0].target))
            node.replace_all_uses_with(node.args[1])
            module.graph.erase_node(node)
    return buffers


def _check_unwritten(module: fx.GraphModule, written: set[str]) -> None:
    """Refuse a network whose output depends on a buffer that it changes with every call."""
    for node in module.graph.nodes:
        if node.op == "get_attr" and str(node.target) in written:
            raise SnnfwError(
                f"the network changes its buffer '{node.target}' with every call, and its output depends on it: a "
                "spiking network needs the same function at each timestep. Keep the buffer fixed in evaluation."
            )
