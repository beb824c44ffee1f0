"""Configuration: what a user asks for, typed and checked at one door."""

from __future__ import annotations

from snnfw.config.resolve import resolve, resolve_mapping, to_yaml
from snnfw.config.schema import RunConfig

__all__ = ["RunConfig", "resolve", "resolve_mapping", "to_yaml"]
