"""Capture a trained network with torch.export and check that the graph computes what the network computes."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils import _pytree as pytree

from snnfw.capture.fold_norms import fold_norms
from snnfw.capture.graph import Graph
from snnfw.capture.sites import GATES, find_sites, module_path
from snnfw.capture.survey import survey
from snnfw.capture.trainable import keep_trainable, mark_dropouts
from snnfw.contracts import Inputs
from snnfw.errors import SnnfwError, misgiven

TOLERANCE = 1e-3
"""Largest difference between graph and network, as a share of the largest output: folding rounds."""


VIEWS = (torch.ops.aten.view.default, torch.ops.aten._unsafe_view.default)


def capture(model: nn.Module, example: Inputs, trainable: bool = False) -> Graph:
    """Return the network as a graph of functional operators.

    A ``trainable`` graph keeps batch norms and dropouts, which are folded and removed otherwise, and computes with the
    network's own parameters. ``example`` is what the network is called with, at least two samples in dimension 0 of
    every tensor. The network must be in evaluation mode; it is not changed.

    Raises:
        SnnfwError: the network holds NaN, cannot be exported with a dynamic batch, mixes samples, or the graph does not
            compute what the network does.

    """
    _check_arguments(model, example)
    with torch.no_grad():
        module = _export(model, example, trainable)
        if trainable:
            keep_trainable(module)
        else:
            fold_norms(module)
        first, second = example, _other_samples(example)
        surveyed = survey(module, first, second)
        graph = Graph(
            module=module,
            where=surveyed.where,
            sizes=surveyed.sizes,
            sites=find_sites(module, surveyed.where, surveyed.shapes),
            paths={node.name: module_path(node) for node in module.graph.nodes},
            macs=surveyed.macs,
            elements=surveyed.elements,
            gates=find_sites(module, surveyed.where, surveyed.shapes, GATES),
        )
        _check_equal(model, graph, tuple(torch.cat(pair) for pair in zip(first, second, strict=True)))
    return graph


def _check_arguments(model: nn.Module, example: Inputs) -> None:
    if not isinstance(model, nn.Module):
        raise misgiven("what to capture", model, "a torch.nn.Module")
    if not isinstance(example, tuple | list) or not all(isinstance(tensor, Tensor) for tensor in example):
        raise misgiven("the example", example, "a tuple with one tensor for each argument, such as (x,)")
    if model.training:
        raise SnnfwError("the network is in training mode: call its eval() before it is captured.")
    for name, value in [*model.named_parameters(), *model.named_buffers()]:
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise SnnfwError(
                f"the network's '{name}' holds NaN or infinite values: load weights that are finite everywhere."
            )
    counts = {len(tensor) for tensor in example}
    if len(counts) != 1 or min(counts) < 2:
        raise SnnfwError(
            f"the example inputs hold {sorted(counts)} samples: give every input the same number, at least 2, "
            "so that the batch can be told from other dimensions."
        )


def _export(model: nn.Module, example: Inputs, trainable: bool) -> fx.GraphModule:
    """Return the functionalised graph: without in-place operators, which would be silently wrong after conversion."""
    batch = torch.export.Dim("batch")
    try:
        program = torch.export.export(model, example, dynamic_shapes=_dynamic(model, example, batch), strict=False)
        if trainable:
            mark_dropouts(program.graph_module)
        module = program.run_decompositions({}).module()
    except Exception as error:
        raise SnnfwError(_why_not(error)) from error
    if not isinstance(module, fx.GraphModule):
        raise SnnfwError(f"torch.export returned {type(module).__name__}, and a graph is needed.")
    for node in list(module.graph.nodes):
        checks = node.op == "call_module" or str(node.target).startswith("aten._assert_tensor_metadata")
        if checks and not node.users:
            module.graph.erase_node(node)
        elif node.target in VIEWS:  # memory layouts change once neurons write the tensors
            node.target = torch.ops.aten.reshape.default
    module.graph.eliminate_dead_code()
    module.recompile()
    return module


def _dynamic(model: nn.Module, example: Inputs, batch: Any) -> Any:
    """Return one specification per input; forward(*args) takes them as one tuple."""
    import inspect

    specs = tuple({0: batch} for _ in example)
    kinds = [p.kind for p in inspect.signature(model.forward).parameters.values()]
    return (specs,) if kinds and kinds[0] is inspect.Parameter.VAR_POSITIONAL else specs


def _why_not(error: Exception) -> str:
    text = str(error)
    if "Constraints violated" in text or "specializ" in text:
        sizes = re.findall(r"specialized.*?\((\d+)\)|constant[^0-9]*(\d+)", text)
        fixed = f" to {next(filter(None, sizes[0]))}" if sizes else ""
        return (
            f"the network's batch cannot be dynamic: its forward fixes the number of samples{fixed}. Derive sizes from "
            "x.shape[0] (or use -1 in view and reshape), so that it runs on any number of samples."
        )
    reason = next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)
    return f"torch.export cannot capture the network ({type(error).__name__}): {reason}"


def _other_samples(example: Inputs) -> Inputs:
    """Return three samples that differ from the example's, so that operators that mix samples show themselves."""
    generator = torch.Generator().manual_seed(0)
    return tuple(_other(tensor[[0, 1, 0]], generator) for tensor in example)


def _other(tensor: Tensor, generator: torch.Generator) -> Tensor:
    if not tensor.is_floating_point():
        return tensor.flip(0)
    noise = torch.randn(tensor.shape, generator=generator).to(tensor)
    spread = tensor.std() if tensor.numel() > 1 else torch.ones_like(tensor)
    return 0.5 * tensor.roll(1, 0) + 0.5 * torch.where(spread > 0, spread, torch.ones_like(spread)) * noise


def _check_equal(model: nn.Module, graph: Graph, inputs: Inputs) -> None:
    expected, computed = pytree.tree_leaves(model(*inputs)), pytree.tree_leaves(graph(*inputs))
    for index, (ours, theirs) in enumerate(zip(computed, expected, strict=True)):
        if not isinstance(theirs, Tensor) or not theirs.is_floating_point():
            continue
        scale = theirs.abs().max().clamp_min(1e-12)
        if ours.shape != theirs.shape or not bool(((ours - theirs).abs() <= TOLERANCE * scale).all()):
            raise SnnfwError(
                f"the captured graph does not compute what the network computes (output {index}, a batch of "
                f"{len(inputs[0])} samples): its forward probably depends on values or on the batch size."
            )
