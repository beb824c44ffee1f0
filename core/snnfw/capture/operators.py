"""What every operator does to what it reads, and so to a sum over time: the table that plans are made from."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import fx

from snnfw.capture.sites import overload_packet

aten = torch.ops.aten


def _ops(names: str) -> frozenset[Any]:
    """Return the operators of that name that this torch version has."""
    return frozenset(getattr(aten, name) for name in names.split() if hasattr(aten, name))


MOVES = _ops(
    "cat stack hstack vstack dstack column_stack reshape flatten unflatten transpose t permute movedim select slice "
    "narrow chunk split split_with_sizes tensor_split unsafe_split unsafe_chunk unbind unsqueeze squeeze expand "
    "expand_as broadcast_tensors repeat tile clone contiguous _to_copy to type_as alias detach lift_fresh_copy roll "
    "flip rot90 pad constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d "
    "replication_pad2d replication_pad3d pixel_shuffle pixel_unshuffle channel_shuffle unfold im2col view_as "
    "reshape_as upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d "
    "_upsample_nearest_exact2d _upsample_nearest_exact3d repeat_interleave slice_scatter select_scatter copy diagonal "
    "diagonal_scatter diag_embed tril triu"
) | {operator.getitem}
"""Carry every element along, or leave it out: linear, and an event stays an event."""

READ_FOR_SHAPE = {aten.copy: 0, aten.type_as: 1}
"""Moves of one argument that read another for its kind and size alone, and where that one is."""

AVERAGES = _ops(
    "avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d _adaptive_avg_pool2d "
    "adaptive_avg_pool3d _adaptive_avg_pool3d mean sum"
)
"""Average or add elements: linear, and every event reaches what follows."""

SUMS = _ops("add sub rsub neg positive dropout feature_dropout")
"""Add streams, or a constant."""

WEIGHTED_SUMS = _ops(
    "cumsum diff upsample_linear1d upsample_bilinear2d _upsample_bilinear2d_aa upsample_trilinear3d upsample_bicubic2d "
    "_upsample_bicubic2d_aa batch_norm col2im fft_fft fft_ifft fft_rfft fft_irfft fft_fft2 fft_ifft2 fft_rfft2 "
    "fft_irfft2 view_as_real view_as_complex"
)
"""Linear, but what comes out are real-valued currents rather than events."""

PRODUCTS = _ops(
    "mul matmul mm bmm mv einsum linear addmm addmv baddbmm bilinear tensordot inner outer linalg_vecdot linalg_cross "
    "conv1d conv2d conv3d convolution conv_transpose1d conv_transpose2d conv_transpose3d"
)
"""Multiply operands: linear while exactly one of them varies in time."""

BIAS = {
    aten.linear: 2,
    aten.conv1d: 2,
    aten.conv2d: 2,
    aten.conv3d: 2,
    aten.convolution: 2,
    aten.conv_transpose1d: 2,
    aten.conv_transpose2d: 2,
    aten.conv_transpose3d: 2,
    aten.bilinear: 3,
    aten.addmm: 0,
    aten.addmv: 0,
    aten.baddbmm: 0,
}
"""Products that add a bias, and which argument that is; the two behind it, or the first two, are the factors."""

ADDED_NUMBERS = {
    aten.add: (0, 1),
    aten.sub: (0, 1),
    aten.rsub: (0, 1),
    aten.where: (1, 2),
    aten.constant_pad_nd: (2,),
    aten.pad: (3,),
    aten.masked_fill: (2,),
    aten.index_fill: (3,),
    aten.scatter: (3,),
}
"""Operators that add, pad or fill in a number where one is given, and at which places of their arguments it is."""

QUOTIENTS = _ops("div")
"""Divide: linear while only the first operand varies in time."""

CHOOSING = {
    aten.index: (1,),
    aten.index_select: (2,),
    aten.index_put: (1,),
    aten.index_add: (2,),
    aten.index_copy: (2,),
    aten.index_fill: (2,),
    aten.gather: (2,),
    aten.embedding: (1,),
    aten.scatter: (2,),
    aten.scatter_add: (2,),
    aten.masked_fill: (1,),
    aten.masked_scatter: (1,),
    aten.where: (0,),
    aten.max_unpool2d: (1,),
    aten.max_unpool3d: (1,),
}
"""Choose by indices or masks, at these places of their arguments: linear in all else while those stay in time."""

INDEXING = frozenset(CHOOSING)
"""Every operator that chooses."""

MOVING_INDEXING = _ops("index index_select gather masked_fill where")
"""Of these, those that carry elements along unchanged, as moves do."""

MAXIMA = _ops(
    "max_pool1d max_pool2d max_pool3d max_pool2d_with_indices max_pool3d_with_indices max_pool1d_with_indices "
    "adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d amax max"
)
"""The cumulative output is the maximum of the cumulative input."""

ANALOG = _ops(
    "softmax _softmax log_softmax _log_softmax layer_norm native_layer_norm group_norm native_group_norm rms_norm "
    "_fused_rms_norm instance_norm sigmoid hardsigmoid log_sigmoid tanh threshold scaled_dot_product_attention pow "
    "float_power sqrt rsqrt exp exp2 expm1 log log2 log10 log1p sin cos tan sinh cosh asin acos atan asinh acosh "
    "atanh atan2 sinc erf erfc erfinv abs square reciprocal floor ceil round trunc frac sign sgn deg2rad nan_to_num "
    "hypot logaddexp copysign clamp clamp_min clamp_max minimum maximum fmin fmax min amin norm linalg_vector_norm "
    "cosine_similarity pairwise_distance scatter_reduce var std var_mean std_mean prod cumprod cummax cummin median "
    "kthvalue logsumexp logcumsumexp grid_sampler grid_sampler_2d grid_sampler_3d cdist addcmul addcdiv lerp glu"
)
"""Not linear and with no neuron to stand in: exact in the mean over time, and charged as analog."""

CHOICES = _ops(
    "topk sort argsort argmax argmin eq ne lt le gt ge logical_and logical_or logical_xor logical_not bitwise_and "
    "bitwise_or bitwise_xor bitwise_not isnan isinf isfinite isclose any all count_nonzero floor_divide remainder fmod "
    "bucketize searchsorted"
)
"""Choose or compare: indices and masks have no mean over time, so that their value at t is that for the mean input."""

SHAPES_ONLY = _ops("new_full new_zeros new_ones zeros_like ones_like full_like fill")
"""Read nothing of a tensor but its kind and size."""

KNOWN = (
    MOVES | AVERAGES | SUMS | WEIGHTED_SUMS | PRODUCTS | QUOTIENTS | INDEXING | MAXIMA | ANALOG | CHOICES | SHAPES_ONLY
)
"""Every operator of these lists."""


def is_scaling(node: fx.Node) -> bool:
    """Tell whether an operator is a product without MACs, such as a gain per channel."""
    return overload_packet(node) in (aten.mul, aten.div)


def moved_values(node: fx.Node) -> list[fx.Node]:
    """Return the values that a move moves, without those that it reads for their kind and size alone."""
    place = READ_FOR_SHAPE.get(overload_packet(node))
    return [read for read in node.all_input_nodes if place is None or read is not node.args[place]]


def index_operands(node: fx.Node) -> list[fx.Node]:
    """Return the indices, or the mask, that an operator of ``INDEXING`` chooses by."""
    places = CHOOSING[overload_packet(node)]
    return [read for place in places for read in nodes_in(node.args[place] if place < len(node.args) else None)]


def nodes_in(argument: Any) -> list[fx.Node]:
    """Return the nodes that an argument holds: itself, or those of a list."""
    items = argument if isinstance(argument, list | tuple) else [argument]
    return [item for item in items if isinstance(item, fx.Node)]


def operands(node: fx.Node) -> list[fx.Node]:
    """Return the factors of a product, as often as it reads them: x · x has two, and a bias is one too."""
    return [read for argument in (*node.args, *node.kwargs.values()) for read in nodes_in(argument)]


def adds_constant(node: fx.Node) -> bool:
    """Tell whether a number other than zero is added, padded or filled in, which is a current and no event."""
    places = ADDED_NUMBERS.get(overload_packet(node), ())
    given = [node.args[place] for place in places if place < len(node.args)]
    return any(is_number(value) and value != 0 for value in (*given, node.kwargs.get("value")))


def is_number(value: Any) -> bool:
    """Tell whether an argument is a number, rather than a node or a list."""
    return isinstance(value, int | float)
