"""What is known of a launcher before anything is computed: that it can launch, and that there is something to."""

from __future__ import annotations

from collections.abc import Callable

from snnfw.errors import SnnfwError
from snnfw.failures import failure_text
from snnfw.launching.launcher import Launcher


def require_launcher(launcher: Launcher | None) -> None:
    """Refuse a launcher that says by itself that it could not launch: ``require()``, which not every one has."""
    require = getattr(launcher, "require", None)
    if launcher is None or require is None:
        return
    try:
        require()
    except SnnfwError:
        raise
    except Exception as error:  # whatever a stranger's code raises
        raise SnnfwError(f"launcher '{launcher.name}' does not work: {failure_text(error)}") from error


def begin_launcher(launcher: Launcher | None, searches: bool, tell: Callable[[str], None]) -> None:
    """Refuse a launcher that could not launch, and say of one that has nothing to do here that it has not."""
    if launcher is None:
        return
    if searches:
        require_launcher(launcher)
    else:
        tell(
            f"launcher={launcher.name} has nothing to do: nothing here has a search, whose measurements it would run. "
            "'snnfw sweep' runs several at once with it."
        )
