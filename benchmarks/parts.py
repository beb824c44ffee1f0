"""Measure the parts of which work on many workers is made, one at a time, in seconds of one core's work.

The processor's time and not the clock's: a worker that has a core to itself takes as long however busy this machine is.
"""

from __future__ import annotations

import io
import pickle
import resource
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torchvision
from PIL import Image
from torch import Tensor, nn

import snnfw
from snnfw import Resources, SpikingNetwork
from snnfw.conversion.direct import Direct
from snnfw.launching import Launcher, collect
from snnfw.launching.work import pack
from snnfw.planning.placement import place
from snnfw.planning.rules import Neuron, Rule
from snnfw.report.saving import report_files
from snnfw.search.questions import Question
from snnfw.search.sensitivity import measure as measure_sensitivity
from snnfw.search.trials import Trials
from snnfw.simulate.accuracy import Accuracy
from snnfw.values import Data
from snnfw_plugins.adafire import AdaFire
from snnfw_plugins.launchers.processes import Local
from snnfw_tasks.samples.images import prepare_image
from snnfw_tasks.samples.labelled import Preprocess

JPEG = (500, 375)
"""Width and height that most images of ImageNet have."""

CLASSES = 1000

Shortest = Callable[[Callable[[], Any]], float]
"""What takes the time of a call, the shortest of several."""


def resnet50() -> nn.Module:
    """Return the network, untrained: what it computes takes as long."""
    network: nn.Module = torchvision.models.resnet50()
    return network


@dataclass(frozen=True, slots=True)
class Settings:
    """What is measured, and on how much of it."""

    network: Callable[[], nn.Module] = resnet50
    pixels: int = 224
    timesteps: int = 4
    samples: int = 2
    calibration: int = 8
    sites: int = 7
    launcher: Launcher | None = field(default_factory=lambda: Local(workers=1))


def measure(settings: Settings, repetitions: int = 3) -> dict[str, float]:
    """Return the seconds of each part, the shortest of some repetitions; what is left over of a difference is 0."""
    shortest, threads = partial(_shortest, repetitions), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _measure(settings, shortest)
    finally:
        torch.set_num_threads(threads)


def _measure(settings: Settings, shortest: Shortest) -> dict[str, float]:
    torch.manual_seed(0)
    shape = (3, settings.pixels, settings.pixels)
    x, calibration = torch.randn(settings.samples, *shape), torch.randn(settings.calibration, *shape)
    labels = torch.arange(settings.samples)
    net = settings.network().eval()
    convert = partial(snnfw.convert, net, calibration, method="adafire", timesteps=settings.timesteps, search=False)
    snn = convert(exit=False)
    with torch.no_grad():
        found = {
            "capture and conversion": shortest(partial(convert, exit=False)),
            "an image's decoding": shortest(partial(decode, jpeg(), settings.pixels)),
            "an image and timestep": shortest(partial(snn, x)) / (settings.samples * settings.timesteps),
            "an image of the folded network": shortest(partial(snn.model.graph, x)) / settings.samples,
        }
    report = snnfw.evaluate(snn, (x, labels))
    return {
        **found,
        **measure_search(settings, snn, x, shortest),
        **measure_launcher(settings.launcher, snn, shortest),
        "merging a worker's scores": shortest(partial(merge, scored(labels), scored(labels))),
        "the report": shortest(partial(report_files, report, {})),
    }


def measure_search(settings: Settings, snn: SpikingNetwork, x: Tensor, shortest: Shortest) -> dict[str, float]:
    """Return the mean of a cell over sites from the first to the last, and what a search does before its cells."""
    judgement = snnfw.Judgement(partial(Accuracy, CLASSES), "accuracy", logits=lambda output: output)
    graph, data = snn.model.graph, Data([(x,)], ())
    trials = Trials(graph, data, judgement, Direct(), settings.timesteps, snn.costs, Resources())
    plan = place(graph, (Rule("*", AdaFire(phi=4)),))
    names = [placement.site.name for placement in plan.placements]
    some, less = names[:: max(1, len(names) // settings.sites)], AdaFire(phi=2)

    def ask(sites: list[str]) -> None:
        candidates: dict[str, list[Neuron]] = {site: [less] for site in sites}
        with tempfile.TemporaryDirectory() as folder:
            measure_sensitivity(plan, candidates, Question(samples=settings.samples), trials, Path(folder))

    alone = shortest(partial(ask, names[-1:]))
    several = shortest(partial(ask, list(dict.fromkeys([*some, names[-1]]))))
    return {
        "a cell of a search, each image": max(0.0, several - alone) / len(some) / settings.samples,
        "a search's conversion and own pass": alone,
    }


def measure_launcher(launcher: Launcher | None, snn: SpikingNetwork, shortest: Shortest) -> dict[str, float]:
    """Return what a launcher adds: a process with its imports, the network's way to it, the caller's share in a job."""

    def start() -> None:
        collect(launcher, _import_all, [0])
        end_workers()

    started = shortest(start)
    few, many = (shortest(partial(collect, launcher, abs, list(range(count)))) for count in (1, 101))
    end_workers()
    return {
        "the start of a worker": started,
        "handing out a job": max(0.0, many - few) / 100,
        "packing and unpacking the network": shortest(lambda: pickle.loads(pack(snn))),  # noqa: S301  # our own
    }


def end_workers() -> None:
    """End joblib's processes: what they took of the processor is known then."""
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)


def _import_all(item: int) -> int:
    """Import what a worker needs, by finding every plugin."""
    return len(snnfw.Registry().neurons) + item


def jpeg() -> bytes:
    """Return a picture of the usual size: noise made smooth, so that it takes about as many bytes as a photo."""
    generator = torch.Generator().manual_seed(0)
    small = torch.rand(1, 3, JPEG[1] // 4, JPEG[0] // 4, generator=generator)
    large = torch.nn.functional.interpolate(small, JPEG[::-1], mode="bicubic").clamp(0, 1)[0]
    file = io.BytesIO()
    Image.fromarray((255 * large).byte().permute(1, 2, 0).numpy()).save(file, "JPEG", quality=90)
    return file.getvalue()


def decode(content: bytes, pixels: int) -> Tensor:
    """Return the sample that a task makes of a file."""
    prepare = Preprocess(pixels * 8 // 7, pixels, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    return prepare_image(Image.open(io.BytesIO(content)).convert("RGB"), prepare)


def scored(labels: Tensor) -> Accuracy:
    """Return scores of what one worker has seen."""
    scorer = Accuracy(CLASSES)
    scorer.update(torch.zeros(len(labels), CLASSES), labels)
    return scorer


def merge(ours: Accuracy, theirs: Accuracy) -> Mapping[str, float]:
    """Put the scores of two together."""
    ours.merge(theirs.state())
    return ours.compute()


def _shortest(repetitions: int, run: Callable[[], Any]) -> float:
    times = []
    for _ in range(repetitions):
        start = processor_seconds()
        run()
        times.append(processor_seconds() - start)
    return min(times)


def processor_seconds() -> float:
    """Return what this process and those that it has ended took of the processor."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime
