from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from snnfw.kernels.layout import copy_with_layout, dense_steps, flatten, memory_order

ORDERS = {
    "contiguous": (torch.empty(2, 3, 4, 5), (0, 1, 2, 3)),
    "channels last": (torch.empty(2, 3, 4, 5).to(memory_format=torch.channels_last), (0, 2, 3, 1)),
    "permuted": (torch.empty(2, 3, 4).permute(2, 0, 1), (1, 2, 0)),
    "a number": (torch.empty(()), ()),
    "dimensions of one": (torch.empty(1, 3, 1), (0, 1, 2)),
    "every other row": (torch.empty(4, 3)[::2], None),
    "a part of each row": (torch.empty(4, 3)[:, :2], None),
    "one element many times": (torch.empty(1).expand(3), None),
    "windows that overlap": (torch.empty(5).unfold(0, 3, 1), None),
}


@pytest.mark.parametrize("name", ORDERS)
def test_the_order_of_dimensions_in_memory(name: str) -> None:
    tensor, order = ORDERS[name]
    assert memory_order(tensor) == order


def in_memory(tensor: Tensor) -> Tensor:
    """Return the elements of a dense tensor in the order in which they lie in memory."""
    return tensor.as_strided((tensor.numel(),), (1,))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(data=st.data())
def test_element_i_of_memory_reads_the_parameter_that_broadcasts_to_it(data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 4), max_size=5))
    order = data.draw(st.permutations(range(len(shape))))
    like = torch.empty([shape[dim] for dim in order]).permute([order.index(dim) for dim in range(len(shape))])
    dims = [data.draw(st.sampled_from((1, size))) for size in shape[data.draw(st.integers(0, len(shape))) :]]
    parameter = torch.arange(math.prod(dims)).reshape(dims)
    flat = flatten(parameter, like, torch.float64)
    read = flat.values[(torch.arange(like.numel()) // flat.inner) % len(flat.values)]
    assert torch.equal(read, in_memory(copy_with_layout(parameter.expand(shape), like, torch.float64)))


def test_numbers_are_read_in_the_precision_that_is_computed_in() -> None:
    assert flatten(1.7, torch.empty(3), torch.float64).values.item() == 1.7


def test_a_parameter_is_not_spread_further_than_it_varies() -> None:
    image = torch.empty(32, 64, 16, 16)
    channels = torch.rand(1, 64, 1, 1)
    assert flatten(channels, image, torch.float32).values.numel() == 64
    assert flatten(channels, image, torch.float32).inner == 256
    assert flatten(channels, image.to(memory_format=torch.channels_last), torch.float32).inner == 1


def test_dense_timesteps_are_not_copied() -> None:
    sequence = torch.rand(4, 2, 3, 5, 5).transpose(2, 4)
    assert dense_steps(sequence) is sequence
    static = torch.rand(2, 3).expand(4, 2, 3)
    assert dense_steps(static) is static


def test_a_static_input_that_is_not_dense_is_copied_once_for_all_timesteps() -> None:
    image = torch.rand(2, 6)[:, ::2]
    dense = dense_steps(image.expand(4, 2, 3))
    assert dense.stride() == (0, 3, 1)
    assert torch.equal(dense, image.expand(4, 2, 3))


def test_a_tensor_with_holes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^the tensor is not dense in memory$"):
        flatten(torch.rand(2), torch.empty(4, 2)[::2], torch.float32)


def test_a_number_met_first_without_memory_has_some_afterwards() -> None:
    with FakeTensorMode():
        stand_in = flatten(0.8125, torch.empty(3), torch.float32).values
    values = flatten(0.8125, torch.empty(3), torch.float32).values
    assert type(stand_in) is not Tensor
    assert type(values) is Tensor
    assert values.item() == 0.8125
    assert flatten(0.8125, torch.empty(3), torch.float32).values is values, "it is kept"
