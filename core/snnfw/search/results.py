"""What a search says of one plan, and what it finds in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snnfw.planning.placement import Plan


@dataclass(frozen=True, slots=True)
class Score:
    """How good one plan is: the task's headline metric (higher is better) and energy per sample in millijoules."""

    metric: float
    energy: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found: the plan to run, what the report keeps of the way there, and files for the run folder.

    ``record`` is plain data, as JSON holds it. ``files`` are by path within the run folder.
    """

    plan: Plan
    record: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str | bytes] = field(default_factory=dict)
