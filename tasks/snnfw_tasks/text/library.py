"""Hugging Face's tokenizers when it is needed, and a sentence that says what to install where it is not there."""

from __future__ import annotations

import os
from functools import cache
from types import ModuleType

from snnfw import SnnfwError


@cache
def require_tokenizers() -> ModuleType:
    """Return tokenizers, or say how to get it."""
    # Without a word it warns, in the middle of a run, that processes which read files came after its threads.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        import tokenizers
    except ModuleNotFoundError as error:
        raise SnnfwError("task 'text' needs the package tokenizers: pip install 'snnfw[text]'.") from error
    module: ModuleType = tokenizers
    return module
