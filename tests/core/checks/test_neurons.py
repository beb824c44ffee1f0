from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from backends import needs_native
from snnfw.checks.neurons import check_neuron
from snnfw.checks.trial import LAYOUTS, trial_of
from snnfw.kernels.body import Kernel, KernelBody
from snnfw.neurons.observers import PeakThreshold
from snnfw.neurons.spiking_neuron import SpikingNeuron, States
from snnfw.values import Observer, Site, SiteStats


class Sound(SpikingNeuron):
    """Fire up to two spikes of height θ and subtract them: nothing is wrong with it."""

    def begin(self, drive: Tensor) -> States:
        return (torch.zeros_like(drive) + self.initial,)

    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        potential = states[0] + drive
        spikes = (potential / self.threshold).floor().clamp(0, 2) * self.threshold
        return spikes, (potential - spikes,)


class KernelOfItsOwn(Sound):
    """Compute something else in C: a spike more whenever there is one."""

    def kernel(self) -> Kernel:
        code = "potential = potential + x; events = potential >= threshold ? 3 : 0; y = events * threshold;"
        return Kernel(KernelBody(("potential",), ("threshold",), code), {"threshold": self.threshold})


class KernelCountsItself(Sound):
    """Compute the same in C, and count every burst as one event."""

    def kernel(self) -> Kernel:
        code = """
            potential = potential + (x + offset);
            y = FLOOR(potential / threshold);
            y = CLAMP(y, 0, 2) * threshold;
            events = y > 0 ? 1 : 0;
            potential = potential - y;
        """
        parameters: dict[str, Tensor | float] = {"threshold": self.threshold, "offset": self.offset}
        return Kernel(KernelBody(("potential",), ("threshold", "offset"), code), parameters)


class WrongShape(Sound):
    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        output, after = super().step(drive, states)
        return output.unsqueeze(0), after


class EmitsNaN(Sound):
    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        output, after = super().step(drive, states)
        return output / (output > 0), after


class AlwaysDouble(Sound):
    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        output, after = super().step(drive, states)
        return output.double(), after


class ChangesInput(Sound):
    def multi_step_functional_forward(self, inputs: tuple[Tensor, ...], states: States, **_: object) -> Any:
        return super().multi_step_functional_forward((inputs[0].relu_(),), states)


class StepChangesInput(Sound):
    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        return super().step(drive.mul_(0.5), states)


class StepChangesStates(Sound):
    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        return super().step(torch.zeros_like(drive), (states[0].add_(drive),))


class BareState(Sound):
    def begin(self, drive: Tensor) -> Any:
        return super().begin(drive)[0]


class NotReset(Sound):
    tired = 1.0

    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        self.tired *= 0.9
        return super().step(drive * self.tired, states)


class ChunkDependent(Sound):
    def multi_step_functional_forward(self, inputs: tuple[Tensor, ...], states: States, **_: object) -> Any:
        return super().multi_step_functional_forward((inputs[0] - inputs[0].mean(0),), states)


class SamplesMixed(Sound):
    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        return super().step(drive * drive.square().mean(), states)


class FlatState(Sound):
    """Keep the potential of all samples in one row."""

    states: ClassVar[tuple[str, ...]] = ("fired", "potential")

    def begin(self, drive: Tensor) -> States:
        return (torch.zeros_like(drive), super().begin(drive)[0].flatten())

    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        if states[1].numel() != drive.numel():
            raise ValueError("the row is too short.")
        output, after = super().step(drive, (states[1].view_as(drive),))
        return output, (states[0] + output, after[0].flatten())


class FixedBatch(Sound):
    """Hide the number of samples in a state without any."""

    states: ClassVar[tuple[str, ...]] = ("potential", "samples")

    def begin(self, drive: Tensor) -> States:
        return (*super().begin(drive), drive.new_tensor(drive.shape[0]))

    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        output, after = super().step(drive * (1 + states[1] - len(drive)), states)
        return output, (*after, states[1])


class NegativeEvents(Sound):
    def events(self, output: Tensor) -> Tensor:
        return -super().events(output)


class HalfEvents(Sound):
    def events(self, output: Tensor) -> Tensor:
        return super().events(output) / 2


class EventsEverywhere(Sound):
    def events(self, output: Tensor) -> Tensor:
        return super().events(output) + 1


class EventsPerSample(Sound):
    def events(self, output: Tensor) -> Tensor:
        return super().events(output).flatten(2).sum(2)


class NoInitial(Sound):
    def begin(self, drive: Tensor) -> States:
        return (torch.zeros_like(drive),)


class NoOffset(Sound):
    def single_step_functional_forward(self, inputs: tuple[Tensor, ...], states: States, **_: object) -> Any:
        output, after = self.step(inputs[0], states)
        return (output,), after


class NoneOfCalibration(NoInitial, NoOffset):
    calibrated: ClassVar[bool] = False


class LooseTensor(Sound):
    def __init__(self, stats: SiteStats) -> None:
        super().__init__(stats)
        self.scale = torch.ones(3)


class FixedThreshold(SpikingNeuron):
    """Assume four axes."""

    def begin(self, drive: Tensor) -> States:
        return (self.initial.expand_as(drive),)

    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        samples, channels, height, width = drive.shape
        output, after = Sound.step(self, drive, states)
        return output.view(samples, channels, height, width), after


@dataclass(frozen=True)
class Method:
    """Build whichever module a subclass names."""

    name: ClassVar[str] = "toy"
    activations: ClassVar[tuple[str, ...]] = ("relu",)
    module: ClassVar[type[nn.Module]] = Sound

    def observer(self, site: Site) -> Observer:
        return PeakThreshold(site, share=2.0)

    def build(self, site: Site, stats: SiteStats, timesteps: int) -> Any:
        return self.module(stats)


def building(built: type[nn.Module]) -> type[Any]:
    return method(built.__name__, module=built)


def method(name: str, **body: Any) -> type[Any]:
    """Return a neuron's class that can be found by its name, as pickle wants."""
    made = globals()[f"{name}Method"] = type(f"{name}Method", (Method,), body)
    return made


@dataclass(frozen=True)
class Found:
    """An observer that has found this, whatever it was shown."""

    found: SiteStats

    def update(self, activation: Tensor) -> None:
        del activation

    def stats(self) -> SiteStats:
        return self.found


def finding(threshold: Tensor, **more: Tensor) -> type[Any]:
    def observer(self: object, site: Site) -> Observer:
        return Found(SiteStats(threshold, **more))

    return method(f"Finding{len(globals())}", observer=observer)


class Quantised(Method):
    """State the closed form."""

    def quantise(self, activation: Tensor, threshold: Tensor, timesteps: int) -> Tensor:
        steps = (activation * timesteps / threshold).floor().clamp(0, 2 * timesteps)
        return steps * threshold / timesteps


class WrongClosedForm(Quantised):
    """Forget that there are bursts."""

    def quantise(self, activation: Tensor, threshold: Tensor, timesteps: int) -> Tensor:
        return super().quantise(activation, threshold, timesteps).minimum(threshold)


class SummedClosedForm(Quantised):
    def quantise(self, activation: Tensor, threshold: Tensor, timesteps: int) -> Tensor:
        return super().quantise(activation, threshold, timesteps).sum()


@dataclass(frozen=True)
class NoDefault(Method):
    """Ask for a parameter."""

    phi: int


class CrashesInBuild(Method):
    def build(self, site: Site, stats: SiteStats, timesteps: int) -> Any:
        raise KeyError(site.name)


class BuildsAnything(Method):
    def build(self, site: Site, stats: SiteStats, timesteps: int) -> Any:
        return nn.ReLU()


class Misspelt(Method):
    activations: ClassVar[tuple[str, ...]] = ("relu", "sliu")


class NotATuple(Method):
    activations: ClassVar[Any] = "relu"


class OnlyPositive(Method):
    """Claim an activation whose negative values the neuron cannot emit."""

    activations: ClassVar[tuple[str, ...]] = ("relu", "silu")

    def quantise(self, activation: Tensor, threshold: Tensor, timesteps: int) -> Tensor:
        return (activation * timesteps / threshold).floor() * threshold / timesteps


KNOWN = (
    "Known: celu, elu, gelu, hardsigmoid, hardswish, hardtanh, identity, leaky_relu, mish, prelu, relu, relu6, rrelu, selu, sigmoid, silu, "
    "softplus, tanh."
)
BROADCAST = "which does not broadcast against one sample, [1, 3, 5, 5]."
POSITIVE = "its observer finds thresholds that are not positive and finite."
CLOSED_FORM = "for a constant input its mean output is more than one threshold / T from quantise()"
LEFT = "when samples leave in the middle of a run, the output of those that stay changes"
MIXED = "a sample's output changes with the other samples in the batch."
DEFAULTS = "it cannot be observed, built and run with its defaults:"

OF_KERNELS = ("another kernel", "a kernel that counts otherwise")

FAULTS: dict[str, tuple[type[Any], list[str]]] = {
    "a wrong shape": (
        building(WrongShape),
        ["its output has shape [8, 1, 4, 3, 5, 5] for an input of shape [8, 4, 3, 5, 5]."],
    ),
    "another kernel": (
        building(KernelOfItsOwn),
        ["its kernel computes something else than its step().", "its kernel counts other events than events() does."],
    ),
    "a kernel that counts otherwise": (
        building(KernelCountsItself),
        ["its kernel counts other events than events() does."],
    ),
    "NaN": (building(EmitsNaN), ["its output holds NaN or infinite values."]),
    "another precision": (
        building(AlwaysDouble),
        ["step() returns torch.float64 for an input of torch.float32."],
    ),
    "its input changed": (building(ChangesInput), ["it changes its input in place."]),
    "a step's input changed": (building(StepChangesInput), ["step() changes its input in place."]),
    "a step's states changed": (building(StepChangesStates), ["step() changes its states in place."]),
    "a state without a tuple": (building(BareState), ["begin() does not return a tuple of its states (potential)."]),
    "a state that is not reset": (building(NotReset), ["after reset() the same input gives another output."]),
    "a run that depends on chunks": (
        building(ChunkDependent),
        ["in chunks of timesteps it gives another output than in one run.", f"{LEFT}."],
    ),
    "samples mixed": (building(SamplesMixed), [MIXED, f"{LEFT}."]),
    "a state that loses samples": (building(FlatState), [f"{LEFT}: ValueError: the row is too short."]),
    "a state that keeps the number of samples": (building(FixedBatch), [f"{LEFT}."]),
    "negative events": (building(NegativeEvents), ["events() returns numbers that are negative or not whole."]),
    "half events": (building(HalfEvents), ["events() returns numbers that are negative or not whole."]),
    "events out of nothing": (
        building(EventsEverywhere),
        ["events() counts events where the output is zero, or none where it is not."],
    ),
    "events of another shape": (
        building(EventsPerSample),
        ["events() returns shape [8, 4] for an output of shape [8, 4, 3, 5, 5]."],
    ),
    "no initial potential": (
        building(NoInitial),
        ["its output ignores 'initial', which calibration corrects: use it or set calibrated = False."],
    ),
    "no offset": (
        building(NoOffset),
        ["its output ignores 'offset', which calibration corrects: use it or set calibrated = False."],
    ),
    "a tensor that stays behind": (
        building(LooseTensor),
        ["its tensor 'scale' is no buffer, so it stays behind when the network moves: use register_buffer."],
    ),
    "images alone": (
        building(FixedThreshold),
        [f"{DEFAULTS} ValueError: not enough values to unpack (expected 4, got 3) (at a relu [L, N, C])."],
    ),
    "a threshold of zero": (finding(torch.zeros(())), [POSITIVE]),
    "a threshold of NaN": (finding(torch.tensor(torch.nan)), [POSITIVE]),
    "an infinite threshold": (finding(torch.tensor(torch.inf)), [POSITIVE]),
    "a threshold of another shape": (
        finding(torch.ones(3)),
        [f"its observer finds threshold of shape [3], {BROADCAST}"],
    ),
    "a threshold for every sample": (
        finding(torch.ones(4, 1, 1, 1)),
        [f"its observer finds threshold of shape [4, 1, 1, 1], {BROADCAST}"],
    ),
    "an offset of another shape": (
        finding(torch.ones(()), offset=torch.ones(7)),
        [f"its observer finds offset of shape [7], {BROADCAST}"],
    ),
    "a wrong closed form": (WrongClosedForm, [f"{CLOSED_FORM}."]),
    "a closed form of another shape": (
        SummedClosedForm,
        ["quantise() returns shape [] for an activation of shape [4, 3, 5, 5]."],
    ),
    "an activation it cannot follow": (OnlyPositive, [f"{CLOSED_FORM} (at a silu [N, C, H, W])."]),
    "an activation nobody has": (
        Misspelt,
        [f"it stands in for 'sliu', which no site is. Did you mean 'silu'? {KNOWN}"],
    ),
    "a word instead of words": (NotATuple, [f"it stands in for 'r', which no site is. {KNOWN}"]),
    "a parameter without a default": (
        NoDefault,
        [
            "it cannot be made with its defaults: TypeError: NoDefault.__init__() missing 1 required positional "
            "argument: 'phi'."
        ],
    ),
    "a crash in build": (CrashesInBuild, [f"{DEFAULTS} KeyError: 'site'."]),
    "a module of another kind": (BuildsAnything, ["build() returns a ReLU: it must return a snnfw.SpikingNeuron."]),
}


def test_layouts_are_what_they_are_called() -> None:
    for layout in LAYOUTS:
        axes = layout.words.strip("[]").split(", ")
        assert (len(layout.shape), layout.batch, layout.channel) == (len(axes), axes.index("N"), axes.index("C"))
        site = trial_of(Method(), "relu", layout).site
        sizes = zip(axes, layout.shape, strict=True)
        assert site.shape == tuple(None if axis == "N" else size for axis, size in sizes)
        assert site.channel == layout.channel


@pytest.mark.parametrize(
    "fault", [pytest.param(name, marks=needs_native) if name in OF_KERNELS else name for name in FAULTS]
)
def test_a_fault_is_found_and_said(fault: str) -> None:
    method, sentences = FAULTS[fault]
    assert check_neuron(method) == sentences


@pytest.mark.parametrize("method", [Method, Quantised, building(NoneOfCalibration)])
def test_a_sound_neuron_has_no_fault(method: type[Any]) -> None:
    assert check_neuron(method) == []


def test_a_neuron_that_cannot_be_pickled_is_said() -> None:
    class Local(Method):
        """Nobody finds it by its name."""

    (fault,) = check_neuron(Local)
    assert fault.startswith("it cannot be pickled: ")
