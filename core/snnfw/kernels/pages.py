"""Ask the system for large pages under a new tensor: touching 4 KiB at a time costs more than a neuron's arithmetic."""

from __future__ import annotations

from torch import Tensor

from snnfw.allocator import advise_large_pages


def ask_for_large_pages(tensor: Tensor) -> bool:
    """Advise the system to back the whole large pages inside a tensor's memory with large pages, where it can.

    It is advice: memory already touched stays as it is, and a system that has none ignores it. Returns whether the
    system took the advice.
    """
    start = tensor.data_ptr()
    return advise_large_pages(start, start + tensor.untyped_storage().nbytes())
