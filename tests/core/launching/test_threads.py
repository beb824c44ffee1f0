"""Workers share the cores of a machine."""

from __future__ import annotations

import os

import pytest
import torch

from snnfw.launching import limit_threads, share_cores


@pytest.mark.parametrize(
    ("workers", "cores", "told", "threads"),
    [(2, 8, "", 4), (3, 8, "", 2), (16, 8, "", 1), (0, 8, "", 8), (2, 8, "3", 3), (2, 8, "64", 4), (2, 8, "all", 4)],
)
def test_a_worker_has_its_share(
    workers: int, cores: int, told: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    assert share_cores(workers, cores) == threads


def test_threads_are_limited_here_and_in_what_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
        monkeypatch.setenv(name, "9")
    try:
        limit_threads(3)
        assert torch.get_num_threads() == 3
        assert os.environ["OMP_NUM_THREADS"] == os.environ["MKL_NUM_THREADS"] == "3"
    finally:
        torch.set_num_threads(before)
