"""What values are made of that are neither plain data nor code: containers, objects, bound functions."""

from __future__ import annotations

import functools
import logging
import re
import typing
from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from types import (
    BuiltinFunctionType,
    FunctionType,
    GenericAlias,
    MappingProxyType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    UnionType,
    WrapperDescriptorType,
)
from typing import Any

import torch

from snnfw.errors import SnnfwError

NAMED = (MethodDescriptorType, MethodWrapperType, WrapperDescriptorType, torch._ops.OperatorBase)
NAMED_PACKETS = (torch._ops.OpOverloadPacket, torch._ops._OpNamespace)
TYPING = (typing.TypeVar, typing.ParamSpec, GenericAlias, UnionType, type(typing.Any), type(list[int]))

CACHED = type(functools.cache(len))
FIXED: tuple[type, ...] = (bool, int, float, complex, str, bytes, Path, Enum, type, FunctionType, ModuleType)
FIXED += (CACHED, BuiltinFunctionType, functools.partial, torch.Tensor, torch.dtype)

Held = tuple[Sequence[Any], bool]
"""What a value holds, and whether the order counts."""


class FingerprintError(SnnfwError, TypeError):
    """There is a value of which it is not known what it is made of."""


def is_fixed(value: Any) -> bool:
    """Tell whether a value stays what it is while a program runs: plain data, code, and what is frozen of these."""
    if isinstance(value, tuple | frozenset):
        return all(map(is_fixed, value))
    if isinstance(value, MappingProxyType):
        return all(is_fixed(item) for item in value.items())
    described: Any = getattr(type(value), "__dataclass_params__", None)
    return value is None or isinstance(value, FIXED) or (described is not None and described.frozen)


def name_of(value: Any) -> str:
    """Return the full name of a class or function."""
    return f"{getattr(value, '__module__', None)}.{getattr(value, '__qualname__', type(value).__qualname__)}"


def parts_of(value: Any) -> Held:
    """Return the parts of a value, and whether their order counts.

    Raises:
        FingerprintError: it does not say.

    """
    if isinstance(value, Enum):
        return (value.name,), True
    if isinstance(value, Mapping):
        return tuple(value.items()), False
    if isinstance(value, Set):
        return tuple(value), False
    if isinstance(value, Sequence | range):
        return tuple(value), True
    if isinstance(value, CACHED):
        return (value.__wrapped__,), True
    if isinstance(value, functools.partial):
        return (value.func, value.args, value.keywords), True
    if isinstance(value, MethodType):
        return (value.__func__, value.__self__), True
    if isinstance(value, BuiltinFunctionType):
        owner = value.__self__
        return (name_of(value), None if isinstance(owner, ModuleType | None) else owner), True
    if is_dataclass(value):
        return tuple((field.name, getattr(value, field.name)) for field in fields(value)), True
    return _text_of(value) or _state(value)


def _text_of(value: Any) -> Held | None:
    """Return the name or the text that a value is known by."""
    if isinstance(value, NAMED + NAMED_PACKETS):
        return (str(value),), True
    if isinstance(value, logging.Logger):
        return (value.name,), True
    if isinstance(value, re.Pattern):
        return (value.pattern, value.flags), True
    if isinstance(value, torch.Generator):
        return (value.get_state(),), True
    if isinstance(value, TYPING) or type(value).__module__ == "typing":
        return (repr(value),), True
    return None


def _state(value: Any) -> Held:
    """Return an object's fields, or what it would be pickled by."""
    slots = [name for kind in type(value).__mro__ for name in _slots(kind)]
    own = {name: getattr(value, name) for name in slots if hasattr(value, name)} | getattr(value, "__dict__", {})
    if own or hasattr(value, "__dict__"):
        return tuple(own.items()), False
    try:
        reduced = value.__reduce_ex__(2)
    except (TypeError, AttributeError, NotImplementedError):
        reduced = ""
    if isinstance(reduced, tuple) and reduced[1] not in ((type(value),), (type(value), object, None)):
        return [part for part in reduced[1:3] if part is not None], True
    raise FingerprintError(f"a {type(value).__qualname__} has no fields to tell it by")


def _slots(kind: type) -> Sequence[str]:
    slots = vars(kind).get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return [name for name in names if name not in ("__dict__", "__weakref__")]
