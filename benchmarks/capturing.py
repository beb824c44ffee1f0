"""How long capturing a network takes, against torch.export alone and the passes of the network that checks need."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from benchmarks.result import Cell, Section
from benchmarks.timing import Candidates, Measured
from snnfw import Resources
from snnfw.capture.export import capture
from snnfw_tasks.classification.models.digits import DigitsResNet20

OURS, EXPORT = "snnfw capture", "torch.export"
PASSES, CHECKED = "three passes of 2 samples", "three passes of 2, 3 and 5 samples"


def mixnet() -> nn.Module:
    """Return timm's MixNet-S, untrained."""
    import timm

    model: nn.Module = timm.create_model("mixnet_s")
    return model


@dataclass(frozen=True, slots=True)
class Settings:
    """Which networks are captured, by name, and the shape of one sample of each."""

    networks: Mapping[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = field(
        default_factory=lambda: {
            "digits-resnet20": (lambda: DigitsResNet20().build(10, Resources()), (1, 8, 8)),
            "timm/mixnet_s": (mixnet, (3, 64, 64)),
            "torchvision/resnet50": (torchvision.models.resnet50, (3, 224, 224)),
        }
    )


def measure(settings: Settings, repetitions: int = 3) -> Iterator[Section]:
    """Yield a table for each network."""
    for name, (build, shape) in settings.networks.items():
        found = processor_seconds(candidates(build().eval(), shape), repetitions)
        yield _section(f"Capture of {name} at {' x '.join(map(str, shape))}", found)


def processor_seconds(candidates: Candidates, repetitions: int) -> Measured:
    """Return what each candidate took of the processor, in turns; the first turn fills caches and is not counted.

    Capture runs on one core mostly, so that this tells what it costs however busy the machine is.
    """
    values: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(repetitions + 1):
        for name, run in candidates.items():
            start = time.process_time()
            run()
            values[name].append(time.process_time() - start)
    return Measured({name: tuple(found[1:]) for name, found in values.items()})


def candidates(network: nn.Module, shape: tuple[int, ...]) -> Candidates:
    """Return capture, and what it is held against."""
    generator = torch.Generator().manual_seed(0)
    two, three, five = (torch.randn(count, *shape, generator=generator) for count in (2, 3, 5))
    return {
        OURS: partial(capture, network, (two,)),
        EXPORT: partial(_export, network, two),
        PASSES: partial(_passes, network, (two, two, two)),
        CHECKED: partial(_passes, network, (two, three, five)),
    }


@torch.no_grad()
def _export(network: nn.Module, example: Tensor) -> Any:
    batch = torch.export.Dim("batch")
    return torch.export.export(network, (example,), dynamic_shapes=({0: batch},), strict=False)


@torch.no_grad()
def _passes(network: nn.Module, batches: tuple[Tensor, ...]) -> None:
    for batch in batches:
        network(batch)


def _section(title: str, found: Measured) -> Section:
    sums = {
        passes: tuple(sum(pair) for pair in zip(found.values[EXPORT], found.values[passes], strict=True))
        for passes in (PASSES, CHECKED)
    }
    ratios = Measured({**found.values, **{f"{EXPORT} and {name}": values for name, values in sums.items()}})
    columns = ("", "processor s", "capture / this")
    rows: list[tuple[Cell, ...]] = [
        (name, f"{ratios.median(name):.2f}", ratios.ratio(OURS, name)) for name in ratios.values
    ]
    return Section(title, columns, tuple(rows), found)
