"""soundfile when it is needed, and a sentence that says what to install where it is not there."""

from __future__ import annotations

from functools import cache
from types import ModuleType

from snnfw import SnnfwError


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
