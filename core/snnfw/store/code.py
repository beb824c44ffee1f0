"""What functions and classes are made of, as they run: compiled code, and what it reads from around it."""

from __future__ import annotations

import dis
from collections.abc import Collection, Iterator
from dataclasses import is_dataclass
from functools import cached_property
from types import CodeType, FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Any

GLOBALS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}

ABOUT = {
    *("__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "__annotations__", "__match_args__"),
    *("__slots__", "__parameters__", "__orig_bases__", "__firstlineno__", "__static_attributes__", "__annotate__"),
    *("__annotations_cache__", "__annotate_func__", "__dataclass_fields__", "__dataclass_params__", "_abc_impl"),
    *("__abstractmethods__", "_is_protocol", "_is_runtime_protocol", "__protocol_attrs__", "__subclasshook__"),
    *("__non_callable_proto_members__", "__class_getitem__", "__pydantic_decorators__"),
}
"""Attributes that say something about a class, and nothing of what it does."""

GENERATED = {
    *("__init__", "__repr__", "__eq__", "__hash__", "__setattr__", "__delattr__", "__getstate__", "__setstate__"),
    *("__replace__", "__lt__", "__le__", "__gt__", "__ge__"),
}
"""What ``dataclass`` writes, from the fields, which an instance shows."""


def code_of(code: CodeType) -> tuple[Any, ...]:
    """Return the instructions and constants of compiled code, without its file's name and its lines."""
    constants = tuple(code_of(held) if isinstance(held, CodeType) else _constant(held) for held in code.co_consts)
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    shape = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    return code.co_code, code.co_exceptiontable, constants, names, shape


def globals_of(function: FunctionType) -> list[tuple[str, Any]]:
    """Return the globals that a function and those inside it read, by name; an attribute's name is none."""
    names = _operands(function.__code__, GLOBALS)
    return [(name, function.__globals__[name]) for name in names if name in function.__globals__]


def imports_of(code: CodeType) -> list[str]:
    """Return the modules that are imported within code when it runs; relative ones are of the package itself."""
    return [name for name in _operands(code, {"IMPORT_NAME"}) if name]


def _operands(code: CodeType, operations: Collection[str]) -> list[str]:
    found = {
        str(instruction.argval)
        for part in _nested(code)
        for instruction in dis.get_instructions(part)
        if instruction.opname in operations
    }
    return sorted(found)


def attributes_of(kind: type) -> Iterator[tuple[str, Any]]:
    """Yield what a class itself defines: its functions, unwrapped, and its values."""
    generated = GENERATED if is_dataclass(kind) else set()
    for name, held in sorted(vars(kind).items()):
        if name in ABOUT or isinstance(held, MemberDescriptorType | GetSetDescriptorType):
            continue
        if name in generated and getattr(held, "__module__", None) in (None, kind.__module__, "builtins"):
            continue
        if isinstance(held, staticmethod | classmethod):
            yield name, held.__func__
        elif isinstance(held, property):
            yield from ((f"{name}.{part}", getattr(held, part)) for part in ("fget", "fset") if getattr(held, part))
        elif isinstance(held, cached_property):
            yield name, held.func
        else:
            yield name, held


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for held in code.co_consts:
        if isinstance(held, CodeType):
            yield from _nested(held)


def _constant(value: Any) -> Any:
    """Return a constant that hashes like itself: of complex numbers and Ellipsis their text."""
    return repr(value) if isinstance(value, complex) or value is ... else value
