"""Capture a trained network with torch.export and check that the graph computes what the network computes."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, fx, nn

from snnfw.capture.encoders import offer_encoders
from snnfw.capture.equality import check_equal, is_random
from snnfw.capture.fold_norms import fold_norms
from snnfw.capture.functional import functionalise
from snnfw.capture.graph import Graph
from snnfw.capture.normalise import normalise
from snnfw.capture.own import disown
from snnfw.capture.refusals import draws_random_numbers, explain_failed_export, explain_randomness
from snnfw.capture.sites import GATES, find_sites, module_path
from snnfw.capture.survey import survey
from snnfw.capture.trainable import keep_trainable, mark_dropouts
from snnfw.capture.unfuse import unfuse
from snnfw.capture.unroll import unroll
from snnfw.errors import SnnfwError, wrong_kind_error
from snnfw.values import Inputs

BATCH = 65535
"""Samples that a batch is exported for on a GPU: cuDNN takes no more at once. The graph runs on any number."""


def capture(model: nn.Module, example: Inputs, trainable: bool = False) -> Graph:
    """Return the network as a graph of functional operators.

    The graph has parameters of its own. A ``trainable`` one computes with the network's instead, and keeps batch norms
    and dropouts, which are folded and removed otherwise. ``example`` is what the network is called with, at least two
    samples in dimension 0 of every tensor. The network must be in evaluation mode; it is not changed.

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
            disown(module, model)
        first, second = example, _other_samples(example)
        surveyed = survey(module, first, second)
        offer_encoders(module, surveyed)
        graph = Graph(
            module=module,
            where=surveyed.where,
            sizes=surveyed.sizes,
            sites=find_sites(module, surveyed.where, surveyed.shapes),
            paths={node.name: module_path(node) for node in module.graph.nodes},
            macs=surveyed.macs,
            elements=surveyed.elements,
            gates=find_sites(module, surveyed.where, surveyed.shapes, GATES),
            trainable=trainable,
        )
        check_equal(model, graph, tuple(torch.cat(pair) for pair in zip(first, second, strict=True)), surveyed.computed)
    return graph


def _check_arguments(model: nn.Module, example: Inputs) -> None:
    if not isinstance(model, nn.Module):
        raise wrong_kind_error("what to capture", model, "a torch.nn.Module")
    if not isinstance(example, tuple | list) or not all(isinstance(tensor, Tensor) for tensor in example):
        raise wrong_kind_error("the example", example, "a tuple with one tensor for each argument, such as (x,)")
    if model.training:
        raise SnnfwError("the network is in training mode: call its eval() before it is captured.")
    statistics = {f"{path}.{name}" for path, module in model.named_modules() for name in _statistics(module)}
    for name, value in [*model.named_parameters(), *model.named_buffers()]:
        if not value.is_floating_point() or bool(value.sum().isfinite()):
            continue
        masks = isinstance(value, nn.Parameter) or name.lstrip(".") in statistics
        if bool(value.isnan().any()) or (masks and bool(value.isinf().any())):
            raise SnnfwError(
                f"the network's '{name}' holds NaN or infinite values: load weights that are finite everywhere."
            )
    counts = {len(tensor) for tensor in example}
    if len(counts) != 1 or min(counts) < 2:
        raise SnnfwError(
            f"the example inputs hold {sorted(counts)} samples: give every input the same number, at least 2, "
            "so that the batch can be told from other dimensions."
        )


def _statistics(module: nn.Module) -> tuple[str, ...]:
    """Return the buffers of a module that have to be finite; others may hold masks of -inf."""
    return ("running_mean", "running_var") if isinstance(module, nn.modules.batchnorm._NormBase) else ()


def _export(model: nn.Module, example: Inputs, trainable: bool) -> fx.GraphModule:
    """Return the functionalised graph: without in-place operators, which would be silently wrong after conversion."""
    batch = torch.export.Dim("batch", max=BATCH if any(tensor.is_cuda for tensor in example) else None)
    try:
        with _quiet():
            program = torch.export.export(model, example, dynamic_shapes=_dynamic(model, example, batch), strict=False)
            if trainable:
                mark_dropouts(program.graph_module)
            module = functionalise(program)
    except Exception as error:
        raise SnnfwError(explain_failed_export(error, model)) from error
    if not isinstance(module, fx.GraphModule):
        raise SnnfwError(f"torch.export returned {type(module).__name__}, and a graph is needed.")
    normalise(module)
    unroll(module, trainable)
    unfuse(module)
    if any(map(draws_random_numbers, module.graph.nodes)) and is_random(model, example):
        raise SnnfwError(explain_randomness(module.graph.nodes))
    return module


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch from writing about a failure that becomes one sentence."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
            # Recurrent layers list their weights anew in each call, which changes nothing.
            warnings.filterwarnings("ignore", message=".*_flat_weights")
            yield
    finally:
        logging.disable(level)


def _dynamic(model: nn.Module, example: Inputs, batch: Any) -> Any:
    """Return one specification per input; forward(*args) takes them as one tuple."""
    import inspect

    specs = tuple({0: batch} for _ in example)
    kinds = [p.kind for p in inspect.signature(model.forward).parameters.values()]
    return (specs,) if kinds and kinds[0] is inspect.Parameter.VAR_POSITIONAL else specs


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
