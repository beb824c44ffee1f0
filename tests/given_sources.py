"""Sources for tests: a network as it is given, and what no task can use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from snnfw.values import Resources


@dataclass(frozen=True, slots=True)
class GivenModel:
    """A network that is handed over as it is, and knows neither preparation nor heads."""

    name: ClassVar[str] = "given"
    tasks: ClassVar[tuple[str, ...]] = ()
    module: nn.Module

    def preprocess(self) -> None:
        return None

    def build(self, classes: int, resources: Resources) -> nn.Module:
        return self.module


@dataclass(frozen=True, slots=True)
class Foreign:
    """A source without what any task asks for."""

    name: ClassVar[str] = "foreign"
    tasks: ClassVar[tuple[str, ...]] = ()
