from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from networks import noise
from snnfw.capture.graph import BatchDim
from snnfw.neurons.timefold import fold, unfold
from snnfw.spiking.coding import CODINGS
from snnfw.spiking.cumulative import Cumulative, StreamValue
from snnfw.values import DELTA, RATE

T, N = 6, 3


def cumulated(module: Cumulative, function: object, sequence: Tensor, chunks: tuple[int, ...]) -> Tensor:
    """Return the cumulative output [T, ...] of a sequence [T, N, ...] run in chunks."""
    place, outputs, start = BatchDim(0), [], 0
    for steps in chunks:
        part = fold(sequence[start : start + steps], place)
        outputs.append(unfold(module(function, steps, part), place, steps))
        start += steps
    return torch.cat(outputs).cumsum(0)


@pytest.mark.parametrize("chunks", [(6,), (3, 1, 2), (1,) * 6])
@pytest.mark.parametrize(("kernel", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 1, 1)])
def test_a_maximum_of_spikes_cumulates_to_the_maximum_of_the_cumulative_spikes(
    chunks: tuple[int, ...], kernel: int, stride: int, padding: int
) -> None:
    spikes = (noise(T, N, 2, 7, 7) > 0.3).double() * 0.25

    def pool(x: Tensor) -> Tensor:
        return F.max_pool2d(x, kernel, stride, padding)

    sums = cumulated(Cumulative(False, [BatchDim(0)], BatchDim(0)), pool, spikes, chunks)
    for t in range(T):
        assert torch.equal(sums[t], pool(spikes[: t + 1].sum(0)))


@pytest.mark.parametrize("chunks", [(6,), (3, 1, 2), (1,) * 6])
def test_an_analog_operator_cumulates_to_t_times_its_value_at_the_mean(chunks: tuple[int, ...]) -> None:
    stream = noise(T, N, 5)
    sums = cumulated(Cumulative(True, [BatchDim(0)], BatchDim(0)), lambda x: x.softmax(1), stream, chunks)
    for t in range(T):
        torch.testing.assert_close(sums[t], (t + 1) * stream[: t + 1].mean(0).softmax(1), rtol=1e-13, atol=1e-13)


def test_a_product_of_two_streams_is_exact_in_the_mean() -> None:
    a, b = noise(T, N, 4), noise(T, N, 4, seed=1)
    place = BatchDim(0)
    module = Cumulative(True, [place, place], place)
    output = unfold(module(torch.mul, T, fold(a, place), fold(b, place)), place, T)
    torch.testing.assert_close(output.mean(0), a.mean(0) * b.mean(0))


def test_values_and_indices_of_a_maximum_are_told_apart() -> None:
    place, stream = BatchDim(0), noise(T, N, 4).abs()
    module = Cumulative(False, [place], (place, place))
    values, indices = module(lambda x: tuple(x.max(1)), T, fold(stream, place))
    assert torch.equal(unfold(indices, place, T), stream.cumsum(0).argmax(2))
    torch.testing.assert_close(unfold(values, place, T).sum(0), stream.sum(0).amax(1))


@pytest.mark.parametrize("chunks", [(6,), (3, 1, 2), (1,) * 6])
def test_what_is_chosen_at_t_is_chosen_from_the_mean_input_so_far(chunks: tuple[int, ...]) -> None:
    place, stream, start = BatchDim(0), noise(T, N, 5), 0
    topk, gather = Cumulative(True, [place], place), Cumulative(True, [place, place], place)
    chosen, picked = [], []
    for steps in chunks:
        part = fold(stream[start : start + steps], place)
        indices = topk(lambda x: x.topk(2, 1).indices, steps, part)
        picked.append(unfold(gather(lambda x, i: x.gather(1, i), steps, part, indices), place, steps))
        chosen.append(unfold(indices, place, steps))
        start += steps
    for t in range(T):
        values, indices = stream[: t + 1].mean(0).topk(2, 1)
        assert torch.equal(torch.cat(chosen)[t], indices)
        torch.testing.assert_close(torch.cat(picked)[: t + 1].sum(0), (t + 1) * values, rtol=1e-13, atol=1e-13)


def test_what_is_read_out_of_a_choice_is_the_last_one() -> None:
    place, choices = BatchDim(0), torch.arange(T * N).view(T, N)
    module = StreamValue(place, CODINGS[RATE], temporal=False)
    module.add(fold(choices[:2], place), 2)
    module.add(fold(choices[2:], place), 4)
    assert torch.equal(module.read(), choices[-1])


def test_samples_that_go_on_are_not_disturbed_by_those_that_leave() -> None:
    place, stream, keep = BatchDim(0), noise(T, N, 5), torch.tensor([0, 2])
    whole = Cumulative(True, [place], place)
    expected = unfold(whole(torch.sigmoid, T, fold(stream, place)), place, T)
    module = Cumulative(True, [place], place)
    module(torch.sigmoid, 2, fold(stream[:2], place))
    module.keep(keep)
    rest = unfold(module(torch.sigmoid, T - 2, fold(stream[2:, keep], place)), place, T - 2)
    torch.testing.assert_close(rest, expected[2:, keep], rtol=1e-13, atol=1e-13)


WORTH = {
    (RATE, False): lambda stream: stream.mean(0),
    (RATE, True): lambda stream: stream.mean(0),
    (DELTA, False): lambda stream: stream.sum(0),
    (DELTA, True): lambda stream: stream.cumsum(0).mean(0),  # of frames, the mean of what each is worth
}


@pytest.mark.parametrize(("coding", "temporal"), WORTH)
@pytest.mark.parametrize("each", [False, True])
def test_what_a_stream_is_worth_in_any_chunks(coding: str, temporal: bool, each: bool) -> None:
    place, stream, keep = BatchDim(0), noise(T, N, 5), torch.tensor([0, 2])
    wanted = WORTH[coding, temporal](stream)
    module = StreamValue(place, CODINGS[coding], temporal)
    module.keeps_latest = each
    module.add(fold(stream[:2], place), 2)
    module.add(fold(stream[2:], place), 4)
    torch.testing.assert_close(module.read(), wanted, rtol=1e-13, atol=1e-13)
    if each:
        latest = stream.cumsum(0) if coding == DELTA else stream
        torch.testing.assert_close(unfold(module.latest, place, 4), latest[2:], rtol=1e-13, atol=1e-13)
    module.reset()
    module.add(fold(stream[:2], place), 2)
    module.keep(keep)
    module.add(fold(stream[2:, keep], place), 4)
    torch.testing.assert_close(module.read(), wanted[keep], rtol=1e-13, atol=1e-13)
