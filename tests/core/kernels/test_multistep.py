"""The native backend computes what the reference computes, whatever the shape, the memory layout and the chunks."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from kernel_inputs import LAYOUTS, Layout, as_it_is, channels_last, noise, reversed_dims, same
from kernel_variants import Make
from snnfw.capture.graph import BatchDim
from snnfw.kernels.multistep import is_supported
from snnfw.neurons.spiking_neuron import SpikingNeuron
from snnfw.values import SiteStats

pytestmark = pytest.mark.usefixtures("c_compiler")

# Most of the time goes into compiling the few variants of a kernel, when they are first asked for.
few = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def parameters(draw: st.DrawFn, shape: tuple[int, ...], dtype: torch.dtype, seed: int) -> Tensor:
    """A number, or anything that broadcasts against the shape, in any memory layout; some are exact quarters."""
    dims = [draw(st.sampled_from((1, size))) for size in shape[draw(st.integers(0, len(shape))) :]]
    values = noise(tuple(dims), torch.float64, seed).abs() + 0.1
    if draw(st.booleans()):
        values = (values * 4).ceil() / 4
    turned = draw(st.permutations(range(len(dims))))
    return values.permute(turned).contiguous().permute([turned.index(dim) for dim in range(len(dims))]).to(dtype)


@st.composite
def runs(draw: st.DrawFn, dtype: torch.dtype) -> tuple[SiteStats, list[Tensor]]:
    """Statistics, and an input cut into chunks of timesteps."""
    shape = tuple(draw(st.lists(st.sampled_from((0, 1, 1, 2, 3, 5)), max_size=5)))
    seed = draw(st.integers(0, 2**16))
    drive = noise((draw(st.integers(1, 7)), *shape), dtype, seed, special=draw(st.booleans()))
    drive = draw(st.sampled_from(LAYOUTS))(drive)
    real = torch.float64 if dtype is torch.float64 else torch.float32
    threshold = draw(parameters(shape, real, seed + 1))
    initial, offset = (draw(st.none() | parameters(shape, real, seed + k)) for k in (2, 3))
    cuts = sorted(draw(st.lists(st.integers(0, len(drive)), max_size=2)))
    bounds = zip([0, *cuts], [*cuts, len(drive)], strict=True)
    return SiteStats(threshold, initial, offset), [drive[start:stop] for start, stop in bounds]


def native(make: Make, stats: SiteStats) -> SpikingNeuron:
    neuron = make(stats)
    neuron.backend, neuron.insists = "native", True
    return neuron


def assert_equal_states(ours: SpikingNeuron, theirs: SpikingNeuron) -> None:
    for name in (*ours.states, "emitted"):
        assert same(getattr(ours, name), getattr(theirs, name)), name


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@given(data=st.data())
@few
def test_native_is_the_reference_bit_for_bit(make: Make, dtype: torch.dtype, data: st.DataObject) -> None:
    stats, chunks = data.draw(runs(dtype))
    ours, theirs = native(make, stats), make(stats)
    for chunk in chunks:
        before = chunk.clone()
        assert same(ours(chunk), theirs(chunk))
        assert same(chunk, before), "the input is as it was"
        assert_equal_states(ours, theirs)


@given(data=st.data())
@settings(few, max_examples=15)
def test_half_precision_is_computed_with_states_of_32_bits(half: tuple[Make, torch.dtype], data: st.DataObject) -> None:
    make, dtype = half
    stats, chunks = data.draw(runs(dtype))
    ours, theirs = native(make, stats), make(stats)
    for chunk in chunks:
        assert same(ours(chunk), theirs(chunk))
        assert_equal_states(ours, theirs)
        assert all(getattr(ours, name).dtype == torch.float32 for name in (*ours.states, "emitted"))


def test_neurons_with_transcendental_functions_differ_by_a_spike_at_most_here_and_there(make_rounded: Make) -> None:
    drive, stats = noise((16, 100_000), torch.float32, 0) * 2, SiteStats(torch.tensor(0.3))
    ours, theirs = native(make_rounded, stats), make_rounded(stats)
    difference = (ours(drive) - theirs(drive)).abs()
    assert difference.max() <= 0.3001
    assert (difference > 0).double().mean() < 1e-5
    assert (ours.sent - theirs.sent).abs().max() <= 0.3001, "what was missed is made up for"


def test_neurons_with_transcendental_functions_are_the_reference_in_float64(make_rounded: Make) -> None:
    drive, stats = noise((16, 50_000), torch.float64, 0) * 2, SiteStats(torch.tensor(0.3, dtype=torch.float64))
    ours, theirs = native(make_rounded, stats), make_rounded(stats)
    assert same(ours(drive), theirs(drive))
    assert_equal_states(ours, theirs)


@pytest.mark.parametrize("layout", [as_it_is, channels_last], ids=lambda layout: layout.__name__)
def test_activations_of_many_blocks_equal_the_reference(make: Make, layout: Layout) -> None:
    drive = layout(noise((3, 2, 3, 57, 71), torch.float32, 0))
    for dims in ((), (3, 1, 1), (3, 57, 71), (57, 1), (1, 3, 1, 71), (2, 3, 57, 71)):
        stats = SiteStats(noise(dims, torch.float32, 1).abs() + 0.1, offset=noise(dims, torch.float32, 2))
        ours, theirs = native(make, stats), make(stats)
        assert same(ours(drive), theirs(drive)), dims
        assert_equal_states(ours, theirs)


def test_cores_share_the_work_and_change_nothing(make: Make) -> None:
    drive, stats = noise((3, 40_000), torch.float32, 0), SiteStats(noise((40_000,), torch.float32, 1).abs() + 0.1)
    ours, before = native(make, stats), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        output = ours(drive)
    finally:
        torch.set_num_threads(before)
    assert same(output, make(stats)(drive))


def test_the_output_has_the_layout_of_the_input(make: Make) -> None:
    for layout in (as_it_is, reversed_dims, channels_last):
        drive = layout(noise((3, 2, 3, 4, 5), torch.float32, 0))
        assert native(make, SiteStats(torch.tensor(0.5)))(drive).stride() == drive.stride()


def test_in_place_the_output_takes_the_memory_of_the_input(make: Make) -> None:
    drive, stats = channels_last(noise((5, 2, 3, 4, 5), torch.float32, 0)), SiteStats(torch.tensor(0.5))
    expected, given, neuron = make(stats)(drive), drive.clone(), native(make, stats)
    output = neuron(given, in_place=True)
    assert same(output, expected)
    assert output.data_ptr() == given.data_ptr()


def test_a_static_input_is_never_written_to(make: Make) -> None:
    image, stats = noise((2, 3, 4, 5), torch.float32, 0), SiteStats(torch.tensor(0.5))
    drive, before = image.expand(5, *image.shape), image.clone()
    assert same(native(make, stats)(drive, in_place=True), make(stats)(drive))
    assert torch.equal(image, before)


@pytest.mark.parametrize("backend", ["reference", "native"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=str)
def test_no_timesteps_give_no_output_and_change_nothing(make: Make, backend: str, dtype: torch.dtype) -> None:
    drive, neuron = noise((4, 2, 3), dtype, 0), make(SiteStats(torch.tensor(0.5)))
    neuron.backend = backend
    output = neuron(drive[:0])
    assert output.shape == (0, 2, 3)
    assert output.dtype == dtype
    neuron(drive)
    before = [getattr(neuron, name).clone() for name in (*neuron.states, "emitted")]
    neuron(drive[:0])
    assert all(same(getattr(neuron, n), b) for n, b in zip((*neuron.states, "emitted"), before, strict=True))


@pytest.mark.parametrize("place", [BatchDim(0), BatchDim(1), BatchDim(0, outer=3), BatchDim(0, inner=3)], ids=str)
def test_samples_that_go_on_do_so_as_in_the_reference(make: Make, place: BatchDim) -> None:
    stats = SiteStats(torch.tensor(0.5, dtype=torch.float64), initial=noise((4, 1), torch.float64, 1))
    for layout in (as_it_is, reversed_dims, channels_last):
        drive, samples = layout(noise((6, 12, 4, 5), torch.float64, 0)), torch.tensor([3, 0])
        ours, theirs = native(make, stats), make(stats)
        assert same(ours(drive[:3]), theirs(drive[:3]))
        split = drive[3:].unflatten(place.dim + 1, (place.outer, -1, place.inner))
        kept = split.index_select(place.dim + 2, samples).flatten(place.dim + 1, place.dim + 3)
        for neuron in (ours, theirs):
            neuron.keep(place, samples)
        assert same(ours(kept), theirs(kept))
        assert_equal_states(ours, theirs)


def test_a_reset_neuron_starts_again(make: Make) -> None:
    drive, neuron = noise((3, 4), torch.float32, 0), native(make, SiteStats(torch.tensor(0.5)))
    first = neuron(drive)
    neuron.reset()
    assert same(neuron(drive), first)


def test_a_threshold_that_changes_during_a_run_holds_from_then_on(make: Make) -> None:
    drive, stats = noise((4, 6), torch.float64, 0), SiteStats(torch.tensor(0.5, dtype=torch.float64))
    ours, theirs = native(make, stats), make(stats)
    for factor in (1, 3):
        for neuron in (ours, theirs):
            neuron.threshold.mul_(factor)
        assert same(ours(drive), theirs(drive))
        assert_equal_states(ours, theirs)


def test_parameters_in_half_precision_are_read_as_they_are(half: tuple[Make, torch.dtype]) -> None:
    make, dtype = half
    drive = noise((4, 2, 3), dtype, 0)
    stats = SiteStats(noise((3,), dtype, 1).abs() + 0.1, offset=noise((3,), dtype, 2))
    assert same(native(make, stats)(drive), make(stats)(drive))


@pytest.mark.parametrize("dtype", [torch.int32, torch.complex64], ids=str)
def test_other_types_have_no_kernel(dtype: torch.dtype) -> None:
    assert not is_supported(torch.zeros(2, 3, dtype=dtype))


def test_windows_that_overlap_are_not_written_over_even_in_place(make: Make) -> None:
    windows, stats = noise((12,), torch.float32, 0).unfold(0, 8, 1), SiteStats(torch.tensor(0.5))
    expected = make(stats)(windows.clone())
    assert same(native(make, stats)(windows, in_place=True), expected)


def test_event_counts_that_were_given_out_stay_as_they_were(make: Make) -> None:
    drive, neuron = noise((4, 6), torch.float32, 0), native(make, SiteStats(torch.tensor(0.5)))
    neuron(drive)
    given = neuron.emitted
    assert given is not None
    before = given.clone()
    neuron(drive)
    assert same(given, before)


def test_an_input_of_another_type_goes_on_as_in_the_reference(make: Make) -> None:
    drive, stats = noise((4, 6), torch.float32, 0), SiteStats(torch.tensor(0.5))
    ours, theirs = native(make, stats), make(stats)
    for dtype in (torch.float32, torch.float64):
        assert same(ours(drive.to(dtype)), theirs(drive.to(dtype)))
    assert ours.emitted is not None
    assert theirs.emitted is not None
    assert torch.equal(ours.emitted, theirs.emitted)
