"""open3d when it is needed, and a sentence that says what to install where it is not there."""

from __future__ import annotations

from functools import cache
from types import ModuleType

from snnfw import SnnfwError

SYSTEM = {"libusb-1.0": "libusb-1.0-0", "libGL": "libgl1", "libgomp": "libgomp1", "libX11": "libx11-6"}
"""What open3d loads from the system, each with Debian's package."""


@cache
def require_open3d() -> ModuleType:
    """Return open3d, or say how to get it or the system library that it misses."""
    try:
        import open3d
    except (ImportError, OSError) as error:
        raise SnnfwError(_cure(error)) from error
    open3d.utility.set_verbosity_level(open3d.utility.VerbosityLevel.Error)
    module: ModuleType = open3d
    return module


def _cure(error: Exception) -> str:
    """Return the package to install."""
    text = str(error)
    if isinstance(error, ModuleNotFoundError) and error.name == "open3d":
        return "task 'pointcloud' needs the package open3d: pip install 'snnfw[pointcloud]'."
    library = text.split(".so")[0].split(":")[0].strip() if ".so" in text else ""
    if library in SYSTEM:
        return f"open3d needs the system library {library}: apt-get install {SYSTEM[library]}."
    return f"open3d is installed and cannot be imported ({text}): install what is missing."
