"""soundfile and SciPy when they are needed, and sentences that say what to install where they are not there."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

from snnfw import SnnfwError


def require_resampling() -> Callable[..., Any]:
    """Return SciPy's polyphase filter, or say how to get it."""
    try:
        from scipy.signal import resample_poly
    except ModuleNotFoundError as error:
        raise SnnfwError("resampling needs the package scipy: pip install 'snnfw[speech]'.") from error
    found: Callable[..., Any] = resample_poly
    return found


@cache
def require_soundfile() -> ModuleType:
    """Return soundfile, or say how to get it; its wheels bring the library that it wraps."""
    try:
        import soundfile
    except ModuleNotFoundError as error:
        raise SnnfwError("reading WAV files needs the package soundfile: pip install 'snnfw[speech]'.") from error
    except OSError as error:
        raise SnnfwError("soundfile needs the system library libsndfile: apt-get install libsndfile1.") from error
    module: ModuleType = soundfile
    return module
