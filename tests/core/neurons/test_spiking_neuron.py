from __future__ import annotations

import re
from typing import ClassVar

import pytest
import torch
from spikingjelly.activation_based.functional import reset_net
from torch import Tensor, nn

from networks import noise
from snnfw.capture.graph import BatchDim
from snnfw.neurons.spiking_neuron import SpikingNeuron, States
from snnfw.values import SiteStats

TIMESTEPS = 6
SHAPE = (4, 3, 5, 5)


class Toy(SpikingNeuron):
    """Emit signed bursts of what was received, and count timesteps."""

    states: ClassVar[tuple[str, ...]] = ("potential", "elapsed")

    def begin(self, drive: Tensor) -> States:
        return (torch.zeros_like(drive) + self.initial, drive.new_zeros(()))

    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        potential = states[0] + drive
        output = (potential / self.threshold).round() * self.threshold
        return output, (potential - output, states[1] + 1)


class Strided(Toy):
    """Give the output as every other element of something larger."""

    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        output, after = super().step(drive, states)
        return torch.stack([output, drive], -1)[..., 0], after


class CountsFirst(Toy):
    """Name the state that belongs to no element first."""

    states: ClassVar[tuple[str, ...]] = ("elapsed", "potential")

    def begin(self, drive: Tensor) -> States:
        return super().begin(drive)[::-1]

    def step(self, drive: Tensor, states: States) -> tuple[Tensor, States]:
        output, after = super().step(drive, states[::-1])
        return output, after[::-1]


def toy(kind: type[Toy] = Toy, **stats: Tensor) -> Toy:
    return kind(SiteStats(torch.tensor(0.5, dtype=torch.float64), **stats))


def carried(neuron: Toy) -> list[Tensor]:
    return [getattr(neuron, name) for name in (*neuron.states, "emitted")]


def test_a_timestep_with_explicit_states_is_what_a_run_is_made_of() -> None:
    drive, neuron, pure = noise(TIMESTEPS, *SHAPE), toy(), toy()
    states = pure.begin(drive[0])
    outputs = []
    for current in drive:
        (output,), states = pure.single_step_functional_forward((current,), states)
        outputs.append(output)
    assert torch.equal(neuron(drive), torch.stack(outputs))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(carried(neuron), states, strict=False))
    assert pure.potential is None, "explicit states leave the neuron as it was"


def test_initial_potential_and_offset_are_currents_at_the_start_and_at_every_timestep() -> None:
    drive = noise(TIMESTEPS, *SHAPE)
    offset, initial = noise(1, 3, 1, 1, seed=1), noise(1, *SHAPE[1:], seed=2)
    given = drive + offset
    given[0] += initial
    torch.testing.assert_close(toy(offset=offset, initial=initial)(drive), toy()(given))


@pytest.mark.parametrize("chunks", [[1, 5], [2, 2, 2], [6]])
def test_state_carries_over_and_events_add_up(chunks: list[int]) -> None:
    drive, whole, neuron = noise(TIMESTEPS, *SHAPE), toy(), toy()
    wanted = whole(drive)
    assert torch.equal(torch.cat([neuron(part) for part in drive.split(chunks)]), wanted)
    assert all(map(torch.equal, carried(neuron), carried(whole)))
    assert torch.equal(carried(neuron)[-1], (wanted.abs() / 0.5).round().sum(0))
    assert neuron.elapsed == TIMESTEPS


def test_samples_that_go_on_take_their_state_with_them() -> None:
    drive, keep = noise(TIMESTEPS, 3, 4, 5), torch.tensor([3, 1])
    neuron, alone = toy(), toy()
    neuron(drive[:2])
    neuron.keep(BatchDim(1), keep)
    wanted = alone(drive[:, :, keep])
    assert torch.equal(neuron(drive[2:, :, keep]), wanted[2:])
    assert all(map(torch.equal, carried(neuron), carried(alone)))


def test_another_number_of_samples_is_refused_rather_than_forgetting_the_state() -> None:
    neuron = toy()
    neuron(noise(2, *SHAPE))
    sentence = (
        "the neuron's state has shape (4, 3, 5, 5) and its input (3, 3, 5, 5): reset it, "
        "or select the samples that go on in its state too."
    )
    with pytest.raises(ValueError, match=re.escape(sentence)):
        neuron(noise(2, 3, *SHAPE[1:]))


def test_a_network_that_is_reset_forgets_everything() -> None:
    drive, neuron = noise(TIMESTEPS, *SHAPE), toy()
    first = neuron(drive)
    reset_net(nn.Sequential(nn.Identity(), neuron))
    assert carried(neuron) == [None, None, None]
    assert torch.equal(neuron(drive), first)
    reset_net(neuron)
    assert neuron(noise(2, 7)).shape == (2, 7)


def test_a_static_input_is_the_same_as_a_repeated_one() -> None:
    value = noise(*SHAPE)
    static = value.expand(TIMESTEPS, *SHAPE)
    output = toy()(static)
    assert torch.equal(output, toy()(static.contiguous()))
    assert output.is_contiguous()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_every_timestep_comes_out_in_the_layout_of_the_input(layout: torch.memory_format) -> None:
    drive = noise(TIMESTEPS, *SHAPE)
    folded = drive.flatten(0, 1).contiguous(memory_format=layout).unflatten(0, drive.shape[:2])
    static = drive[0].contiguous(memory_format=layout).expand_as(drive)
    for given in (folded, static):
        output = toy()(given)
        assert torch.equal(output, toy()(given.contiguous()))
        assert all(step.is_contiguous(memory_format=layout) for step in output)
        assert output.flatten(0, 1).data_ptr() == output.data_ptr(), "timesteps lie one after the other"


def test_an_output_that_is_a_part_of_something_larger_is_not_overwritten() -> None:
    drive = noise(TIMESTEPS, *SHAPE)
    assert torch.equal(toy(Strided)(drive), toy()(drive))


def test_states_come_in_any_order() -> None:
    drive, neuron = noise(TIMESTEPS, *SHAPE), toy(CountsFirst)
    assert torch.equal(torch.cat([neuron(drive[:2]), neuron(drive[2:])]), toy()(drive))


def test_recording_gradients_changes_nothing_and_lets_them_through() -> None:
    drive, plain, recorded = noise(TIMESTEPS, *SHAPE), toy(), toy()
    wanted = plain(drive)
    learned = drive.clone().requires_grad_()
    output = recorded(learned)
    assert torch.equal(output, wanted)
    assert all(map(torch.equal, carried(recorded), carried(plain)))
    recorded.potential.sum().backward()
    assert learned.grad is not None
    assert torch.equal(learned.grad, torch.ones_like(drive)), "each timestep charges the potential once"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_everything_has_the_precision_of_the_network(dtype: torch.dtype) -> None:
    neuron = toy(offset=noise(1, 3, 1, 1)).to(dtype)
    output = neuron(noise(TIMESTEPS, *SHAPE).to(dtype))
    assert {tensor.dtype for tensor in (output, *carried(neuron), *neuron.buffers())} == {dtype}


def test_events_are_the_thresholds_in_an_output_whatever_its_sign() -> None:
    output = torch.tensor([0.0, 0.5, -0.5, 1.5, -2.0], dtype=torch.float64)
    assert toy().events(output).tolist() == [0, 1, 1, 3, 4]
    assert output.tolist() == [0.0, 0.5, -0.5, 1.5, -2.0]


def test_calibration_of_one_neuron_stays_its_own() -> None:
    stats = SiteStats(torch.ones(()), initial=torch.ones(()), offset=torch.ones(()))
    changed, other = Toy(stats), Toy(stats)
    for name in ("threshold", "initial", "offset"):
        getattr(changed, name).add_(1)
        assert (float(getattr(stats, name)), float(getattr(other, name))) == (1.0, 1.0)
    assert sorted(changed.state_dict()) == ["initial", "offset", "threshold"]
