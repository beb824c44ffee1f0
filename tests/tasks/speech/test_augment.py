from __future__ import annotations

import torch

from snnfw_tasks.speech.augment import shift


def test_waveforms_move_each_by_its_own_and_silence_comes_in() -> None:
    torch.manual_seed(0)
    waves = torch.arange(1.0, 21.0).expand(50, 1, 20)
    shifted = shift(waves, 0.2)
    assert shifted.shape == waves.shape
    moves = set()
    for wave in shifted[:, 0]:
        move = 20 - int(wave.max()) if wave[0] == 0 else 1 - int(wave[0])
        assert wave[wave != 0].equal(torch.arange(1.0, 21.0)[max(0, -move) : 20 - max(0, move)])
        moves.add(move)
    assert moves == set(range(-4, 5))


def test_no_share_moves_nothing() -> None:
    waves = torch.randn(3, 1, 7)
    assert shift(waves, 0.0).equal(waves)


def test_channels_move_together() -> None:
    waves = torch.arange(1.0, 21.0).expand(9, 1, 20) * torch.tensor([[1.0], [2.0]])
    shifted = shift(waves, 0.2)
    assert shifted.shape == (9, 2, 20)
    assert shifted[:, 1].equal(2 * shifted[:, 0])
