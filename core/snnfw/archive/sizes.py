"""Write sizes, which depend on the number of samples, as small trees of JSON, and read them back: never as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy
from torch.utils._sympy import functions

from snnfw.errors import SnnfwError

SAMPLES = sympy.Symbol("N", integer=True, positive=True)
"""The number of samples."""

FUNCTIONS: Mapping[str, Any] = {
    **{each.__name__: each for each in (sympy.Add, sympy.Mul, sympy.Pow, sympy.Max, sympy.Min)},
    **{each.__name__: each for each in (sympy.Eq, sympy.Ne, sympy.Lt, sympy.Le, sympy.Gt, sympy.Ge)},
    **{
        name: getattr(functions, name)
        for name in ("FloorDiv", "Mod", "PythonMod", "CleanDiv", "CeilToInt", "FloorToInt", "TruncToInt", "ToFloat",
                     "IntTrueDiv", "FloatTrueDiv", "ModularIndexing")
        if hasattr(functions, name)
    },
}  # fmt: skip
"""What a size may be made of."""

DEPTH = 50


def encode_size(expression: Any) -> Any:
    """Return an expression of one symbol, the number of samples, as nested lists of names and numbers."""
    if expression in (sympy.true, sympy.false):
        return bool(expression)
    if expression.is_Symbol:
        return "N"
    if expression.is_Integer:
        return int(expression)
    if expression.is_Rational:
        return ["Rational", int(expression.p), int(expression.q)]
    name = type(expression).__name__
    known = {each: written for written, each in FUNCTIONS.items()}
    if type(expression) not in known:
        raise SnnfwError(f"a size that is computed with '{name}' cannot be saved.")
    return [known[type(expression)], *(encode_size(argument) for argument in expression.args)]


def decode_size(written: Any, depth: int = 0) -> Any:
    """Return the expression, in ``SAMPLES``."""
    if isinstance(written, bool):
        return sympy.true if written else sympy.false
    if isinstance(written, int):
        return sympy.Integer(written)
    if written == "N":
        return SAMPLES
    if not isinstance(written, list) or not written or depth > DEPTH:
        raise SnnfwError(f"{str(written)[:80]!r} is no size.")
    name, *arguments = written
    if name == "Rational":
        return sympy.Rational(*(int(part) for part in arguments))
    if name not in FUNCTIONS:
        raise SnnfwError(f"a size that is computed with '{str(name)[:40]}' is not known.")
    return FUNCTIONS[name](*(decode_size(argument, depth + 1) for argument in arguments))
