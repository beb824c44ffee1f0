"""The embedded networks in ONNX, for eight timesteps, spike for spike: with weights of which sums are exact in 32 bits."""

from __future__ import annotations

from pathlib import Path

import pytest

from exported_networks import TIMESTEPS, embedded
from snnfw.exports.exporting import export_model

NETWORKS = {
    "residual": ("task=classification model=digits-resnet20 plugin=adafire", 2),
    "a detector with SiLU": ("task=detection model=scenes-yolo-silu plugin=signed", 1),
    "waveforms": ("task=speech plugin=adafire", 1),
    "delta coding and maximum pooling": ("task=classification model=digits-vgg plugin=sigmadelta neuron.digits=1", 2),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_an_embedded_network_in_onnx_has_equal_spikes_for_eight_timesteps(name: str, tmp_path: Path) -> None:
    model, inputs = embedded(*NETWORKS[name])
    exported = export_model(model, tmp_path / "net.onnx", inputs=inputs)
    assert exported.flips == 0
    assert exported.timesteps == TIMESTEPS
    assert not exported.silent
    assert exported.values > 100_000
