"""Say which packages a format needs where they are missing."""

from __future__ import annotations

from importlib.util import find_spec

from snnfw.errors import SnnfwError


def require_packages(kind: str, *names: str) -> None:
    """Refuse a format whose packages are not installed."""
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise SnnfwError(f"format={kind} needs {', '.join(missing)}: pip install 'snnfw[export]'.")
