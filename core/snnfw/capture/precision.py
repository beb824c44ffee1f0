"""Compute in all digits of float32 on GPUs, where convolutions keep ten bits of them if torch is left to choose."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch


@contextlib.contextmanager
def full_float32() -> Iterator[None]:
    """Keep cuDNN and cuBLAS from rounding to TF32, so that a sample's result is the same in every batch.

    Which kernels use TF32 depends on the batch's size, so that the rounding does too.
    """
    there: Any = torch.backends
    homes = (there.cudnn.conv, there.cudnn.rnn, there.cuda.matmul)
    before = [home.fp32_precision for home in homes]
    try:
        for home in homes:
            home.fp32_precision = "ieee"
        yield
    finally:
        for home, precision in zip(homes, before, strict=True):
            home.fp32_precision = precision
