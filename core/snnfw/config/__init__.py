"""Configuration: what a user asks for, typed and checked at one door; what reads words or files comes in here."""

from __future__ import annotations

from snnfw.config.fields import MethodsOf, as_plain, build_dataclass, format_value
from snnfw.config.published import Experiment, ExperimentRow, Published, list_experiments
from snnfw.config.recipe import plain_rule
from snnfw.config.resolution import resolve, resolve_mapping, to_yaml
from snnfw.config.schema import RunConfig

__all__ = [
    "Experiment",
    "ExperimentRow",
    "MethodsOf",
    "Published",
    "RunConfig",
    "as_plain",
    "build_dataclass",
    "format_value",
    "list_experiments",
    "plain_rule",
    "resolve",
    "resolve_mapping",
    "to_yaml",
]
