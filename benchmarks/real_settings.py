"""What is measured on real networks and on the embedded tasks: a line for each setting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

BITS = "plugin=ibra neuron.n=1 neuron.scale=null"
DELTA = "plugin=sigmadelta"
CORRECTED = "converter=calibration converter.threshold=neuron"
CALIBRATED = "converter=calibration converter.channel_wise=true"


@dataclass(frozen=True, slots=True)
class Setting:
    """A method as ``snnfw run`` is told it, ``words``, and the numbers of timesteps that it is measured at.

    Each number is a conversion and a run of its own, unless ``one_run`` reads all of them off the longest. ``networks``
    are globs of those that it is for, separated by commas.
    """

    name: str
    words: str
    timesteps: tuple[int, ...]
    networks: str = "*"
    one_run: bool = False

    def runs(self) -> tuple[tuple[int, ...], ...]:
        """Return the timesteps that each run is read at."""
        return (self.timesteps,) if self.one_run else tuple((each,) for each in self.timesteps)

    def fits(self, network: str) -> bool:
        """Tell whether it is for a network."""
        return any(fnmatchcase(network, each) for each in self.networks.split(","))


REAL: tuple[Setting, ...] = (
    Setting("ibra-15", f"{BITS} neuron.d=15", (1,), "resnet*"),
    Setting("ibra-63", f"{BITS} neuron.d=63", (1,), "resnet*"),
    Setting("ibra", "plugin=ibra", (1,), "efficientnet*"),  # ReLU6 gets tracking, whatever the bits
    Setting("signed", "plugin=signed", (2, 8)),
    Setting("adafire", "plugin=adafire search=null exit=null", (8,)),
    Setting("tracking", "neuron=tracking neuron.phi=8", (8,)),
    Setting("tracking-calibrated", f"neuron=tracking neuron.phi=8 {CALIBRATED}", (8,)),
    Setting("sigmadelta-5", f"{DELTA} neuron.levels=5", (1,)),
    Setting("sigmadelta-6", DELTA, (1,)),
    Setting("sigmadelta-7", f"{DELTA} neuron.levels=7", (1,)),
    Setting("sigmadelta-5-corrected", f"{DELTA} neuron.levels=5 {CORRECTED}", (1,), "resnet*"),
    Setting(
        "sigmadelta-7-one-digit", f"{DELTA} neuron.levels=7 neuron.digits=1", (1, 2, 4, 8), "resnet*", one_run=True
    ),
)
"""What published networks are converted with."""

EMBEDDED: tuple[Setting, ...] = (
    Setting("sigmadelta", DELTA, (1,)),
    Setting("sigmadelta-4-corrected", f"{DELTA} neuron.levels=4 {CORRECTED}", (1,), "digits-*,segmentation"),
    Setting("ibra-15", f"{BITS} neuron.d=15", (1,), "digits-*"),
    Setting("ibra", "plugin=ibra", (1,), "detection-relu"),
    Setting("signed", "plugin=signed", (4,), "detection-*,pointcloud-classes,speech"),
    Setting("adafire", "plugin=adafire search=null exit=null", (4,), "digits-*"),
    Setting("adafire", "plugin=adafire search=null exit=null", (16,), "detection-*,segmentation,pointcloud-*"),
)
"""What the embedded networks are converted with."""

TASKS: Mapping[str, str] = {
    "digits-resnet20": "task=classification model=digits-resnet20",
    "digits-vgg": "task=classification model=digits-vgg",
    "detection-relu": "task=detection model=scenes-yolo-relu",
    "detection-silu": "task=detection model=scenes-yolo-silu",
    "segmentation": "task=segmentation",
    "pointcloud-classes": "task=pointcloud task.head=cls",
    "pointcloud-parts": "task=pointcloud task.head=parts",
    "speech": "task=speech",
}
"""The embedded networks, as ``snnfw run`` is told them."""
