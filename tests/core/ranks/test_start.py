"""One process needs nobody; what cannot be started is refused."""

from __future__ import annotations

import pytest
import torch

from snnfw.errors import SnnfwError
from snnfw.ranks.group import ALONE
from snnfw.ranks.start import start_ranks


def test_one_process_is_not_started() -> None:
    with start_ranks(1, 1, "cuda:1") as ranks:
        assert ranks is ALONE


def test_one_device_by_its_number_is_none_for_several() -> None:
    with pytest.raises(SnnfwError) as error, start_ranks(2, 1, "cuda:1"):
        pass
    assert str(error.value) == "device=cuda:1 is one device and devices=2 are several: give device=cuda."


def test_more_devices_than_there_are_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(SnnfwError) as error, start_ranks(2, 1, "cuda"):
        pass
    assert str(error.value) == (
        "devices=2 with device=cuda needs as many GPUs, and this machine has 1: give as many, or device=cpu."
    )
