"""Spiking: the model that a plan becomes; what runs a graph over many timesteps comes in here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnfw.on_demand import import_on_demand

if TYPE_CHECKING:
    from snnfw.spiking.cumulative import Cumulative
    from snnfw.spiking.frames import first_frames, frames_in, mean_frame, mean_over_frames, single_frames
    from snnfw.spiking.memory import to_channels_last
    from snnfw.spiking.model import SpikingModel
    from snnfw.spiking.reading import STREAMS

__all__ = [
    "STREAMS",
    "Cumulative",
    "SpikingModel",
    "first_frames",
    "frames_in",
    "mean_frame",
    "mean_over_frames",
    "single_frames",
    "to_channels_last",
]

__getattr__ = import_on_demand(
    __name__,
    {
        "cumulative": "Cumulative",
        "frames": "first_frames frames_in mean_frame mean_over_frames single_frames",
        "memory": "to_channels_last",
        "model": "SpikingModel",
        "reading": "STREAMS",
    },
)
