"""Name the operators of a graph as torch.export does, and find them by these names: these alone, and nothing else."""

from __future__ import annotations

import builtins
import math
import operator as python
import re
from typing import Any

import torch
from torch._ops import OpOverload, OpOverloadPacket

from snnfw.capture.sites import NAMESPACE
from snnfw.errors import SnnfwError

SIZES = (
    *(python.getitem, python.add, python.sub, python.mul, python.floordiv, python.truediv, python.mod, python.neg),
    *(python.eq, python.ne, python.lt, python.le, python.gt, python.ge, python.pow, python.and_, python.or_),
    *(math.floor, math.ceil, math.trunc, builtins.min, builtins.max),
    *(torch.sym_int, torch.sym_float, torch.sym_max, torch.sym_min, torch.sym_not, torch.sym_ite, torch.sym_sum),
)
"""Functions of Python that compute sizes, or take one result of several."""

PYTHON = {f"python.{function.__name__}": function for function in SIZES}

FACTORIES = frozenset(
    ("arange", "empty", "eye", "full", "linspace", "logspace", "ones", "range", "scalar_tensor", "zeros")
)
"""Operators without a tensor to read that make one of constants."""

TEXTS = frozenset(
    ("approximate", "equation", "indexing", "interpolation", "mode", "ord", "padding_mode", "reduce", "rounding_mode")
)
"""Arguments that are text: how a function is computed. An operator that takes another one may read or write files."""

NAMESPACES = ("aten", NAMESPACE)
"""Where operators come from: torch itself, and activations that packages bring."""

NAME = re.compile(rf"({'|'.join(NAMESPACES)})\.([A-Za-z_]\w*)\.([A-Za-z]\w*)", re.ASCII)


def operator_to_name(target: Any) -> str:
    """Return an operator's name, such as ``aten.conv2d.default``.

    Raises:
        SnnfwError: it is none of torch's own, which a file may name.

    """
    name = next((name for name, function in PYTHON.items() if function is target), None)
    if name is None and isinstance(target, OpOverload) and is_allowed(target):
        name = f"{target.namespace}.{target.overloadpacket.__name__}.{target._overloadname}"
    if name is None:
        raise SnnfwError(
            f"operator '{target}' cannot be saved: a file names operators of torch itself alone, so that nothing "
            "else is ever run by opening one."
        )
    return name


def name_to_operator(name: object) -> Any:
    """Return the operator of a name, refusing every name but those that ``operator_to_name`` gives."""
    if not isinstance(name, str):
        raise SnnfwError(f"operator {name!r} is not allowed: it must be a name.")
    if name in PYTHON:
        return PYTHON[name]
    found = NAME.fullmatch(name)
    packet = getattr(getattr(torch.ops, found[1]), found[2], None) if found else None
    target = getattr(packet, found[3], None) if found and isinstance(packet, OpOverloadPacket) else None
    if not isinstance(target, OpOverload) or not is_allowed(target):
        raise SnnfwError(f"operator '{name}' is not allowed: a file may name operators of torch itself alone.")
    return target


def is_allowed(target: OpOverload) -> bool:
    """Tell whether an operator of torch's own computes a result from tensors or constants, and does nothing else."""
    schema, short = target._schema, target.overloadpacket.__name__
    texts = {argument.name for argument in schema.arguments if "str" in str(argument.type)}
    if target.namespace not in NAMESPACES or schema.is_mutable or not schema.returns or not texts <= TEXTS:
        return False
    return short in FACTORIES or any("Tensor" in str(argument.type) for argument in schema.arguments)
