"""Describe the parameters of a method in words."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import to_jsonable_python

from snnfw.config.fields import format_value, type_adapter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import Field

TYPES: Mapping[str, str] = {
    "array": "list",
    "boolean": "bool",
    "integer": "int",
    "number": "float",
    "object": "mapping",
    "string": "text",
}
"""How a type of JSON schema reads here."""

BOUNDS: Mapping[str, str] = {
    "minimum": ">=",
    "exclusiveMinimum": ">",
    "maximum": "<=",
    "exclusiveMaximum": "<",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a method, in words; without a default it has to be given."""

    name: str
    type: str
    default: str | None
    description: str


def describe(cls: type) -> list[Parameter]:
    """Return the parameters of a dataclass, in words; those that have to be given come first."""
    properties = type_adapter(cls).json_schema().get("properties", {})
    found = [
        Parameter(
            field.name,
            _type_in_words(properties[field.name]),
            _default_in_words(field),
            properties[field.name].get("description", ""),
        )
        for field in fields(cast("Any", cls))
    ]
    return sorted(found, key=lambda parameter: parameter.default is not None)


def _type_in_words(schema: Mapping[str, Any]) -> str:
    """Return a type of JSON schema as a user names it: ``int >= 1``, ``max | mean``, ``list of float``."""
    if "anyOf" in schema:
        return " | ".join(_type_in_words(member) for member in schema["anyOf"])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema or "const" in schema:
        return " | ".join(format_value(choice) for choice in schema.get("enum", [schema.get("const")]))
    if "prefixItems" in schema:
        return f"[{', '.join(_type_in_words(member) for member in schema['prefixItems'])}]"
    if schema.get("items"):
        return f"list of {_type_in_words(schema['items'])}"
    name = schema.get("format") or TYPES.get(schema.get("type", ""), schema.get("type", "any"))
    return " ".join([name, *(f"{sign} {schema[bound]}" for bound, sign in BOUNDS.items() if bound in schema)])


def _default_in_words(field: Field[Any]) -> str | None:
    if field.default is not MISSING:
        return format_value(to_jsonable_python(field.default))
    if field.default_factory is not MISSING:
        return format_value(to_jsonable_python(field.default_factory()))
    return None
