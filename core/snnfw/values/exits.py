"""Who may leave before the last timestep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from snnfw.values.samples import Output

if TYPE_CHECKING:
    from torch import Tensor


class ExitRule(Protocol):
    """Decide, after a timestep, which samples have been computed long enough.

    The output is read for it at every timestep, and reading is charged. A rule that lets nobody leave before a timestep
    says which one in an attribute ``earliest``: until then it is not asked.
    """

    def done(self, output: Output, timestep: int, timesteps: int) -> Tensor:
        """Return a boolean per sample, [N]: true where the sample leaves with this output."""
        ...

    def record(self) -> Mapping[str, Any]:
        """Return the rule's record for the report, such as its thresholds: plain data, as JSON holds it."""
        ...
