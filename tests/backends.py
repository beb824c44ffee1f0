"""Which backends this machine has: without a C compiler tests run on the reference alone."""

from __future__ import annotations

import pytest

from snnfw.kernels.choice import choose_backend

FASTEST = choose_backend("auto", "cpu").name

needs_native = pytest.mark.skipif(FASTEST != "native", reason="there is no C compiler")

BACKENDS = ["reference", pytest.param("native", marks=needs_native)]
