"""Between plain values and frozen dataclasses: build, take apart, and say what is wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import core_schema

from snnfw.errors import SnnfwError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import ErrorDetails

    BuildMethod: TypeAlias = Callable[[str, str, object], Any]
    """Make a method: of which kind, where in the dataclass it is written, and what is written there."""

Built = TypeVar("Built")

SENTENCES: Mapping[str, str] = {
    "bool_type": "it must be true or false",
    "dataclass_type": "it must be a mapping",
    "dict_type": "it must be a mapping",
    "finite_number": "it must be finite",
    "float_type": "it must be a number",
    "greater_than": "it must be greater than {gt:g}",
    "greater_than_equal": "it must be at least {ge:g}",
    "int_type": "it must be a whole number",
    "less_than": "it must be less than {lt:g}",
    "less_than_equal": "it must be at most {le:g}",
    "list_type": "it must be a list",
    "literal_error": "it must be {expected}",
    "missing": "a value is missing",
    "string_pattern_mismatch": "it must match {pattern}",
    "string_type": "it must be text, in quotes if it looks like a number",
    "tuple_type": "it must be a list",
    "unexpected_keyword_argument": "there is no such parameter",
    "value_error": "{error}",
}
"""How an error of pydantic reads here, by pydantic's name for it; the others keep pydantic's words."""


@dataclass(frozen=True, slots=True)
class MethodsOf:
    """Mark a field that holds other methods of one ``kind``, each chosen by name or as ``{name: ..., parameters}``.

    ``neurons: Annotated[tuple[Neuron, ...], MethodsOf("neurons")] = ()``. They are built through the registry.
    """

    kind: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Read a list of choices, and write methods as such a list."""
        del source, handler
        written = core_schema.plain_serializer_function_ser_schema(lambda methods: [as_plain(m) for m in methods])
        return core_schema.with_info_after_validator_function(
            self._build, core_schema.list_schema(), serialization=written
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe the field as a list of the kind."""
        del schema, handler
        return {"type": "array", "items": {"type": self.kind}}

    def _build(self, written: list[Any], info: core_schema.ValidationInfo) -> tuple[Any, ...]:
        method = cast("BuildMethod", info.context)
        return tuple(method(self.kind, f"{info.field_name}[{at}]", value) for at, value in enumerate(written))


def build_dataclass(
    cls: type[Built], values: Mapping[str, Any], key: str, subject: str, method: BuildMethod | None = None
) -> Built:
    """Make a frozen dataclass of plain values, or say which of them it refuses.

    ``key`` is where the user wrote the values (``neuron``), ``subject`` what they are for (``neuron 'if'``). ``method``
    makes the methods in fields marked by ``MethodsOf``.
    """
    names = [field.name for field in fields(cast("Any", cls))]
    for name in values:
        if name not in names:
            listing = f" Its parameters: {', '.join(names)}." if names else " It has none."
            raise SnnfwError(f"{subject} has no parameter '{name}'.{_nearest(name, names)}{listing}")
    try:
        door = type_adapter(cast("Any", cls))
        return cast("Built", door.validate_json(json.dumps(values), strict=True, extra="forbid", context=method))
    except ValidationError as error:
        raise SnnfwError(_refusal(error.errors(), values, key, subject)) from error


def as_plain(value: object) -> dict[str, Any]:
    """Return a dataclass as plain values: its name, if it is a method, and every parameter."""
    named = {"name": value.name} if hasattr(value, "name") else {}
    return {**named, **type_adapter(cast("Any", type(value))).dump_python(value, mode="json")}


def format_value(value: object) -> str:
    """Return a plain value as a user would write it."""
    return value if isinstance(value, str) else json.dumps(value)


def as_choice(key: str, value: object) -> dict[str, Any] | None:
    """Return a choice of method as ``{name: ..., parameters}``, be it written as a name or in full."""
    if isinstance(value, str):
        return {"name": value}
    if value is None or (isinstance(value, dict) and isinstance(value.get("name", ""), str)):
        return value
    if value is False:
        raise SnnfwError(f"{key}=false is not allowed: write {key}=null for none.")
    raise SnnfwError(f"{key}={format_value(value)} is not allowed: it must be a name, or a mapping with a name.")


@cache
def type_adapter(cls: Any) -> TypeAdapter[Any]:
    """Return pydantic's view of a dataclass."""
    try:
        built: TypeAdapter[Any] = TypeAdapter(cls)
        built.rebuild()
        return built
    except (PydanticUserError, NameError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise SnnfwError(
            f"the parameters of {cls.__name__} cannot be read: {reason}. Import the types of its fields at "
            "run time, not under TYPE_CHECKING."
        ) from error


def _nearest(name: str, names: list[str]) -> str:
    """Return a hint at the parameter that was meant; names as short as ``phi`` need a low bar."""
    found = get_close_matches(name, names, n=1, cutoff=0.4)
    return f" Did you mean '{found[0]}'?" if found else ""


def _refusal(errors: list[ErrorDetails], values: Mapping[str, Any], key: str, subject: str) -> str:
    place = errors[0]["loc"]
    if not place:  # raised by the dataclass itself, about its values together
        return f"{subject} is not possible with these values: {_sentence(errors[0])}."
    path = f"{key}.{place[0]}" if key else str(place[0])
    if errors[0]["type"] == "missing" and len(place) == 1:
        return f"{subject} needs a value for '{place[0]}': give {path}=..."
    value = values[str(place[0])]
    for step in place[1:]:  # further in, past the names that pydantic gives to the members of a union
        if isinstance(value, list) and isinstance(step, int) and step < len(value):
            path, value = f"{path}[{step}]", value[step]
        elif isinstance(value, dict) and step in value:
            path, value = f"{path}.{step}", value[step]
    reasons = dict.fromkeys(_sentence(error) for error in errors if error["loc"][:1] == place[:1])
    return f"{path}={format_value(value)} is not allowed: {', or '.join(reasons)}."


def _sentence(error: ErrorDetails) -> str:
    template = SENTENCES.get(error["type"])
    words = template.format(**error.get("ctx", {})) if template else error["msg"].replace("Input should", "it must")
    return words.rstrip(".")
