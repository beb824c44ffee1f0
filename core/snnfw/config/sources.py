"""Read what a user wrote: words of the command line, YAML files and Python values, as plain mappings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from snnfw.config.fields import as_choice, format_value
from snnfw.config.schema import KEYS, METHODS, RECIPE_KEYS, default_checkpoints
from snnfw.errors import SnnfwError, unknown_name_error

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Plain: TypeAlias = "dict[str, Any]"
"""Strings, numbers, booleans, None, lists and mappings, as a YAML file holds them."""


def read_words(words: Sequence[str], keys: Sequence[str] = KEYS) -> Plain:
    """Read ``key=value`` words; a later word overrides an earlier one."""
    read: Plain = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise SnnfwError(f"'{word}' is not of the form key=value. Keys: {', '.join(keys)}.")
        if not value:
            raise SnnfwError(f"'{word}' gives no value: write '{key}=null' for none.")
        try:
            parsed = OmegaConf.to_container(OmegaConf.from_dotlist([word]))
            read = combine(read, _check_keys(parsed, keys))
        except (YAMLError, OmegaConfBaseException) as error:
            raise SnnfwError(f"'{word}' cannot be read: {_fault(error)}.") from error
    return read


def read_values(values: Plain, keys: Sequence[str] = KEYS) -> Plain:
    """Read plain values, as a file holds them."""
    return _check_keys(values, keys)


def read_experiment(path: Path, keys: Sequence[str] = KEYS) -> Plain:
    """Read a YAML file that may hold any key but ``experiment``."""
    read = _read_yaml(path, "experiment", tuple(key for key in keys if key != "experiment"))
    timesteps = read.get("timesteps")
    if isinstance(timesteps, int) and read.get("checkpoints") == list(default_checkpoints(max(timesteps, 1))):
        # They say nothing of their own, and would not fit another number of timesteps.
        return {key: value for key, value in read.items() if key != "checkpoints"}
    return read


def read_recipe(path: Path) -> Plain:
    """Read a YAML file that says which neuron goes where."""
    read = _read_yaml(path, "recipe", RECIPE_KEYS)
    if "layers" not in read:
        raise SnnfwError(f"{path} is not a recipe: it has no 'layers'.")
    return read


def combine(lower: Plain, upper: Plain) -> Plain:
    """Merge two layers of values, the upper one winning; another method drops the lower's values."""
    kept = {key: value for key, value in lower.items() if not _chooses_another_method(key, value, upper.get(key))}
    return _merge(kept, upper)


def interpolate(values: Plain) -> Plain:
    """Return the values with every ``${...}`` filled in."""
    try:
        filled = OmegaConf.to_container(OmegaConf.create(values), resolve=True)
    except OmegaConfBaseException as error:
        raise SnnfwError(f"the configuration cannot be read: {_fault(error)}.") from error
    return {str(key): value for key, value in filled.items()} if isinstance(filled, dict) else {}


def optional_text(values: Plain, key: str) -> str | None:
    """Return the name or path under ``key``, if there is one."""
    try:
        value = OmegaConf.select(OmegaConf.create(values), key)
    except OmegaConfBaseException as error:
        raise SnnfwError(f"the configuration cannot be read: {_fault(error)}.") from error
    if value is None or isinstance(value, str):
        return value
    raise SnnfwError(f"{key}={format_value(values[key])} is not allowed: it must be one name.")


def files_to_load(values: Plain) -> list[str]:
    """Return the plugin files that a layer of values names."""
    files = values.get("load") or []
    if isinstance(files, str):
        return [files]
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        raise SnnfwError(
            f"load={format_value(files)} is not allowed: it must be a list of files, like load=[./mine.py]."
        )
    return files


def _fault(error: Exception) -> str:
    """Return the problem of YAML without its place, or the first line of another error."""
    said = getattr(error, "problem", None) or str(error) or type(error).__name__
    return str(said).splitlines()[0].rstrip(".")


def _chooses_another_method(key: str, lower: object, upper: object) -> bool:
    """Say whether the upper layer chooses another method than the lower one."""
    if key not in METHODS or not isinstance(lower, dict) or not isinstance(upper, dict) or "name" not in lower:
        return False
    return bool(upper.get("name", lower["name"]) != lower["name"])


def _merge(lower: Plain, upper: Plain) -> Plain:
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _check_keys(values: object, keys: Sequence[str], prefix: str = "") -> Plain:
    """Return a mapping with nothing but ``keys``, every choice of a method written in full."""
    if not isinstance(values, dict):
        raise SnnfwError(f"{prefix}it holds {_kind(values)} where a mapping of keys is expected.")
    for key in values:
        if key not in keys:
            raise SnnfwError(f"{prefix}{unknown_name_error('key', str(key), keys, listing='Keys')}")
    return {key: as_choice(key, value) if key in METHODS else value for key, value in values.items()}


def _read_yaml(path: Path, what: str, keys: Sequence[str]) -> Plain:
    """Read a file, its paths to other files taken relative to its own folder."""
    if not path.is_file():
        raise SnnfwError(f"{what}={path} does not work: there is no such file.")
    article = "an" if what == "experiment" else "a"
    try:
        read = OmegaConf.to_container(OmegaConf.load(path))
    except (YAMLError, UnicodeDecodeError, OmegaConfBaseException, OSError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark else ""
        raise SnnfwError(f"{path} is not {article} {what}: {place}{_fault(error)}.") from error
    values = _check_keys(read, keys, f"{path} is not {article} {what}: ")
    listed = values.get("methods")  # of a comparison, each with a recipe of its own or without
    methods = listed if isinstance(listed, list) else []
    for holder in (values, *(entry for entry in methods if isinstance(entry, dict))):
        if isinstance(holder.get("recipe"), str):
            holder["recipe"] = str(path.parent / holder["recipe"])
    if "load" in values:
        values["load"] = [str(path.parent / file) for file in files_to_load(values)]
    return values


def _kind(value: object) -> str:
    return "a list" if isinstance(value, list) else "a single value"
