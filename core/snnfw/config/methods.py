"""Choose methods by name: build the one that is asked for, or say which there are."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from snnfw.config.fields import as_choice, build_dataclass, format_value
from snnfw.config.lookup import find_named
from snnfw.config.schema import METHODS
from snnfw.config.sources import Plain, combine
from snnfw.errors import SnnfwError
from snnfw.kinds import KINDS
from snnfw.values import Keep

if TYPE_CHECKING:
    from snnfw.contracts import Task
    from snnfw.registry import Registry


def build_method(registry: Registry, kind: str, key: str, values: Plain) -> Any:
    """Make the method that ``values`` name and give parameters to."""
    name = values["name"]
    method = Keep if (kind, name) == ("neurons", Keep.name) else find_named(registry, kind, name)
    parameters = {parameter: value for parameter, value in values.items() if parameter != "name"}

    def nested(kind: str, place: str, written: object) -> Any:
        chosen = as_choice(f"{key}.{place}", written)
        if chosen is None or "name" not in chosen:
            raise SnnfwError(f"{key}.{place}={format_value(written)} has no name: give it one, like {{name: ...}}.")
        return build_method(registry, kind, f"{key}.{place}", chosen)

    return build_dataclass(method, parameters, key, f"{KINDS[kind].word} '{name}'", nested)


def choose(registry: Registry, values: Plain, key: str) -> Any:
    """Make the method of ``key``, which has to be named."""
    chosen = choose_optional(registry, values, key)
    if chosen is None:
        word, names = KINDS[METHODS[key]].word, sorted(registry.all(METHODS[key]))
        raise SnnfwError(f"nothing says which {word}: give {key}=NAME. Registered: {', '.join(names) or 'none'}.")
    return chosen


def choose_optional(registry: Registry, values: Plain, key: str) -> Any:
    """Make the method of ``key``, or return None if there is none."""
    given = values.get(key)
    if not given:
        return None
    if "name" not in given:
        parameter, value = next(iter(given.items()))
        word, names = KINDS[METHODS[key]].word, sorted(registry.all(METHODS[key]))
        raise SnnfwError(
            f"{key}.{parameter}={format_value(value)} is given, but nothing says which {word}: give {key}=NAME. "
            f"Registered: {', '.join(names) or 'none'}."
        )
    return build_method(registry, METHODS[key], key, given)


def choose_source(registry: Registry, values: Plain, key: str, task: Task) -> Any:
    """Make the model or data set, the task's own if nothing else is said, and see that it serves the task."""
    default: Plain = {key: {"name": getattr(task, f"default_{key}")}}
    given = {key: values[key]} if values.get(key) else {}
    if given and "name" not in given[key]:
        _require_parameters(registry, key, given[key], task)
    source = choose(registry, combine(expand_sources(registry, default), given), key)
    serving = {name for name, cls in registry.all(METHODS[key]).items() if not cls.tasks or task.name in cls.tasks}
    if source.name not in serving:
        word = KINDS[METHODS[key]].word
        raise SnnfwError(
            f"{word} '{source.name}' does not serve task '{task.name}'. "
            f"{word.capitalize()}s that do: {', '.join(sorted(serving)) or 'none'}."
        )
    return source


def _require_parameters(registry: Registry, key: str, given: Plain, task: Task) -> None:
    """Refuse parameters of a source that nothing chose and the task's own has not, where others have them."""
    default = getattr(task, f"default_{key}").partition("/")[0]
    having = {
        name: {field.name for field in fields(source)}
        for name, source in registry.all(METHODS[key]).items()
        if not source.tasks or task.name in source.tasks
    }
    for parameter, value in given.items():
        others = sorted(name for name, parameters in having.items() if parameter in parameters)
        if parameter not in having.get(default, {parameter}) and others:
            raise SnnfwError(
                f"{key}.{parameter}={format_value(value)} is given, and the task's own {KINDS[METHODS[key]].word} "
                f"'{default}' has no {parameter}: give {key}=NAME too. With {parameter}: {', '.join(others)}."
            )


def require_own_data(registry: Registry, values: Plain, model: Any, task: Task) -> None:
    """Refuse a network of others where nothing says which data it is for: the task's own would tell nothing of it."""
    if not getattr(model, "foreign", False) or (values.get("data") or {}).get("name"):
        return
    serving = sorted(name for name, cls in registry.data.items() if not cls.tasks or task.name in cls.tasks)
    raise SnnfwError(
        f"model '{model.name}' may be any network, and nothing says which data it is for: give data=NAME and where it "
        f"is, data.root=FOLDER, or, to plan without data, input=3x224x224. Data sets for task '{task.name}': "
        f"{', '.join(serving)}."
    )


def expand_sources(registry: Registry, layer: Plain) -> Plain:
    """Write ``model=torchvision/resnet18`` and ``model=package.module:function`` in full, ``data`` too."""
    return {key: _expand(registry, key, value) if key in ("model", "data") else value for key, value in layer.items()}


def _expand(registry: Registry, key: str, values: Plain | None) -> Plain | None:
    """Give what follows the source's name to its first parameter."""
    written = values.get("name", "") if values else ""
    prefix, slash, rest = written.partition("/")
    if slash and (prefix in registry.all(METHODS[key]) or ":" not in written):
        name, value = prefix, rest
    elif ":" in written and "callable" in registry.all(METHODS[key]):
        name, value = "callable", written
    else:
        return values
    parameters = fields(find_named(registry, METHODS[key], name, written))
    if not parameters:
        raise SnnfwError(f"{key}={written} is not allowed: '{name}' has no parameters, so write {key}={name}.")
    first = parameters[0].name
    if values and values.get(first, value) != value:
        raise SnnfwError(f"{key}={written} and {key}.{first}={format_value(values[first])} contradict each other.")
    return {**(values or {}), "name": name, first: value}
