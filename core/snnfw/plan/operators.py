"""What every operator does to a sum over time: the table that a plan is made from."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import fx

from snnfw.capture.sites import packet

aten = torch.ops.aten


def _ops(names: str) -> frozenset[Any]:
    """Return the operators of that name that this torch version has."""
    return frozenset(getattr(aten, name) for name in names.split() if hasattr(aten, name))


MOVES = _ops(
    "cat stack concat view reshape _unsafe_view flatten unflatten transpose t permute movedim select slice narrow "
    "chunk split split_with_sizes tensor_split unsafe_split unsafe_chunk unbind unsqueeze squeeze expand expand_as "
    "repeat tile clone contiguous _to_copy to type_as alias detach lift_fresh_copy roll flip rot90 pad constant_pad_nd "
    "reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d replication_pad3d "
    "pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle unfold im2col as_strided view_as reshape_as "
    "upsample_nearest1d upsample_nearest2d upsample_nearest3d repeat_interleave slice_scatter select_scatter"
) | {operator.getitem}
"""Carry every element along, or leave it out: linear, and an event stays an event."""

AVERAGES = _ops(
    "avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d _adaptive_avg_pool2d "
    "adaptive_avg_pool3d _adaptive_avg_pool3d mean sum"
)
"""Average or add elements: linear, and every event reaches what follows."""

SUMS = _ops("add sub rsub neg positive dropout native_dropout feature_dropout")
"""Add streams, or a constant."""

WEIGHTED_SUMS = _ops(
    "cumsum upsample_linear1d upsample_bilinear2d _upsample_bilinear2d_aa upsample_trilinear3d upsample_bicubic2d "
    "_upsample_bicubic2d_aa batch_norm col2im fft_rfft2 fft_irfft2"
)
"""Linear, but what comes out are real-valued currents rather than events."""

PRODUCTS = _ops(
    "mul matmul mm bmm mv dot einsum linear addmm addmv baddbmm bilinear tensordot inner outer conv1d conv2d conv3d "
    "convolution conv_transpose1d conv_transpose2d conv_transpose3d"
)
"""Multiply operands: linear while exactly one of them varies in time."""

NEW_TENSORS = PRODUCTS | _ops("add sub batch_norm cat stack avg_pool2d adaptive_avg_pool2d upsample_bilinear2d")
"""Return memory of their own, never a view of what they read."""

QUOTIENTS = _ops("div true_divide")
INDEXING = _ops(
    "index gather index_select embedding masked_fill take_along_dim where masked_scatter index_put scatter scatter_add"
)
"""Linear while only the first operand varies in time, and not the indices or masks."""

MAXIMA = _ops(
    "max_pool1d max_pool2d max_pool3d max_pool2d_with_indices max_pool3d_with_indices max_pool1d_with_indices "
    "adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d amax max"
)
"""The cumulative output is the maximum of the cumulative input."""

ANALOG = _ops(
    "softmax _softmax log_softmax _log_softmax layer_norm native_layer_norm group_norm native_group_norm rms_norm "
    "_fused_rms_norm instance_norm sigmoid hardsigmoid logsigmoid tanh softsign hardtanh scaled_dot_product_attention "
    "_scaled_dot_product_flash_attention_for_cpu pow sqrt rsqrt exp exp2 expm1 log log2 log1p sin cos abs square "
    "reciprocal clamp clamp_min clamp_max minimum maximum min amin norm linalg_vector_norm var std var_mean std_mean "
    "prod logsumexp grid_sampler grid_sampler_2d grid_sampler_3d cdist local_response_norm addcmul addcdiv lerp glu"
)
"""Not linear and with no neuron to stand in: exact in the mean over time, and charged as analog."""

CHOICES = _ops(
    "topk sort argsort argmax argmin eq ne lt le gt ge logical_and logical_or logical_xor logical_not bitwise_and "
    "bitwise_or bitwise_xor bitwise_not isnan isinf isfinite any all floor_divide remainder"
)
"""Choose or compare: indices and masks have no mean over time, so that their value at t is that for the mean input."""

SHAPES_ONLY = _ops("new_full new_zeros new_ones new_empty new_tensor zeros_like ones_like full_like empty_like")
"""Read nothing of a tensor but its kind and size."""

KNOWN = (
    MOVES | AVERAGES | SUMS | WEIGHTED_SUMS | PRODUCTS | QUOTIENTS | INDEXING | MAXIMA | ANALOG | CHOICES | SHAPES_ONLY
)
"""Every operator of these lists."""


def scales(node: fx.Node) -> bool:
    """Tell whether an operator is a product without MACs, such as a gain per channel."""
    return packet(node) in (aten.mul, aten.div, aten.true_divide)
