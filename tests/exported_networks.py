"""Spiking models for tests of exports: with weights of which sums are exact, and the embedded networks."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from snnfw.config.resolution import resolve
from snnfw.exports.loop import Step, run_model, run_programs
from snnfw.exports.programs import Programs, build_programs
from snnfw.registry import Registry
from snnfw.spiking.model import SpikingModel
from snnfw.stages import load_subject, place_neurons
from snnfw.values import Inputs, Resources

TIMESTEPS = 8


@torch.no_grad()
def make_exact(model: SpikingModel, fraction: int = 256) -> SpikingModel:
    """Round weights and what calibration found to multiples of 1/256, thresholds to powers of two: sums are exact."""
    for tensor in (*model.network.parameters(), *model.network.buffers(), *model.deltas.buffers()):
        if tensor.is_floating_point():
            tensor.copy_((tensor * fraction).round() / fraction)
    for _, neuron in model.site_neurons():
        for name, buffer in neuron.named_buffers():
            if name == "threshold":
                buffer.copy_(2.0 ** buffer.log2().round())
            elif buffer.is_floating_point():
                buffer.copy_((buffer * fraction).round() / fraction)
    return model


@functools.cache
def embedded(words: str, samples: int) -> tuple[SpikingModel, Inputs]:
    """Return an embedded network as ``snnfw run`` converts it for eight timesteps, made exact, and a few images."""
    config = resolve([*words.split(), "search=null", "exit=null", f"timesteps={TIMESTEPS}"], Registry())
    torch.manual_seed(config.seed)
    subject = load_subject(config, Resources())
    plan = place_neurons(config, subject)
    calibration = list(subject.bundle.data.calibration)[:1]
    model = config.converter.convert(subject.graph, plan, calibration, TIMESTEPS, Resources())
    inputs = next(iter(subject.bundle.data.evaluation)).inputs
    return make_exact(model), tuple(_exact(tensor[:samples]) for tensor in inputs)


def _exact(tensor: Tensor) -> Tensor:
    return (tensor * 256).round() / 256 if tensor.is_floating_point() else tensor


def both(model: SpikingModel, inputs: Inputs) -> Iterator[tuple[Step, Step]]:
    """Yield every timestep of a model, and of its programs in torch."""
    programs = build_programs(model, inputs)
    yield from zip(run_model(model, inputs, model.timesteps), loop(programs, inputs), strict=True)


def loop(programs: Programs, inputs: Inputs) -> Iterator[Step]:
    """Yield every timestep of programs as they are in torch."""
    begin, step = programs.begin, programs.step
    return run_programs(programs, lambda given: begin(*given), lambda given: step(*given), inputs, programs.timesteps)


class AverageVgg(nn.Module):
    """The VGG of the embedded digits with average pools, weights random."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for width in (8, 16, 32):
            for _ in range(2):
                layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
                channels = width
            layers.append(nn.AvgPool2d(2))
        self.features, self.classifier = nn.Sequential(*layers), nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits [N, 10] of images [N, 1, 8, 8]."""
        return self.classifier(self.features(x).flatten(1))  # type: ignore[no-any-return]  # Linear
