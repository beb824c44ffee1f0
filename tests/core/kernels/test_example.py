"""The neuron that the page on kernels shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from snnfw.values import SiteStats

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "kernels.md"


@pytest.mark.usefixtures("c_compiler")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_the_kernel_in_the_documentation_is_the_step_in_the_documentation(dtype: torch.dtype) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    page: dict[str, Any] = {}
    exec(code, page)  # noqa: S102  # the page's own example
    real = torch.float64 if dtype is torch.float64 else torch.float32
    stats = SiteStats(torch.rand(3, 1, 1, dtype=real) + 0.2, offset=torch.rand((), dtype=real) / 10)
    native, reference = page["Adapting"](stats), page["Adapting"](stats)
    native.backend, native.insists = "native", True
    for chunk in torch.randn(9, 2, 3, 5, 5).to(dtype).split(4):
        assert torch.equal(native(chunk), reference(chunk))
        assert torch.equal(native.fatigue, reference.fatigue)
        assert torch.equal(native.potential, reference.potential)
        assert torch.equal(native.emitted, reference.emitted)
    assert native.emitted.sum() > 0
