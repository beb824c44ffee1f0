"""Large pages are asked for where a tensor holds one, and a tensor is as it was."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from snnfw import allocator
from snnfw.allocator import PAGE
from snnfw.kernels.pages import ask_for_large_pages

SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def test_a_small_tensor_holds_no_large_page() -> None:
    assert not ask_for_large_pages(torch.zeros(PAGE // 8 - 1, dtype=torch.float32))


@pytest.mark.skipif(
    sys.platform != "linux" or not SETTING.exists() or "[never]" in SETTING.read_text(), reason="no large pages here"
)
def test_a_large_tensor_takes_them_and_keeps_its_values() -> None:
    x = torch.arange(4 * PAGE // 8, dtype=torch.int64)
    assert ask_for_large_pages(x)
    assert torch.equal(x, torch.arange(len(x)))


def test_a_system_without_the_function_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator, "_library", lambda: None)
    assert not ask_for_large_pages(torch.empty(4 * PAGE))
